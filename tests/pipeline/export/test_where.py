import pyarrow as pa
import pytest

from pipeline.errors import ConfigError
from pipeline.export.where import Where
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder


@pytest.fixture(scope="module")
def poses(job: Folder) -> pa.Table:
    """Faces 0 to 3, of yaw 0 to 3 degrees; the last has the view 40 alone."""
    data = job.read("poses/part-000000.parquet")
    assert data is not None
    return read_parquet(data)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("true", [{"0", "40", "aligned"}] * 3 + [{"40", "aligned"}]),
        ("view = 'aligned'", [{"aligned"}] * 4),
        ("abs(yaw_deg) between 1 and 2 and view_yaw_deg < 20", [set(), {"0"}, {"0"}, set()]),
        ("seen_fraction > 0.8", [{"aligned"}] * 4),  # the views have 0.75
        ("age >= 3 and view != 'aligned'", [set(), set(), set(), {"40"}]),
        ("confidence > 0.4", [set()] * 4),  # null
    ],
)
def test_expressions(poses: pa.Table, expression: str, found: list[set[str]]) -> None:
    assert [set(views) for views in Where(expression).select(poses, aligned=True)] == found


def test_jobs_without_upright_crops(poses: pa.Table) -> None:
    assert [set(v) for v in Where("true").select(poses, aligned=False)] == [{"0", "40"}] * 3 + [{"40"}]


@pytest.mark.parametrize(
    ("expression", "words", "caret"),
    [
        ("abs(yaw) < 60", '"yaw" not found', 4),
        ("age > 3 andd true", "syntax error", 8),
        ("(age > 3", "syntax error", 8),
        ("age > 3; drop table pictures", "syntax error", 7),
    ],
)
def test_mistakes_are_shown_where_they_are(poses: pa.Table, expression: str, words: str, caret: int) -> None:
    with pytest.raises(ConfigError) as error:
        Where(expression).select(poses, aligned=True)
    message = str(error.value)
    assert words in message
    assert f"  {expression}\n  {' ' * caret}^\n" in message
    assert "there are the columns face_id, subject_id" in message
    assert "row_number" not in message
