"""The released networks of the original project as ONNX files that describe themselves.

wire, table, checkpoint   TensorFlow's checkpoints, read with NumPy
array_files               NumPy's own files, without pickles or with harmless ones
weights                   the variables that a network needs, and no others
graph                     ONNX graphs, layer by layer
fpn_2017, fpn_2018        the networks
"""

from pathlib import Path
from typing import Literal, get_args

from fpn_core.convert import fpn_2017, fpn_2018
from fpn_core.errors import CheckpointError
from fpn_core.metadata import NetworkSpec

Release = Literal["fpn-2017", "fpn-2018-6dof", "fpn-2018-projmat"]
RELEASES: tuple[Release, ...] = get_args(Release)


def convert_release(
    release: Release,
    folder: Path,
    destination: Path,
    checkpoint: str | None = None,
    allow_pickle: bool = False,
) -> NetworkSpec:
    """Writes a released network of FacePoseNet as an ONNX file, and returns what it says of itself.

    `folder`: the files as they were released. `checkpoint`: which one, where "fpn-2017" has several.
    `allow_pickle`: take statistics that were pickled, as long as they are arrays.

    Raises CheckpointError for files that are missing, damaged, or of another network, and MissingPackageError
    without the package `onnx`.
    """
    if release == "fpn-2017":
        return fpn_2017.convert(folder, destination, checkpoint, allow_pickle)
    if checkpoint is not None:
        raise CheckpointError(f"{release} is made of fixed checkpoints; leave the choice of one out.")
    variant: fpn_2018.Variant = "6dof" if release == "fpn-2018-6dof" else "projmat"
    return fpn_2018.convert(variant, folder, destination, allow_pickle)


__all__ = ["RELEASES", "Release", "convert_release"]
