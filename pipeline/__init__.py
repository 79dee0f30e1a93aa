"""The dataset job: manifest -> plan -> decode -> pose -> render -> shards -> ledger -> report.

The only package that knows Ray. The stages themselves (`decode`, `pose`, `render`, `shards`) are plain
functions of batches of faces; `engine` lays them out on Ray Data.
"""

import os

# A 30,000 x 30,000 px PNG of under a megabyte takes a minute and 5 GB to decode. OpenCV refuses such an image
# before it allocates, but reads the limit only once, when it is first imported: so it is set here, before any
# module of the job imports cv2, in the driver as in every worker. 2^27 px are 134 megapixels.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

# Arrow's S3 client otherwise sends bodies with a trailing checksum and without a length, which Ceph and
# other stores refuse (HTTP status 411).
os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
