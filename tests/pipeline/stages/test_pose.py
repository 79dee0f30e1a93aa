import numpy as np
import pyarrow as pa
import pytest

from faceposenet.photo.source_window import SourceWindow
from fpn_core import MirrorAveraged, PoseBatch, PoseNetwork, geodesic_deg, mirror_pose
from pipeline.manifest import Rows
from pipeline.stages.batches import DecodedFaces
from pipeline.stages.pose import pose_faces

N = 7


@pytest.fixture(scope="module")
def real() -> PoseNetwork:
    return PoseNetwork(device="cpu")


def faces_of(size_px: int, n: int = N) -> DecodedFaces:
    rows = Rows(
        list(range(100, 101 + n)),
        [f"f{i}" for i in range(n + 1)],
        ["a.jpg"] * (n + 1),
        None,
        np.zeros((n + 1, 4)),
        {},
        pa.table({}),
    )
    crops = np.zeros((n, size_px, size_px, 3), np.uint8)
    crops[:, 0, 0, 0] = np.arange(n)  # marks a crop, for the networks below
    window = np.tile([0, 0, 100, 100], (n, 1))
    sources = [SourceWindow(np.zeros((4, 4, 3), np.uint8), np.eye(3)) for _ in range(n)]
    # Row 0 fell out before: positions are 1 to n.
    return DecodedFaces(rows, np.arange(1, n + 1), np.full((n, 2), 100), window, crops, sources, [])


class FakeNetwork:
    """Poses every crop straight ahead, but for the marked ones."""

    def __init__(
        self, real: PoseNetwork, translations: dict[int, tuple], raises: frozenset[int] = frozenset()
    ) -> None:
        self.spec = real.spec
        self.translations = translations
        self.raises = raises
        self.calls: list[int] = []

    def __call__(self, crops: np.ndarray, batch_size: int = 128) -> PoseBatch:
        marks = crops[:, 0, 0, 0].tolist()
        self.calls.append(len(marks))
        if self.raises & set(marks):
            raise RuntimeError("cannot")
        tvec = np.array([self.translations.get(mark, (0.0, 0.0, 3000.0)) for mark in marks]).reshape(-1, 3)
        return PoseBatch(np.tile(np.eye(3), (len(marks), 1, 1)), tvec, None)


def test_poses_that_are_none_become_rejects_of_their_own_rows(real: PoseNetwork) -> None:
    network = FakeNetwork(real, {1: (0.0, np.nan, 3000.0), 4: (0.0, 0.0, -10.0)})
    posed = pose_faces(network, faces_of(real.spec.size_px))
    assert posed.position.tolist() == [1, 3, 4, 6, 7]
    assert {r.row: str(r.reason) for r in posed.rejects} == {
        102: "pose_not_finite",
        105: "pose_behind_camera",
    }
    assert posed.projection.shape == (5, 3, 4)
    assert len(posed.sources) == 5


def test_a_batch_that_fails_is_halved_down_to_the_faces_at_fault(real: PoseNetwork) -> None:
    network = FakeNetwork(real, {}, raises=frozenset({2, 5}))
    posed = pose_faces(network, faces_of(real.spec.size_px))
    assert posed.position.tolist() == [1, 2, 4, 5, 7]
    assert {r.row: (str(r.reason), r.detail) for r in posed.rejects} == {
        103: ("internal_error", "RuntimeError: cannot"),
        106: ("internal_error", "RuntimeError: cannot"),
    }


def test_a_good_batch_is_one_call(real: PoseNetwork) -> None:
    network = FakeNetwork(real, {})
    assert len(pose_faces(network, faces_of(real.spec.size_px))) == N
    assert network.calls == [N]


@pytest.mark.parametrize("n", [0, 1])
def test_batches_without_a_posed_face_keep_their_shapes(real: PoseNetwork, n: int) -> None:
    network = FakeNetwork(real, {}, raises=frozenset({0}))
    posed = pose_faces(network, faces_of(real.spec.size_px, n))
    assert len(posed) == 0
    assert posed.projection.shape == (0, 3, 4)
    assert len(posed.rejects) == n


def test_the_real_network_takes_an_empty_batch(real: PoseNetwork) -> None:
    assert len(pose_faces(real, faces_of(real.spec.size_px, 0))) == 0


def test_an_averaged_network_answers_alike_for_a_face_and_its_mirror_image(real: PoseNetwork) -> None:
    rng = np.random.default_rng(0)
    size = real.spec.size_px
    crops = rng.integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    averaged = MirrorAveraged(real)
    straight, mirrored = averaged(crops), averaged(np.ascontiguousarray(crops[:, :, ::-1]))
    rotation, _ = mirror_pose(mirrored.rotation, mirrored.tvec_mm, real.spec.camera)
    assert geodesic_deg(straight.rotation, rotation).max() < 0.01
    assert geodesic_deg(real(crops).rotation, straight.rotation).max() > 0.1
