"""Head pose and rendered views of faces, for scripts and notebooks.

```python
import faceposenet

face = faceposenet.pose("photo.jpg", [176, 72, 92, 113])
views = faceposenet.views("photo.jpg", face, [0, 40])
```

Photos are paths, or uint8 arrays with channels BGR as OpenCV reads them (`channels="RGB"` for those of Pillow
and Matplotlib). The functions share one `FacePoser`, which is made at the first call; make your own for
another network, head or device. For whole datasets there is the command `fpn run`, with the same numbers.
"""

__version__ = "0.1.0"

from faceposenet.detection import detect
from faceposenet.drawing import draw
from faceposenet.errors import FacePoseError, FaceRejectedError, InputError
from faceposenet.face import Face, Rejected
from faceposenet.functions import aligned, default_poser, pose, pose_batch, views
from faceposenet.picture import Picture, View, side_by_side
from faceposenet.poser import FacePoser
from faceposenet.sample import SAMPLE_BOX_XYWH_PX, sample_photo

__all__ = [
    "SAMPLE_BOX_XYWH_PX",
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
