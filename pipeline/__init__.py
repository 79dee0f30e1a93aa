"""The dataset job: manifest -> plan -> decode -> pose -> render -> shards -> ledger -> report.

The only package that knows Ray. The stages themselves (`decode`, `pose`, `render`, `shards`) are plain
functions of batches of faces; `engine` lays them out on Ray Data.
"""

import os

import faceposenet  # noqa: F401  # sets OpenCV's limit on pixels, before any module here imports cv2

# Arrow's S3 client otherwise sends bodies with a trailing checksum and without a length, which Ceph and
# other stores refuse (HTTP status 411).
os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
