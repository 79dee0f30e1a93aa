"""Where the parts of a job are done: on this machine's processes, or on Ray."""
