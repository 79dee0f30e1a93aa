import random

import cv2
import fuzz
import numpy as np
from fuzz_images import MUTATIONS, damaged, whole_files
from fuzz_manifests import HOSTILE_IDS, hostile, write_broken

from pipeline.reasons import Reason


def test_every_reason_is_documented() -> None:
    assert set(Reason) == fuzz.DOCUMENTED


def test_damage_is_the_same_every_time_and_of_every_kind() -> None:
    files = whole_files()
    assert {".jpg", ".png", ".webp", ".tiff", ".bmp"} <= set(files)

    def many() -> list[tuple[str, str, bytes]]:
        rng = random.Random(3)
        return [damaged(files, rng) for _ in range(400)]

    cases = many()
    assert many() == cases
    assert {mutation for _, mutation, _ in cases} == set(MUTATIONS)
    whole = [data for _, mutation, data in cases if mutation == "none"]
    assert all(data in files.values() for data in whole)


def test_a_giant_png_declares_what_it_does_not_hold() -> None:
    files = {".png": whole_files()[".png"]}
    rng = random.Random(0)
    giants = [data for _, mutation, data in (damaged(files, rng) for _ in range(300)) if mutation == "giant"]
    widths = {int.from_bytes(data[16:20], "big") for data in giants}
    assert max(widths) > 10**6
    decoded = cv2.imdecode(np.frombuffer(files[".png"], np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (97, 83, 3)


def test_hostile_ids_reach_every_sound_manifest_and_are_told() -> None:
    assert len(set(HOSTILE_IDS)) == len(HOSTILE_IDS)
    cases = [hostile(random.Random(seed)) for seed in range(20)]
    assert {case.name for case in cases} == {"hostile ids, parquet", "hostile ids, csv"}
    assert all(case.ids for case in cases)


def test_manifests_are_broken_in_the_same_ways_every_time() -> None:
    first, second = random.Random(5), random.Random(5)
    assert [write_broken(first) for _ in range(50)] == [write_broken(second) for _ in range(50)]
