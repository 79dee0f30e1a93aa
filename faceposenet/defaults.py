"""Defaults that the library and the settings of a job share. Imports nothing, so that settings can use it."""

HEAD = "open-mean"
"""The mean head of the package."""
VIEW_PX = 224
"""Side of a view."""
BATCH_SIZE = 128
"""Faces per call of the network."""
CACHE_DIR = "~/.cache/faceposenet"
"""Where prepared views are kept."""
