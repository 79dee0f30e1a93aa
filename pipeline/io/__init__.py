"""Files, objects and formats: one way to read and write each."""
