"""From a job's output to its report."""

from pipeline.io.storage import Folder, base_name, join, parent
from pipeline.report.gather import gather
from pipeline.report.page import render_page

REPORT_NAME = "report.html"


def write_report(
    out: str,
    to: str | None = None,
    *,
    faces: int = 24,
    seed: int = 0,
    manifest: str | None = None,
    image_root: str | None = None,
) -> str:
    """Write the report of a job, by default into its own folder, and give its location.

    `faces`: number of random faces, the same ones for the same `seed`. `manifest` and `image_root` are for
    those that lie elsewhere by now, or need credentials.

    Raises:
        StorageError: the folder is not the output of a job, a file of it is missing or torn, or the report
            cannot be written.
    """
    page = render_page(gather(Folder(out), faces, seed, manifest, image_root))
    target = to or join(out, REPORT_NAME)
    Folder(parent(target)).write(base_name(target), page)
    return target
