import pytest

from pipeline.errors import ConfigError
from pipeline.job.shard import Shard, parse_shard, shard_of_slurm


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_part_is_in_one_shard(count: int) -> None:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    assert all(sum(shard.has(part) for shard in shards) == 1 for part in range(50))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "x", "3", "-1/4", "1/4/2", "1.0/4"])
def test_shards_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"shards are counted from 1|takes NUMBER/COUNT"):
        parse_shard(text)


def test_a_shard_reads_as_it_is_written() -> None:
    assert parse_shard("3/8") == Shard(3, 8)
    assert str(Shard(3, 8)) == "3/8"


def _slurm(task: int, first: int, last: int, count: int, step: int = 1) -> dict[str, str]:
    values = {"ID": task, "MIN": first, "MAX": last, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        ({}, None),
        (_slurm(0, 0, 7, 8), Shard(1, 8)),
        (_slurm(8, 1, 8, 8), Shard(8, 8)),
        (_slurm(20, 10, 40, 4, 10), Shard(2, 4)),
        (_slurm(3, 3, 3, 1), None),  # a lost task that is sent again alone does what is left
    ],
)
def test_tasks_of_a_slurm_array_are_shards(environment: dict[str, str], shard: Shard | None) -> None:
    assert shard_of_slurm(environment) == shard


@pytest.mark.parametrize(
    "environment", [_slurm(5, 1, 9, 3), _slurm(9, 1, 9, 3), {"SLURM_ARRAY_TASK_ID": "x"}]
)
def test_arrays_with_gaps_need_a_shard_that_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        shard_of_slurm(environment)
