from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.manifest import check_ids, open_manifest


def table(n: int, **columns: pa.Array) -> pa.Table:
    base = {
        "face_id": pa.array([f"f{i}" for i in range(n)]),
        "image": pa.array([f"{i}.jpg" for i in range(n)]),
        **{name: pa.array(range(n), pa.float64()) for name in ("x", "y", "width", "height")},
    }
    return pa.table({name: column for name, column in {**base, **columns}.items() if column is not None})


def test_slices_cross_row_groups_and_files(tmp_path: Path) -> None:
    pq.write_table(table(10), tmp_path / "b.parquet", row_group_size=3)
    pq.write_table(table(5), tmp_path / "a.parquet", row_group_size=2)
    manifest = open_manifest(str(tmp_path), ManifestSettings())
    expected = [f"f{i}" for i in range(5)] + [f"f{i}" for i in range(10)]
    assert manifest.n_rows == 15
    for count in (1, 4, 15):
        read = [manifest.read(part) for part in manifest.slices(count)]
        assert [face for rows in read for face in rows.face_id] == expected


def test_a_manifest_that_binds_nothing_is_not_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(table(3), path)
    assert len(open_manifest(str(path), ManifestSettings()).sha256) == 64
    assert open_manifest(str(path), ManifestSettings(), checksum=False).sha256 == ""


def test_carried_columns_keep_their_types(tmp_path: Path) -> None:
    tags = pa.array([["a"], None, ["b", "c"]], pa.list_(pa.string()))
    labels = pa.array(["x", "y", "x"]).dictionary_encode()
    pq.write_table(table(3, tags=tags, label=labels), tmp_path / "f.parquet")
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    rows = manifest.read(manifest.slices(2)[1])
    assert rows.carried.schema.field("label").type == pa.string()
    assert rows.carried.to_pylist() == [{"tags": ["b", "c"], "label": "x"}]


def test_whole_numbers_as_ids_and_nulls_as_no_box(tmp_path: Path) -> None:
    ids = pa.array([7, 8])
    x = pa.array([None, 1.0], pa.float32())
    pq.write_table(table(2, face_id=ids, x=x), tmp_path / "f.parquet")
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    rows = manifest.read(manifest.slices(2)[0])
    assert rows.face_id == ["7", "8"]
    assert rows.box_xywh_px[0, 0] != rows.box_xywh_px[0, 0]


def test_images_as_bytes(tmp_path: Path) -> None:
    pq.write_table(table(2, image=None, image_bytes=pa.array([b"one", None])), tmp_path / "f.parquet")
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    rows = manifest.read(manifest.slices(2)[0])
    assert rows.image_bytes == [b"one", b""]
    assert rows.image == ["", ""]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"height": None}, "missing column height"),
        ({"x": pa.array(["1", "2"])}, r"'x' must be numbers \(pixels\), but is string"),
        ({"image": pa.array([1, 2])}, "'image' must be text"),
        ({"face_id": pa.array([b"a", b"b"])}, "'face_id' must be text or whole numbers, but is binary"),
    ],
)
def test_columns_of_other_types_are_refused(tmp_path: Path, columns: dict, said: str) -> None:
    pq.write_table(table(2, **columns), tmp_path / "f.parquet")
    with pytest.raises(ManifestError, match=said):
        open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())


def test_files_that_are_no_parquet_or_differ_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ManifestError, match="no readable Parquet"):
        open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ManifestError, match=r"holds no \.parquet file"):
        open_manifest(str(folder), ManifestSettings())
    pq.write_table(table(2), folder / "a.parquet")
    pq.write_table(table(2, label=pa.array([1, 2])), folder / "b.parquet")
    with pytest.raises(ManifestError, match="has other columns than"):
        open_manifest(str(folder), ManifestSettings())


@pytest.mark.parametrize("column", ["face_id", "image", "label"])
def test_text_that_is_no_utf8_is_refused_before_a_job_begins(tmp_path: Path, column: str) -> None:
    wrong = pa.array([b"\xff\x00", b"ok"]).view(pa.string())
    pq.write_table(table(2, **{column: wrong}), tmp_path / "f.parquet")
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    with pytest.raises(ManifestError, match=r"row group 0 cannot be read: .*UTF8"):
        check_ids(manifest)


def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    pq.write_table(table(500), tmp_path / "f.parquet", compression="zstd", use_dictionary=False)
    data = bytearray((tmp_path / "f.parquet").read_bytes())
    data[40:200] = bytes(160)  # inside the first column
    (tmp_path / "f.parquet").write_bytes(data)
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    with pytest.raises(ManifestError, match="row group 0 cannot be read"):
        check_ids(manifest)


