"""The bytes of an object in a store, or of a file on a web server.

pyarrow reads the schemes that it knows, with endpoint and credentials from the usual environment variables;
the fsspec package of the scheme reads the others. Both are imported at the first URI: callers with local
photos do not wait a quarter of a second for them. A job reads in its own way, which tries again where a store
fails.
"""

from collections.abc import Sequence

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.byte_ranges import Span
from faceposenet.photo.local_file import read_spans
from faceposenet.reasons import Reason


def read_uri(uri: str, limit: int, spans: Sequence[Span] = ()) -> bytes:
    """Reads a file by its URI, or spans of it, up to `limit` bytes.

    Raises:
        FaceRejectedError: a scheme that nothing here can open.
        FileNotFoundError: there is no such file.
        OSError: it cannot be read.
    """
    from pyarrow import ArrowInvalid, ArrowNotImplementedError, fs  # noqa: PLC0415

    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
    except (ArrowInvalid, ArrowNotImplementedError):
        return _read_with_fsspec(uri, limit, spans)  # a scheme that Arrow does not know
    with filesystem.open_input_file(path) as file:
        return read_spans(file, uri, spans, limit) if spans else bytes(file.read(limit))


def _read_with_fsspec(uri: str, limit: int, spans: Sequence[Span]) -> bytes:
    import fsspec  # noqa: PLC0415

    try:
        files, path = fsspec.url_to_fs(uri)
    except (ValueError, ImportError) as error:
        detail = (
            f"cannot open {uri!r}: {error}; expected a local path, s3://, gs://, hdfs://, http:// or "
            "https://, or a scheme whose fsspec package is installed"
        )
        raise FaceRejectedError(Reason.IMAGE_NOT_ALLOWED, detail) from error
    try:
        pieces = [files.cat_file(path, at, at + length) for at, length in spans or [(0, limit)]]
    except OSError:
        raise
    except Exception as error:  # every package of a store has errors of its own
        raise OSError(f"{type(error).__name__}: {error}") from error
    if any(len(piece) < length for piece, (_, length) in zip(pieces, spans, strict=False)):
        raise OSError(f"{uri!r} ends before its bytes {spans}")
    return b"".join(pieces)[:limit]
