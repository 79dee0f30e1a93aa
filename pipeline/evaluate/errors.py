"""The one error of evaluations."""

from pipeline.errors import PipelineError


class DatasetError(PipelineError):
    """A dataset of an unknown kind, or one that breaks the layout of its kind."""
