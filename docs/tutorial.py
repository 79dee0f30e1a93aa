# %% [markdown]
# # Tutorial
#
# From one photo to its pose, to views of the face, to many faces and a job. It runs as it stands, as a
# script or as the notebook `docs/tutorial.ipynb`, after `pip install faceposenet pandas`: the photo comes
# with the package.

# %%
import subprocess
import sys

import cv2
import pandas as pd

import faceposenet

photo = faceposenet.sample_photo()  # Eileen Collins, photographed by NASA, in the public domain
box_xywh_px = [176, 72, 92, 113]  # as a face detector gives it: x, y, width, height

# %% [markdown]
# ## Pose
#
# `pose` says how the head stands. A photo is a path, as here, or an array of pixels: BGR as OpenCV reads
# them; with `channels="RGB"` as Pillow, scikit-image and Matplotlib do.

# %%
face = faceposenet.pose(photo, box_xywh_px)
face

# %% [markdown]
# Positive yaw turns the nose to the left of the image, positive pitch lowers it, positive roll turns the
# head clockwise. Drawn: red points to the side, green down, blue out of the face.

# %%
drawn = faceposenet.draw(photo, face, box=True)
drawn

# %% [markdown]
# `projection` takes a point of the head, in millimetres, to the photo. The tip of the nose lies about 55 mm
# before the origin (z points away from the camera).

# %%
x, y, w = face.projection @ [0, -3, -55, 1]
print(f"the nose is at {x / w:.0f}, {y / w:.0f} px")
print(f"and its landmark at {face.landmarks_xy_px[30].round()} px")

# %% [markdown]
# ## Views
#
# `views` shows the face from other sides, by yaw in degrees. Every view says how much of its face the photo
# really shows; the rest is filled from the other half of the face.

# %%
views = faceposenet.views(photo, face, [0, 30, 60, -60])
turned = faceposenet.side_by_side(views)
turned

# %%
for view in views:
    print(f"{view.yaw_deg:+.0f} degrees: {view.seen_fraction:.0%} seen, {view.filled_fraction:.0%} filled")

# %% [markdown]
# Without a list you get the views that a job would render: those that do not turn the face back to the
# front. `closeup` crops to the face, `background="transparent"` leaves out what the photo does not show,
# and `aligned` is the upright crop that recognition networks take.

# %%
close = faceposenet.views(photo, face, [0, 40], closeup=True, background="blur")
upright = faceposenet.aligned(photo, face)
crops = faceposenet.side_by_side([*close, upright])
crops

# %% [markdown]
# ## Many faces
#
# `pose_batch` sends faces through the network together. A face without a pose is an item with a reason,
# never an exception that takes the others along.

# %%
pixels = cv2.imread(str(photo))
mirrored = cv2.flip(pixels, 1)
photos = [pixels, mirrored, pixels]
boxes_xywh_px = [box_xywh_px, [400 - 176 - 92, 72, 92, 113], [900, 900, 50, 50]]
faces = faceposenet.pose_batch(photos, boxes_xywh_px)
faces

# %% [markdown]
# Roll changes its sign in the mirror image, and so does yaw, to the network's accuracy.

# %%
print(f"{faces[0].roll_deg:+.1f} and {faces[1].roll_deg:+.1f} degrees")
faces[2].reason

# %% [markdown]
# ## Other heads
#
# Landmarks and views come from a head, by default the mean of ten that come with the package. A poser of
# your own takes another one, another network, or a GPU.

# %%
heads = ["open-mean", "open-07"]
posers = [faceposenet.FacePoser(head=head) for head in heads]
others = [poser.views(photo, face, [55])[0] for poser in posers]
shapes = faceposenet.side_by_side(others)
shapes

# %% [markdown]
# ## A job
#
# A dataset is a table of faces. `fpn run` does all of it, on every core or a cluster, and the same command
# goes on where it was stopped. In a notebook you would write `!fpn run faces.csv out`.

# %%
cv2.imwrite("astronaut.png", pixels)
table = pd.DataFrame([box_xywh_px], columns=["x", "y", "width", "height"])
table.insert(0, "face_id", "collins")
table.insert(1, "image", "astronaut.png")
table.to_csv("faces.csv", index=False)
command = [sys.executable, "-m", "pipeline", "run", "faces.csv", "out"]
print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

# %% [markdown]
# Its poses are a table again, with the same numbers, and any row of it is a `Face` for more views.

# %%
poses = pd.read_parquet("out/poses")
again = faceposenet.Face.from_row(poses.iloc[0])
print(again)
more = faceposenet.views("astronaut.png", again, [10, 20])
