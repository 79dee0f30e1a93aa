import pickle

from faceposenet import FaceRejectedError
from faceposenet.reasons import Reason


def test_a_rejection_names_its_reason_and_no_secret() -> None:
    fault = FaceRejectedError(Reason.IMAGE_MISSING, "there is no image s3://key:secret@bucket/a.jpg")
    assert str(fault) == "image_missing: there is no image s3://bucket/a.jpg"
    assert (fault.reason, fault.detail) == ("image_missing", "there is no image s3://bucket/a.jpg")


def test_a_rejection_survives_the_way_between_processes() -> None:
    fault = FaceRejectedError(Reason.BOX_INVALID, "a box of no area")
    again = pickle.loads(pickle.dumps(fault))
    assert type(again) is FaceRejectedError
    assert (again.reason, again.detail, str(again)) == (fault.reason, fault.detail, str(fault))
