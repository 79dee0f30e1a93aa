"""Head pose and rendered views of faces, for scripts and notebooks.

```python
import faceposenet

face = faceposenet.pose("photo.jpg", [176, 72, 92, 113])
views = faceposenet.views("photo.jpg", face, [0, 40])
```

Photos are paths, or uint8 arrays with channels BGR as OpenCV reads them (`channels="RGB"` for those of Pillow
and Matplotlib). The functions share one `FacePoser`, which is made at the first call; make your own for
another network, head or device. For whole datasets there is the command `fpn run`, with the same numbers, and
`faceposenet.run`, `check`, `verify` and `export`, which do from Python what the commands do.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# A PNG of 30,000 x 30,000 px in under a megabyte takes a minute and 5 GB to decode. OpenCV refuses such an
# image before it allocates, but reads the limit only once, when it is first imported: so every package that
# imports cv2 sets it before. 2^27 px are 134 megapixels.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

if TYPE_CHECKING:
    from faceposenet.detection import detect
    from faceposenet.drawing import draw
    from faceposenet.errors import DetectorError, FacePoseError, FaceRejectedError, InputError
    from faceposenet.face import Face, Rejected
    from faceposenet.functions import aligned, default_poser, pose, pose_batch, views
    from faceposenet.picture import Picture, View, side_by_side
    from faceposenet.poser import FacePoser
    from faceposenet.sample import SAMPLE_BOX_XYWH_PX, sample_photo

__version__ = "0.2.0"

__all__ = [
    "SAMPLE_BOX_XYWH_PX",
    "DetectorError",
    "Face",
    "FacePoseError",
    "FacePoser",
    "FaceRejectedError",
    "InputError",
    "Picture",
    "Rejected",
    "View",
    "__version__",
    "aligned",
    "default_poser",
    "detect",
    "draw",
    "pose",
    "pose_batch",
    "sample_photo",
    "side_by_side",
    "views",
]

# Loaded at their first use: the job takes single modules of this package and must not wait for the others.
_MODULES = {
    "detection": ("detect",),
    "drawing": ("draw",),
    "errors": ("DetectorError", "FacePoseError", "FaceRejectedError", "InputError"),
    "face": ("Face", "Rejected"),
    "functions": ("aligned", "default_poser", "pose", "pose_batch", "views"),
    "picture": ("Picture", "View", "side_by_side"),
    "poser": ("FacePoser",),
    "sample": ("SAMPLE_BOX_XYWH_PX", "sample_photo"),
}
# The one exception to the rule that this package knows nothing of the job: these names lead there, at their
# first use, so that users have one package to import.
_OF_THE_JOB = dict.fromkeys(("run", "check", "verify", "export"), "pipeline.api")
_MODULE_OF = {
    name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names
} | _OF_THE_JOB


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_OF_THE_JOB})
