"""Everything that `render_core` raises.

RenderError
├── RasterInputError   a mesh, projection or size that cannot be rasterised
└── HeadError          a head that cannot be built, found or read
"""


class RenderError(Exception):
    """Base of all errors of this package."""


class RasterInputError(RenderError, ValueError):
    """A mesh, projection or image size that cannot be rasterised."""


class HeadError(RenderError, ValueError):
    """A head that cannot be built, found or read."""
