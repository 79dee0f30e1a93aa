import csv

import numpy as np
import pytest

from fpn_core import default_model_path, geodesic_deg

torch = pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from training import loop  # noqa: E402
from training.config import DataConfig, LoopConfig, NetworkConfig, TeacherConfig, TrainingConfig  # noqa: E402
from training.loop import RECORD, run  # noqa: E402
from training.network import PoseNet  # noqa: E402

LOOP = LoopConfig(steps=6, batch=8, check_every=3, held_out=0.2, warmup_steps=2, workers=0, bfloat16=False)
NETWORK = NetworkConfig(size_px=32, widths=(8, 16), blocks=(1, 1), hidden=16, squeezed=4, dropout=0.2)


def settings(folder, **changes):
    loop = LOOP.model_copy(update=changes)
    data = [DataConfig(folder=folder, rotation="label")]
    return TrainingConfig(name="test", data=data, network=NETWORK, loop=loop)


def record(out):
    with (out / RECORD).open() as file:
        return list(csv.DictReader(file))


class StoppedError(Exception):
    """Stands for a kill after a checkpoint."""


def test_a_run_that_was_stopped_ends_as_one_that_was_not(crops_folder, tmp_path, monkeypatch):
    config = settings(crops_folder)
    whole = run(config, tmp_path / "whole")
    save = loop._save

    def save_and_stop(state, out):
        save(state, out)
        raise StoppedError

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(loop, "_save", save_and_stop)
        run(config, tmp_path / "halves")
    halves = run(config, tmp_path / "halves")
    for one, other in zip(whole.state_dict().values(), halves.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_run_ends_early_where_it_is_told_to(crops_folder, tmp_path):
    whole = run(settings(crops_folder), tmp_path / "whole")
    run(settings(crops_folder, stop_at=4), tmp_path / "early")
    assert [row["step"] for row in record(tmp_path / "early")] == ["3", "4"]
    # At the learning rate of the whole run: what is left of it ends where it would have ended.
    goes_on = run(settings(crops_folder), tmp_path / "early")
    for one, other in zip(whole.state_dict().values(), goes_on.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_teacher_is_heard_for_what_is_trained_with_alone(crops_folder, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(loop, "train", lambda config, out, *faces: given.append(faces))
    alone = settings(crops_folder)
    run(alone, tmp_path)
    run(alone.model_copy(update={"teacher": TeacherConfig(network=default_model_path(), cuts=2)}), tmp_path)
    (own, own_watched), (taught, watched) = given
    assert geodesic_deg(own.rotation, taught.rotation).min() > 0.01
    assert np.array_equal(own_watched.rotation, watched.rotation)


def test_a_run_says_what_its_first_weights_are_worth(crops_folder, tmp_path, capsys):
    run(settings(crops_folder), tmp_path / "first")
    capsys.readouterr()
    run(settings(crops_folder, start_from=tmp_path / "first"), tmp_path / "second")
    last = float(record(tmp_path / "first")[-1]["watched_mean_deg"])
    assert f"where the watched error is {last:.2f} degrees" in capsys.readouterr().out


def test_a_run_keeps_a_record(crops_folder, tmp_path):
    run(settings(crops_folder), tmp_path)
    rows = record(tmp_path)
    assert [row["step"] for row in rows] == ["3", "6"]
    assert float(rows[-1]["watched_mean_deg"]) > 0


def test_training_brings_the_loss_down(crops_folder, tmp_path):
    run(settings(crops_folder, steps=60, check_every=20, learning_rate=5e-3), tmp_path)
    losses = [float(row["train_landmarks"]) for row in record(tmp_path)]
    assert losses[-1] < 0.7 * losses[0]


def test_a_second_run_starts_from_the_averaged_weights_of_the_first(crops_folder, tmp_path):
    first = run(settings(crops_folder), tmp_path / "first")
    changes = {
        "start_from": tmp_path / "first",
        "learning_rate": 0.0,
        "weight_decay": 0.0,
        "fixed_norms": True,
    }
    second = run(settings(crops_folder, **changes), tmp_path / "second")
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_fixed_norms_keep_their_averages_and_others_do_not(crops_folder, tmp_path):
    first = run(settings(crops_folder), tmp_path / "first").state_dict()
    for fixed in (True, False):
        changes = {"start_from": tmp_path / "first", "fixed_norms": fixed}
        second = run(settings(crops_folder, **changes), tmp_path / str(fixed)).state_dict()
        means = [name for name in first if name.endswith("running_mean")]
        assert means
        assert all(torch.equal(first[name], second[name]) for name in means) == fixed
        assert not torch.equal(first["pose.weight"], second["pose.weight"])


@pytest.mark.parametrize("has_it", [True, False])
def test_products_are_in_16_bits_only_where_the_processor_has_them(
    has_it, crops_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "multiplies_in_bfloat16", lambda: has_it)
    seen = []
    forward = PoseNet.forward

    def watched(network, image):
        if network.training:
            seen.append(torch.is_autocast_enabled("cpu"))
        return forward(network, image)

    monkeypatch.setattr(PoseNet, "forward", watched)
    run(settings(crops_folder, bfloat16=None, steps=1), tmp_path)
    assert seen == [has_it]
