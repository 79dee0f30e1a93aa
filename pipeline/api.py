"""Jobs from Python: what `fpn run`, `check`, `verify` and `export` do, on manifests and on tables in memory.

```python
import faceposenet

results = faceposenet.run(frame, "out", render={"views_deg": [0, 40]})
results.poses().to_pandas()
```

`faceposenet` gives these functions their names; it loads this module, and with it the job, at the first use.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads

from pipeline.config.settings import JobConfig, load_config
from pipeline.export.export import Exported, ExportSettings, export_views
from pipeline.io.storage import Folder, resolve
from pipeline.job.check import Findings, check_manifest
from pipeline.job.run import run_job, say_on_stderr
from pipeline.job.shard import parse_shard
from pipeline.job.summary import SUMMARY_NAME, Totals
from pipeline.job.verify import Verification
from pipeline.job.verify import verify as verify_output
from pipeline.tables_in import as_table, write_manifest

Say = Callable[[str], None]


@dataclass(frozen=True)
class Results:
    """The output of a job."""

    out: str
    """Where it is."""
    totals: Totals | None = None
    """Counts of faces, where a run has just ended."""

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` says; empty where the job has not come to its end."""
        data = Folder(self.out).read(SUMMARY_NAME)
        summary: dict[str, Any] = json.loads(data) if data else {}
        return summary

    def poses(self) -> pads.Dataset:
        """The poses as an Arrow dataset, one row per posed face; `.to_table()`, `.to_table().to_pandas()`."""
        return self._dataset("poses")

    def rejects(self) -> pads.Dataset:
        """The rejected faces with their reasons; a face that was tried again is there once for each time."""
        return self._dataset("rejects")

    def views(self) -> list[str]:
        """The shards of the views, for `webdataset` and `datasets`."""
        return [f"{self.out.rstrip('/')}/views/{name}" for name in Folder(self.out).names("views")]

    def _dataset(self, kind: str) -> pads.Dataset:
        filesystem, path = resolve(self.out)
        return pads.dataset(f"{path.rstrip('/')}/{kind}", filesystem=filesystem, format="parquet")


def run(
    manifest: Any,
    out: str | Path,
    *,
    config: str | Path | None = None,
    image_root: str | Path | None = None,
    shard: str | None = None,
    append: bool = False,
    say: Say = say_on_stderr,
    **sections: Any,
) -> Results:
    """Pose and render every face of a manifest; the same call continues a job that was stopped.

    Args:
        manifest: Location of a manifest; or a table with its columns: of pandas, Arrow, Polars or Hugging
            Face `datasets`, whose `image` may hold paths, encoded bytes, or both as a struct. A table is kept
            in `out/_manifest`. Without `face_id` its rows are numbered.
        out: The output folder, local or a URI.
        config: A YAML file with settings.
        image_root: Folder of relative image paths: by default the manifest's, for tables the present one.
        shard: `3/8` for the third of eight shares.
        append: Whether a longer manifest adds its further rows to a finished job.
        say: Called with each message for people.
        **sections: Settings by section: `render={"size_px": 112}, engine={"cpus": 4}`.

    Returns:
        The results, which open as datasets.

    Raises:
        PipelineError, FpnError, RenderError: as `fpn run`.

    Example:
        run("faces.parquet", "out", render={"enabled": False}).poses().to_table()
    """
    settings = _config(config, sections, image_root, is_table=not _is_location(manifest))
    location = str(manifest)
    if not _is_location(manifest):
        location = write_manifest(as_table(manifest), Folder(str(out)), append=append)
    ours = None if shard is None else parse_shard(shard)
    summary = run_job(location, str(out), settings, say, shard=ours, append=append)
    return Results(str(out), summary.totals)


def check(
    manifest: Any,
    *,
    config: str | Path | None = None,
    image_root: str | Path | None = None,
    sample: int = 100,
    **sections: Any,
) -> Findings:
    """Check a manifest, or a table, without running: columns, ids, boxes, and a sample of the images.

    Args:
        manifest, config, image_root, **sections: As for `run`.
        sample: Number of images that are read.

    Raises:
        ManifestError: what `run` would refuse to start with.
    """
    settings = _config(config, sections, image_root, is_table=not _is_location(manifest))
    if _is_location(manifest):
        return check_manifest(str(manifest), settings, sample)
    with tempfile.TemporaryDirectory(prefix="faceposenet-") as folder:
        location = write_manifest(as_table(manifest), Folder(folder))
        return check_manifest(location, settings, sample)


def verify(
    out: str | Path | Results, *, manifest: str | Path | None = None, sample: float = 1.0
) -> Verification:
    """Prove that results are whole; see `fpn verify`. `sample`: share of the parts that are read."""
    location = out.out if isinstance(out, Results) else str(out)
    return verify_output(
        Folder(location), manifest=None if manifest is None else str(manifest), sample=sample
    )


def export(
    out: str | Path | Results,
    dest: str | Path,
    form: str,
    *,
    views: Sequence[str] | str | None = None,
    **settings: Any,
) -> Exported:
    """Export views for training code; see `fpn export`.

    Args:
        out: The output of a job.
        dest: Folder of the export.
        form: `imagefolder`, `webdataset`, `parquet` or `recordio`.
        views: Names of views, or `all`.
        **settings: Others of `pipeline.export.export.ExportSettings`.

    Raises:
        PipelineError: as `fpn export`.
    """
    location = out.out if isinstance(out, Results) else str(out)
    names: Any = views if views is None or isinstance(views, str) else tuple(views)
    known: dict[str, Any] = asdict(ExportSettings("parquet"))
    unknown = sorted(settings.keys() - known.keys())
    if unknown:
        raise TypeError(f"export has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    given: Any = {"form": form, "views": names, **settings}
    return export_views(location, str(dest), ExportSettings(**given))


def _is_location(manifest: Any) -> bool:
    return isinstance(manifest, str | Path)


def _config(
    path: str | Path | None, sections: dict[str, Any], image_root: str | Path | None, *, is_table: bool
) -> JobConfig:
    values = {
        f"{section}.{name}": value
        for section, of_section in sections.items()
        for name, value in (of_section.items() if isinstance(of_section, dict) else [("", of_section)])
    }
    if image_root is not None:
        values["manifest.image_root"] = str(image_root)
    elif is_table and "manifest.image_root" not in values:
        values["manifest.image_root"] = str(Path.cwd())
    return load_config(None if path is None else Path(path), values=values)
