"""WebDataset shards: `<key>.jpg`, `<key>.json` and, where there are subjects, `<key>.cls` for each view.

A view without a subject has -1 in `cls`: readers want the same members in every sample.
"""

import io
import json
import tarfile

import numpy as np

from pipeline.export.samples import SampleReader


def webdataset_shard(reader: SampleReader, places: np.ndarray, first_key: int) -> bytes:
    """A shard of the views at some places, their keys numbered from `first_key` on.

    Members carry no time or owner, so that the bytes are the same on every run.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for key, sample in enumerate(reader.read(places), first_key):
            text = json.dumps(sample.columns, ensure_ascii=False, allow_nan=False)
            members = {
                reader.index.extension: sample.picture,
                "json": text.encode("utf-8", "surrogatepass"),
            }
            if reader.index.by is not None:
                members["cls"] = str(sample.label).encode()
            for extension, data in sorted(members.items()):
                info = tarfile.TarInfo(f"{key:09d}.{extension}")
                info.size = len(data)
                info.mode = 0o644
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
