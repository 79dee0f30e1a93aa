"""What the exit codes of `fpn` mean, in one place; docs/commands.md lists them for users."""

FAILED = 1
"""An input, a file or the machine is not as it has to be; the error says what to do."""
USAGE = 2
"""A wrong command, option or setting; nothing was begun. The code is click's own."""
INCOMPLETE = 3
"""Results that are not what they should be: faces missing, too many rejects, problems that a check found."""
UNAVAILABLE = 4
"""A store or cluster that cannot be had at present: the same command, later, continues."""
NOTHING_POSED = 5
"""A job that came to its end, in which every face was rejected."""
INTERRUPTED = 130
"""Ctrl-C; the same command continues a job."""
TERMINATED = 143
"""Asked to end (SIGTERM), as a node is before it goes; the same command continues a job."""


def is_expected(error: Exception) -> bool:
    """Whether an error is of this project, with a message for people, or of a file that people named."""
    if isinstance(error, OSError):
        return not isinstance(error, BrokenPipeError)  # the reader of a pipe has gone; click ends quietly
    # Imported only once something has failed: `fpn --help` is not to wait for them.
    from faceposenet.errors import FacePoseError
    from fpn_core.errors import FpnError
    from pipeline.errors import PipelineError
    from render_core.errors import RenderError

    return isinstance(error, PipelineError | FacePoseError | FpnError | RenderError)


def in_words(error: Exception) -> str:
    """An expected error in a line."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def exit_code(error: Exception) -> int:
    """The exit code of a command that ended with an expected error."""
    from faceposenet.errors import DetectorError
    from pipeline import errors

    codes: dict[type[Exception], int] = {
        errors.ConfigError: USAGE,
        DetectorError: USAGE,
        errors.JobIncompleteError: INCOMPLETE,
        errors.StorageUnavailableError: UNAVAILABLE,
        errors.ResourceError: UNAVAILABLE,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), FAILED)
