import pyarrow as pa
import pytest

from pipeline.errors import ManifestError
from pipeline.manifest.json_values import MOST_NAMES, JsonTypes, json_column


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([True, None], pa.bool_(), [True, None]),
        ([7, -(2**63)], pa.int64(), [7, -(2**63)]),
        ([7, 2**64 - 1], pa.uint64(), [7, 2**64 - 1]),
        ([7, 0.5], pa.float64(), [7.0, 0.5]),
        ([2**53 + 1, 0.5], pa.string(), ["9007199254740993", "0.5"]),
        ([-1, 2**63], pa.string(), ["-1", "9223372036854775808"]),
        ([2**64], pa.string(), ["18446744073709551616"]),
        ([True, 1], pa.string(), ["true", "1"]),
        (["é", {"a": ["é"]}], pa.string(), ["é", '{"a": ["é"]}']),
        ([None], pa.string(), [None]),
    ],
)
def test_a_column_holds_all_values_as_they_are(values: list, kind: pa.DataType, expected: list) -> None:
    types = JsonTypes()
    for value in values:
        types.add({"a": value})
    assert types.schema() == pa.schema([("a", kind)])
    assert json_column(values, kind).to_pylist() == expected


def test_keys_that_are_data_are_refused() -> None:
    types = JsonTypes()
    with pytest.raises(ManifestError, match="more than 1000 different names"):
        types.add({f"id{n}": 1 for n in range(MOST_NAMES + 1)})
