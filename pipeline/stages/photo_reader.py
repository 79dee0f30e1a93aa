"""The photos of a part in the order of its rows, each read and decoded once for all neighbours in it.

Remote images are read ahead by several threads, over the whole part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.decode import DecodedPhoto, decode_photo
from faceposenet.photo.locations import is_uri
from faceposenet.photo.read import checked_bytes
from faceposenet.photo.reduction import Needs
from fpn_core import valid_boxes
from pipeline.config.settings import ImageSettings
from pipeline.engine.quarantine import Report, report_nothing
from pipeline.errors import StorageError
from pipeline.io.image_access import ImagePlaces
from pipeline.io.read_ahead import read_ahead
from pipeline.manifest import Rows
from pipeline.reasons import Reason, Stage


@dataclass
class PhotoReader:
    """Reads and decodes."""

    images: ImageSettings
    places: ImagePlaces
    needs: Needs | None
    """What photos may be reduced to; None: never reduced."""
    report: Report = report_nothing

    def __call__(
        self, rows: Rows, pieces: Sequence[Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], DecodedPhoto | FaceRejectedError, bytes]]:
        """Each piece with its photo, or why there is none, and the encoded photo (empty where there is none).

        pieces: positions in `rows`, ascending; those of one piece are of one image, by `image_runs`. A piece
        that goes on with the image of the one before gets the same photo. The photo's size depends on all
        rows of its run, so that it does not change with what is left out.
        """
        runs = image_runs(rows)
        first_pieces = [
            n for n in range(len(pieces)) if n == 0 or runs[pieces[n][0]] != runs[pieces[n - 1][0]]
        ]
        encoded = self._encoded(rows, [pieces[n][0] for n in first_pieces])
        starts = set(first_pieces)
        photo: DecodedPhoto | FaceRejectedError | None = None
        data: bytes | FaceRejectedError = b""
        for n, piece in enumerate(pieces):
            # One report for reading, decoding and cutting: each is a message to another process.
            self.report(Stage.DECODE, [rows.row[i] for i in piece])
            if n in starts:
                photo = None  # before the next one takes as much memory
                data = next(encoded)
                photo = self._photo(data, boxes_of_run(rows, runs, runs[piece[0]]))
            assert photo is not None
            yield piece, photo, b"" if isinstance(data, FaceRejectedError) else data

    def _photo(
        self, data: bytes | FaceRejectedError, boxes_xywh_px: np.ndarray
    ) -> DecodedPhoto | FaceRejectedError:
        if isinstance(data, FaceRejectedError):
            return data
        try:
            return decode_photo(data, self.images.limits, boxes_xywh_px, self.needs)
        except FaceRejectedError as fault:
            return fault
        except Exception as error:  # one image must not take its batch along
            return FaceRejectedError(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")

    def _encoded(self, rows: Rows, positions: list[int]) -> Iterator[bytes | FaceRejectedError]:
        """The encoded image of each row, remote ones read ahead by several threads."""
        if rows.image_bytes is not None or not is_uri(self.places.image_root):
            for i in positions:
                yield self._read(rows, i)
            return
        yield from read_ahead(lambda i: self._read(rows, i), positions, self.images.read_threads)

    def _read(self, rows: Rows, i: int) -> bytes | FaceRejectedError:
        """The bytes of a row's image, or why there are none.

        Raises:
            StorageError: the store itself cannot be read, which is not the fault of a face.
        """
        try:
            if rows.image_bytes is None:
                return self.places.read(rows.image[i], self.images.limits)
            return checked_bytes(rows.image_bytes[i], self.images.limits)
        except FaceRejectedError as fault:
            return fault
        except StorageError:
            raise
        except Exception as error:  # one image must not take its batch along
            return FaceRejectedError(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")


def image_runs(rows: Rows) -> np.ndarray:
    """int64 (n,), ascending: the number of each row's run, which is rows that follow one another with one
    image."""
    names: Sequence[object] = rows.image if rows.image_bytes is None else rows.image_bytes
    begins = [i > 0 and name != names[i - 1] for i, name in enumerate(names)]
    return np.cumsum(begins, dtype=np.int64)


def boxes_of_run(rows: Rows, runs: np.ndarray, run: int) -> np.ndarray:
    """float64 (n, 4): the valid boxes of a run."""
    first, last = np.searchsorted(runs, [run, run + 1])
    return valid_boxes_of(rows, slice(first, last))


def valid_boxes_of(rows: Rows, which: np.ndarray | slice) -> np.ndarray:
    """float64 (n, 4): the valid boxes among some rows."""
    boxes = rows.box_xywh_px[which]
    return np.asarray(boxes[valid_boxes(boxes)])