def test_numbers_that_no_float_holds_are_rounded(tmp_path: Path) -> None:
    pq.write_table(table(1, x=pa.array([2**64 - 1], pa.uint64())), tmp_path / "f.parquet")
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    assert manifest.read(manifest.slices(1)[0]).box_xywh_px[0, 0] == 2.0**64


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    for name in ("old", "new"):
        pq.write_table(table(1, face_id=pa.array([name])), tmp_path / "f.parquet")
        manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
        assert [list(ids) for ids in manifest.ids()] == [[name]]


def test_a_manifest_that_changes_under_the_job_stops_it(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(table(40), path, row_group_size=10)
    manifest = open_manifest(str(path), ManifestSettings())
    first, *rest = manifest.slices(5)
    assert len(manifest.read(first)) == 5
    pq.write_table(table(12), path)
    for part in rest:
        with pytest.raises(ManifestError, match="has changed since the job opened it"):
            manifest.read(part)
    path.unlink()
    with pytest.raises(ManifestError, match=r"has changed since the job opened it \(it is gone\)"):
        manifest.read(first)


def test_a_footer_is_parsed_once_and_not_for_every_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    whole = pq.ParquetFile
    monkeypatch.setattr(pq, "ParquetFile", lambda *args, **named: opened.append(1) or whole(*args, **named))
    pq.write_table(table(300), tmp_path / "f.parquet", row_group_size=1)
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    check_ids(manifest)
    read = [manifest.read(part) for part in manifest.slices(7)]
    assert [face for rows in read for face in rows.face_id] == [f"f{i}" for i in range(300)]
    assert len(opened) == 1


def test_a_giant_row_group_is_read_in_pieces(tmp_path: Path) -> None:
    photos = pa.array([bytes([i % 256]) * 200_000 for i in range(500)])
    pq.write_table(
        table(500, image=None, image_bytes=photos),
        tmp_path / "f.parquet",
        compression="none",
        use_dictionary=False,
        write_batch_size=10,  # a page is read as a whole: let it hold a few photos
    )
    del photos
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    before = pa.total_allocated_bytes()
    for part in manifest.slices(20):
        rows = manifest.read(part)
        assert [data[0] for data in rows.image_bytes] == [row % 256 for row in rows.row]
        # 100 MB of photos in one group.
        assert pa.total_allocated_bytes() - before < 40e6


def test_rows_are_read_in_any_order(tmp_path: Path) -> None:
    pq.write_table(table(50), tmp_path / "f.parquet", row_group_size=20)
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    parts = manifest.slices(7)
    for n in (3, 1, 2, 7, 0, 5, 4, 6):
        assert manifest.read(parts[n]).face_id == [f"f{i}" for i in range(7 * n, min(50, 7 * n + 7))]


def test_ids_and_photos_may_be_views_of_bytes(tmp_path: Path) -> None:
    ids, photos = pa.array(["a", "b"], pa.string_view()), pa.array([b"1", b"2"], pa.binary_view())
    more = pa.array(["p", "q"], pa.string_view())
    whole = table(2, face_id=ids, image=None, image_bytes=photos, more=more)
    pq.write_table(whole, tmp_path / "f.parquet")
    manifest = open_manifest(str(tmp_path / "f.parquet"), ManifestSettings())
    rows = manifest.read(manifest.slices(2)[0]).pick([1])
    assert (rows.face_id, rows.image_bytes) == (["b"], [b"2"])
    assert rows.carried.to_pylist() == [{"more": "q"}]
    assert rows.carried.schema.field("more").type == pa.string_view()


def varint(number: int) -> bytes:
    """A whole number as Thrift's compact protocol has it in a Parquet footer."""
    rest, out = number << 1, b""
    while True:
        out += bytes([(rest & 127) | (128 if rest > 127 else 0)])
        rest >>= 7
        if not rest:
            return out


@pytest.mark.parametrize("said", [900, 1016])
def test_rows_that_the_footer_does_not_say_are_damage_and_no_shorter_manifest(
    tmp_path: Path, said: int
) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(table(1000), path, compression="none")
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at = [i for i in range(footer, len(data)) if data.startswith(varint(1000), i)]
    for places in (at[:1], at[-1:], [at[0], at[-1]], at):
        damaged = bytearray(data)
        for i in places:
            damaged[i : i + 2] = varint(said)
        path.write_bytes(damaged)
        if places == at and said < 1000:
            continue  # all numbers of the footer agree
        with pytest.raises(ManifestError, match="is damaged"):
            check_ids(open_manifest(str(path), ManifestSettings()))
