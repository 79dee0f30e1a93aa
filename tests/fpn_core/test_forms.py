"""Every form of an output becomes rotations and translations."""

import numpy as np
import pytest

from fpn_core import FPN_227, geodesic_deg, ypr_deg_to_matrix
from fpn_core.forms import ROTATION_FORMS, TRANSLATION_FORMS
from fpn_core.rotation import matrix_to_rvec

ROTATION = ypr_deg_to_matrix(np.array([[10.0, 20, 30], [-60, 5, 170]]))
ENCODED = {"matrix": ROTATION, "rvec": matrix_to_rvec(ROTATION)}


def test_every_form_has_its_example_here():
    assert set(ENCODED) == set(ROTATION_FORMS)
    assert set(TRANSLATION_FORMS) == {"tvec_mm"}


@pytest.mark.parametrize("form", ENCODED)
def test_rotation_is_read_from_float32_and_no_rows_are_fine(form):
    encoded = ENCODED[form].astype(np.float32)
    assert encoded.shape[1:] == ROTATION_FORMS[form].shape
    decoded = ROTATION_FORMS[form].to_matrix(encoded)
    assert geodesic_deg(decoded, ROTATION).max() < 1e-4
    np.testing.assert_allclose(np.linalg.det(decoded), 1, atol=1e-12)
    assert ROTATION_FORMS[form].to_matrix(encoded[:0]).shape == (0, 3, 3)


@pytest.mark.parametrize("form", ENCODED)
def test_nan_spoils_its_own_row_only(form):
    encoded = ENCODED[form].astype(np.float32)
    encoded[0].flat[1] = np.nan
    lost = np.isnan(ROTATION_FORMS[form].to_matrix(encoded)).any(axis=(1, 2))
    assert lost.tolist() == [True, False]


def test_translation_in_mm_is_taken_as_it_is():
    values = np.array([[1, 2, 3000]], np.float32)
    np.testing.assert_array_equal(TRANSLATION_FORMS["tvec_mm"].to_tvec_mm(values, FPN_227), values)
