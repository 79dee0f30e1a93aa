"""What the columns of a job depend on, and whether their names are free; checked before the job begins."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.columns.description import read_description
from pipeline.columns.network import FaceNetwork
from pipeline.columns.quality import NAMES
from pipeline.config.settings import ColumnsSettings
from pipeline.errors import ConfigError
from pipeline.manifest.rows import RESULT_COLUMNS


def column_digests(settings: ColumnsSettings) -> dict[str, Any]:
    """Digest and description of the network of every column; each network is opened and checked.

    Raises:
        ConfigError: a description or network that cannot be used.
    """
    digests = {}
    for name, column in sorted(settings.networks.items()):
        network = FaceNetwork(read_description(Path(column.model)), "cpu")
        values = network.description.model_dump(mode="json", exclude={"file", "licence", "distance"})
        digests[name] = {"sha256": network.sha256, **values}
    return digests


def check_column_names(settings: ColumnsSettings, carried: Sequence[str]) -> None:
    """Checks that no column has the name of another.

    Raises:
        ConfigError: a name that the poses or the manifest have already.
    """
    quality = NAMES if settings.quality else ()
    for name in [*settings.networks, *quality]:
        if name in carried:
            raise ConfigError(
                f"columns.{name}: the manifest carries a column of that name; rename it, or choose what "
                "to carry with --set manifest.carry=[...]"
            )
        if name in RESULT_COLUMNS or (name in NAMES and name in settings.networks):
            raise ConfigError(f"columns.{name}: the poses have a column of that name; choose another")
