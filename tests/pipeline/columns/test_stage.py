from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.columns.digests import check_column_names, column_digests
from pipeline.columns.quality import NAMES
from pipeline.columns.stage import FaceColumns
from pipeline.config.settings import ColumnsSettings, RenderSettings, load_config
from pipeline.engine.quarantine import Care
from pipeline.errors import ConfigError
from pipeline.reasons import Stage
from pipeline.stages.render import ViewRenderer
from tests.pipeline.columns.conftest import Write
from tests.pipeline.stages.test_render import HEAD, posed


def settings(**columns: Any) -> ColumnsSettings:
    return ColumnsSettings.model_validate(columns)


def test_columns_of_a_batch(write_network: Write) -> None:
    said: list[tuple[Stage, list[int]]] = []
    stage = FaceColumns(
        settings(quality=True, embedding={"model": str(write_network())}),
        lambda stage, rows: said.append((stage, list(rows))),
    )
    behind = (0.0, 0.0, -3000.0)
    faces = posed([(5.0, 0, 0), (-30.0, 0, 0), (0.0, 0, 0)], [(0.0, 0.0, 3000.0)] * 2 + [behind])
    found = stage(faces)
    assert found.column_names == ["eye_distance_px", "sharpness", "exposure", "embedding"]
    assert [str(kind) for kind in found.schema.types] == ["float"] * 3 + ["list<item: float>"]
    assert [len(row) if row else None for row in found["embedding"].to_pylist()] == [16, 16, None]
    assert found["exposure"].null_count == 1
    # The face that has no crop never was at the network.
    assert said == [(Stage.POSE, [10, 11])]


def test_faces_go_singly_where_care_must_be_taken(write_network: Write) -> None:
    said: list[list[int]] = []
    stage = FaceColumns(
        settings(embedding={"model": str(write_network())}), lambda stage, rows: said.append(list(rows))
    )
    faces = posed([(5.0, 0, 0), (-30.0, 0, 0)], [(0.0, 0.0, 3000.0)] * 2)
    whole = stage(faces)
    singly = stage(faces, Care(posed_singly=frozenset({10})))
    assert said == [[10, 11], [10], [11]]
    np.testing.assert_allclose(whole["embedding"].to_pylist(), singly["embedding"].to_pylist(), atol=1e-5)


def test_the_digest_follows_the_network_and_its_description(write_network: Write) -> None:
    def digest(**description: object) -> Any:
        return column_digests(settings(e={"model": str(write_network(**description))}))

    plain = digest()
    assert plain == digest(licence="other")
    assert plain != digest(channels="bgr")
    with pytest.raises(ConfigError, match="the same numbers whatever it sees"):
        digest(constant=True)


def test_settings_of_columns(tmp_path: Path) -> None:
    config = load_config(None, ["columns.age.model=age.yaml", "columns.quality=true"])
    assert config.columns.networks["age"].model == "age.yaml"
    assert config.result_settings()["columns"] == {"quality": True}
    for override, message in (
        ("columns.age.modle=x", "modle"),
        ("columns.age.device=tpu", "device"),
        ("columns.age=3", "age"),
        ("columns.a-b.model=x", "letters, digits and underscores"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_config(None, [override])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"yaw_deg": {"model": "x"}}, "the poses have a column"),
        ({"who": {"model": "x"}}, "the manifest carries a column"),
        ({"quality": True, "sharpness": {"model": "x"}}, "the poses have a column"),
    ],
)
def test_names_that_are_taken(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_column_names(settings(**columns), ["who"])


def test_a_manifest_without_columns_of_its_own() -> None:
    faces = posed([(5.0, 0, 0), (-30.0, 0, 0)], [(0.0, 0.0, 3000.0)] * 2)
    rows = replace(faces.rows, carried=pa.table({}))
    render = RenderSettings(enabled=False)
    columns = FaceColumns(settings(quality=True))
    done = ViewRenderer(render, HEAD.landmarks_mm, None, {}, columns=columns)(replace(faces, rows=rows))
    assert [face.carried.column_names for face in done.faces] == [list(NAMES)] * 2
