"""A share of a job for one of several machines that know nothing of each other but the output folder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import ConfigError

_SHARD = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """Every n-th part of a job.

    Example:
        [part for part in range(7) if Shard(2, 3).has(part)]  # [1, 4]
    """

    number: int
    """From 1 on."""
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"there is no shard {self.number} of {self.count}: shards are counted from 1/{self.count} to "
                f"{self.count}/{self.count}"
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def has(self, part: int) -> bool:
        """Whether a part, by its number, belongs to the shard."""
        return part % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """The shard that a text like `3/8` names.

    Raises:
        ConfigError: it is none.
    """
    match = _SHARD.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"--shard takes NUMBER/COUNT, as 3/8 for the third of eight; got {text!r}")
    return Shard(int(match[1]), int(match[2]))


def shard_of_slurm(environment: Mapping[str, str]) -> Shard | None:
    """The shard of this task of a Slurm job array, or None outside of one.

    Example:
        shard_of_slurm({"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "8"})  # Shard(3, 8)

    Raises:
        ConfigError: the array's numbers have gaps, so that nothing says which task does what.
    """
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return None
    try:
        task = int(environment["SLURM_ARRAY_TASK_ID"])
        count = int(environment.get("SLURM_ARRAY_TASK_COUNT", "1"))
        first = int(environment.get("SLURM_ARRAY_TASK_MIN", task if count == 1 else 0))
        last = int(environment.get("SLURM_ARRAY_TASK_MAX", first + count - 1))
        step = int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
    except ValueError as error:
        raise ConfigError(
            f"the variables SLURM_ARRAY_TASK_... are no numbers ({error}); give --shard"
        ) from error
    if count == 1:
        return None  # a single task does all that is left, such as one that takes up what another lost
    number, beside = divmod(task - first, max(step, 1))
    if beside or first + (count - 1) * step != last or not 0 <= number < count:
        raise ConfigError(
            f"the tasks of this Slurm array are not numbered evenly (task {task} of {count} from {first} to "
            f"{last}); name the shard with --shard NUMBER/COUNT, or number them as --array=1-{count}"
        )
    return Shard(number + 1, count)
