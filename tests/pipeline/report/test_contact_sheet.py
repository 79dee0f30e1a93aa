from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import StorageError
from pipeline.io.storage import Folder
from pipeline.report.contact_sheet import contact_sheet
from tests.pipeline.job_output import JobOutput

CELL, LABEL = 180, 22


def cells(sheet: np.ndarray, row: int) -> list[np.ndarray]:
    top = LABEL + row * (CELL + LABEL)
    return np.split(sheet[top : top + CELL], sheet.shape[1] // CELL, axis=1)


def test_a_row_a_face_with_photo_and_views(job_output: JobOutput) -> None:
    sheet = contact_sheet(Folder(str(job_output.out)), None, 4)
    assert sheet.shape == (LABEL + 4 * (CELL + LABEL), 3 * CELL, 3)
    assert all(cell.std() > 20 for row in range(4) for cell in cells(sheet, row))
    more = contact_sheet(Folder(str(job_output.out)), None, 100)
    assert len(more) == LABEL + job_output.posed * (CELL + LABEL)


def test_a_photo_that_is_gone_leaves_its_cell_empty(job_output: JobOutput, tmp_path: Path) -> None:
    photo, *views = cells(contact_sheet(Folder(str(job_output.out)), str(tmp_path), 1), 0)
    assert np.median(photo) == 40
    assert all(view.std() > 20 for view in views)


def test_an_output_without_faces_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not an output of fpn run"):
        contact_sheet(Folder(str(tmp_path)), None, 4)
