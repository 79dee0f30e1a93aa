"""The one error of evaluations."""

from pipeline.errors import PipelineError


class DatasetError(PipelineError):
    """A data set that is of no known kind, or breaks the layout of its kind."""
