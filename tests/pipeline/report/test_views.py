import tarfile

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import StorageError
from pipeline.io.storage import Folder
from pipeline.report.views import read_views
from tests.pipeline.job_output import JobOutput


def test_views_are_those_of_the_face(job_output: JobOutput) -> None:
    poses = pd.read_parquet(job_output.out / "poses")
    wanted = {part: set(ids) for part, ids in poses.groupby("part").face_id.agg(list).items()}
    found = read_views(Folder(str(job_output.out)), wanted)
    assert len(found) == len(poses)
    for part, ids in wanted.items():
        with tarfile.open(job_output.out / "views" / f"part-{part:06d}.tar") as tar:
            first = next(member for member in tar if member.name.endswith(".json"))
            key = first.name.partition(".")[0]
            face_id = pd.read_json(tar.extractfile(first), typ="series")["face_id"]
            encoded = np.frombuffer(tar.extractfile(f"{key}.40.jpg").read(), np.uint8)
        assert face_id in ids
        views = found[part, face_id]
        assert list(views) == ["0", "40"]
        np.testing.assert_array_equal(views["40"], cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def test_only_the_wanted_faces_are_held(job_output: JobOutput) -> None:
    poses = pd.read_parquet(job_output.out / "poses")
    part, face_id = int(poses.part[0]), poses.face_id[0]
    assert set(read_views(Folder(str(job_output.out)), {part: {face_id, "nobody"}})) == {(part, face_id)}


def test_a_part_without_a_shard_gives_nothing_and_a_torn_one_is_told(own_output: JobOutput) -> None:
    shard = own_output.out / "views" / "part-000000.tar"
    shard.write_bytes(b"torn" * 300)
    with pytest.raises(StorageError, match=r"views/part-000000\.tar .*Run fpn verify"):
        read_views(Folder(str(own_output.out)), {0: {"x"}})
    shard.unlink()
    assert read_views(Folder(str(own_output.out)), {0: {"x"}}) == {}
