"""Jobs whose manifest, images and results lie in an object store: a real S3 server on loopback."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from pipeline.config.settings import load_config
from pipeline.errors import StorageError
from pipeline.io.storage import Folder, read_file, resolve
from pipeline.job.run import run_job
from pipeline.job.verify import verify
from tests.e2e import ceph
from tests.e2e.object_store import FaultyProxy, s3_server
from tests.photos import FACE_XYWH_PX, write_portrait

pytestmark = pytest.mark.usefixtures("shared_ray")

N_FACES = 40
SETTINGS = (
    "output.faces_per_part=5",
    "render.size_px=64",
    "render.views_deg=[40]",
    "manifest.image_root=s3://bucket/photos",
)


@pytest.fixture(scope="module")
def credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test-key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
        environment.setenv("AWS_REGION", "us-east-1")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="module", params=["moto", "ceph"])
def endpoint(
    request: pytest.FixtureRequest, credentials: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A bucket with a manifest of 40 faces over 20 photos, of which one is missing."""
    if request.param == "ceph" and not ceph.is_installed():
        pytest.skip("needs Debian's packages radosgw, ceph-mon and ceph-osd")
    # Sockets lie in Ceph's folder, whose path must be short.
    server = (
        s3_server()
        if request.param == "moto"
        else ceph.ceph_server(tmp_path_factory.mktemp("c"), "test-key", "test-secret")
    )
    with server as endpoint:
        host = endpoint.removeprefix("http://")
        store = pafs.S3FileSystem(endpoint_override=host, scheme="http", allow_bucket_creation=True)
        store.create_dir("bucket")
        photo = write_portrait(tmp_path_factory.mktemp("photo") / "photo.jpg").read_bytes()
        for n in range(N_FACES // 2 - 1):
            with store.open_output_stream(f"bucket/photos/a b/{n}.jpg") as stream:
                stream.write(photo)
        rows = {
            "face_id": [f"f{n}" for n in range(N_FACES)],
            "image": [f"a b/{n // 2}.jpg" for n in range(N_FACES)],
            **{name: [FACE_XYWH_PX[i]] * N_FACES for i, name in enumerate(("x", "y", "width", "height"))},
        }
        pq.write_table(pa.table(rows), "bucket/faces.parquet", filesystem=store, row_group_size=7)
        yield endpoint


def at(uri: str, endpoint: str) -> str:
    """A URI with its endpoint in it, so that the workers of the shared Ray need no environment of ours."""
    host = endpoint.removeprefix("http://")
    return f"{uri}?scheme=http&endpoint_override={host.replace(':', '%3A')}&region=us-east-1"


def with_keys(uri: str) -> str:
    return uri.replace("s3://", "s3://test-key:test-secret@")


def run(endpoint: str, out: str, *overrides: str):
    settings = [s for s in SETTINGS if not s.startswith("manifest.image_root")]
    values = {"manifest.image_root": at(with_keys("s3://bucket/photos"), endpoint)}
    config = load_config(None, [*settings, *overrides], values)
    manifest = at(with_keys("s3://bucket/faces.parquet"), endpoint)
    return run_job(manifest, at(with_keys(out), endpoint), config, say=lambda text: None)


def test_everything_in_the_store(endpoint: str) -> None:
    summary = run(endpoint, "s3://bucket/out")
    assert (summary.totals.posed, summary.totals.rejected) == (38, 2)
    assert dict(summary.totals.rejects_by_reason) == {"image_missing": 2}
    folder = Folder(at(with_keys("s3://bucket/out"), endpoint))
    assert verify(folder).problems == []
    assert run(endpoint, "s3://bucket/out").faces_this_run == 0
    record = folder.read("_job.json") + folder.read("summary.json")
    assert b"test-secret" not in record
    assert b"s3://bucket/faces.parquet" in record


def test_a_store_that_fails_one_request_in_twenty(endpoint: str) -> None:
    run(endpoint, "s3://bucket/calm")
    proxy = FaultyProxy(endpoint, share=0.05, seed=1)
    with proxy.serve() as faulty:
        summary = run(faulty, "s3://bucket/stormy")
    assert (summary.totals.posed, summary.totals.rejected) == (38, 2)
    assert proxy.counts["drop"] > 0
    assert proxy.counts["503"] > 0
    assert proxy.counts["delay"] > 0
    calm, stormy = (Folder(at(with_keys(f"s3://bucket/{name}"), endpoint)) for name in ("calm", "stormy"))
    assert verify(stormy).problems == []
    for part in range(8):
        for name in (f"poses/part-{part:06d}.parquet", f"views/part-{part:06d}.tar"):
            assert stormy.read(name) == calm.read(name)


def test_a_bucket_that_is_not_there_is_told_without_secrets(endpoint: str) -> None:
    with pytest.raises(StorageError) as raised:
        Folder(at(with_keys("s3://nowhere/out"), endpoint)).write("a", b"data")
    assert "s3://nowhere/out" in str(raised.value)
    assert "test-secret" not in str(raised.value)


def test_one_client_serves_a_bucket(endpoint: str) -> None:
    one, path = resolve(at(with_keys("s3://bucket/photos/a b/0.jpg"), endpoint))
    two, _ = resolve(at(with_keys("s3://bucket/other"), endpoint))
    assert one is two
    assert path == "bucket/photos/a b/0.jpg"
    assert (
        read_file(at(with_keys("s3://bucket/photos/a b/0.jpg"), endpoint), max_bytes=9)[:3] == b"\xff\xd8\xff"
    )
