"""Files on web servers, over HTTP and HTTPS.

A photo is one request. What the server answers is taken for what it means: 404 and 410 are "there is none",
503 and 429 mean later, after as long as the server asks; 401 and 403 are a matter of access, and 500 or an
answer that breaks off are that file's own fault if they stay. Servers that give no parts of files serve
manifests nonetheless, which are then fetched as a whole.
"""

import email.utils
import io
import re
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, cast
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, ResponseError, SSLError

from faceposenet.photo.byte_ranges import Span
from faceposenet.redaction import without_secrets
from pipeline.errors import StorageError
from pipeline.io.backoff import OneFileError, WebError, in_one_line, patiently

_TIMEOUT = urllib3.Timeout(connect=20, read=60)
_REDIRECTS = 5
_PIECE = 2**20
_BUFFER = 2**20
# Everything that may stand in a URL, and so not "#", which would begin a fragment and never reach the server.
_ALLOWED = "/:?=&;,@+$!~*'()[]%"
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def encoded_url(url: str) -> str:
    """A URL as it is sent: spaces, `#` and the like in names are escaped, what is escaped already stays.

    Example:
        encoded_url("https://host/a b#1.jpg?x=%20")  # "https://host/a%20b%231.jpg?x=%20"
    """
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority}{slash}{quote(_PERCENT.sub('%25', path), safe=_ALLOWED)}"


def read_web(url: str, limit: int | None = None) -> bytes:
    """The bytes of a file on a web server, at most `limit`.

    Raises:
        FileNotFoundError: the server has none.
        OSError: it does not give it: the status is in the text.
        StorageUnavailableError: the server is busy or down and stays so.
    """

    def read() -> bytes:
        with _answer("GET", url) as answer:
            return _body(answer, url, limit)

    return patiently(read)


def read_web_spans(url: str, spans: Sequence[Span], limit: int | None = None) -> bytes:
    """Some spans of a file on a web server, put together; at most `limit` bytes.

    Raises:
        StorageError: the server gives no parts of files.
        FileNotFoundError, OSError, StorageUnavailableError: as `read_web`.
    """
    data = b""
    for offset, length in spans:
        wanted = length if limit is None else min(length, limit - len(data))
        piece = _read_part(url, offset, wanted) if wanted > 0 else b""
        if len(piece) < wanted:
            raise OSError(f"{_shown(url)} ends before byte {offset + wanted}")
        data += piece
    return data


def _read_part(url: str, offset: int, length: int) -> bytes:
    def read() -> bytes:
        with _answer("GET", url, {"Range": f"bytes={offset}-{offset + length - 1}"}) as answer:
            if answer.status != 206:
                raise StorageError(
                    f"the server of {_shown(url)} gives no parts of files (it answers a request for a range "
                    "with the whole); copy the file, or serve it by another server"
                )
            return _body(answer, url, length)

    return patiently(read)


@dataclass(frozen=True)
class WebInfo:
    """What a server says about a file."""

    size: int | None
    modified_ns: int | None
    tag: str
    """Its ETag; empty where the server gives none."""


def web_info(url: str) -> WebInfo:
    """What a server says about a file.

    Raises:
        FileNotFoundError, OSError, StorageUnavailableError: as `read_web`.
    """

    def ask() -> WebInfo:
        try:
            with _answer("HEAD", url) as answer:
                return _info(answer.headers, answer.headers.get("Content-Length"))
        except WebError as fault:
            if fault.status not in (400, 403, 405, 501):  # what answers those to HEAD may answer to GET
                raise
        except PermissionError:
            pass  # a URL that is signed for GET alone
        with _answer("GET", url, {"Range": "bytes=0-0"}) as answer:
            whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
            length = answer.headers.get("Content-Length")
            return _info(answer.headers, whole if answer.status == 206 else length)

    return patiently(ask)


def _info(headers: Mapping[str, str], size: str | None) -> WebInfo:
    modified = email.utils.parsedate_tz(headers.get("Last-Modified", ""))
    packed = headers.get("Content-Encoding", "identity") != "identity"
    return WebInfo(
        int(size) if size and size.isdecimal() and not packed else None,
        None if modified is None else email.utils.mktime_tz(modified) * 10**9,
        headers.get("ETag", ""),
    )


@contextmanager
def _answer(
    method: str, url: str, headers: Mapping[str, str] | None = None
) -> Iterator[urllib3.BaseHTTPResponse]:
    """A server's answer to a request, if it is a good one."""
    try:
        answer = _pool(urlsplit(url).scheme, urlsplit(url).hostname or "").request(
            method,
            encoded_url(_without_user(url)),
            headers={"Accept-Encoding": "identity", **_authorisation(url), **(headers or {})},
            preload_content=False,
            timeout=_TIMEOUT,
            retries=urllib3.Retry(0, redirect=_REDIRECTS, raise_on_redirect=True),
        )
    except (HTTPError, ValueError) as error:
        raise _fault(url, error) from error
    try:
        _check_status(answer, url)
        yield answer
    except HTTPError as error:
        raise _fault(url, error) from error
    finally:
        if method == "HEAD":
            answer.drain_conn()
        # A connection whose answer was not read to its end cannot be used again.
        answer.close()


def _fault(url: str, error: Exception) -> Exception:
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason is not None else error
    words = without_secrets(in_one_line(reason))
    if isinstance(reason, SSLError):
        return StorageError(f"no safe connection to {_shown(url)}: {words}")
    if isinstance(reason, ResponseError | ValueError):
        return WebError(f"{_shown(url)}: {words}", status=400)
    return ConnectionError(f"no connection to {_shown(url)}: {words}")


def _check_status(answer: urllib3.BaseHTTPResponse, url: str) -> None:
    status = answer.status
    if status in (200, 206):
        return
    if status in (404, 410):
        raise FileNotFoundError(_shown(url))
    text = f"the server answers {status} {answer.reason or ''}".strip() + f" for {_shown(url)}"
    if status in (401, 403):
        raise PermissionError(text)
    wait_s = _wait_s(answer.headers.get("Retry-After", ""))
    if status == 500:
        raise OneFileError(text, status=status, wait_s=wait_s)
    raise WebError(text, status=status, wait_s=wait_s)


def _wait_s(text: str) -> float | None:
    """Seconds that a `Retry-After` asks for, which may be a number or a date."""
    if text.strip().isdecimal():
        return float(text)
    date = email.utils.parsedate_tz(text)
    return None if date is None else max(0.0, email.utils.mktime_tz(date) - time.time())


def _body(answer: urllib3.BaseHTTPResponse, url: str, limit: int | None) -> bytes:
    """The body of an answer, all of it or its first bytes.

    Raises:
        OneFileError: it breaks off.
    """
    pieces, size = [], 0
    try:
        while limit is None or size < limit:
            piece = answer.read(_PIECE if limit is None else min(_PIECE, limit - size), decode_content=True)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
    except (HTTPError, OSError) as error:
        raise OneFileError(
            f"the answer of {_shown(url)} broke off after {size} bytes: {without_secrets(in_one_line(error))}"
        ) from error
    expected = answer.headers.get("Content-Length", "")
    packed = answer.headers.get("Content-Encoding", "identity") != "identity"
    whole = int(expected) if expected.isdecimal() and not packed else size
    if size < (whole if limit is None else min(limit, whole)):
        raise OneFileError(f"the answer of {_shown(url)} broke off after {size} of {whole} bytes")
    return b"".join(pieces)


class WebFile(io.RawIOBase):
    """A file on a web server, read in parts; on a server that gives none, fetched as a whole."""

    def __init__(self, url: str) -> None:
        """Raises FileNotFoundError, OSError, StorageUnavailableError: as `read_web`."""
        super().__init__()
        self._url = url
        self._info = web_info(url)
        self._at = 0
        self._whole: IO[bytes] | None = None
        if self._info.size is None or not self._gives_parts():
            self._whole = self._fetched()
        self._size = self._info.size if self._whole is None else self._whole.seek(0, io.SEEK_END)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: cast(int, self._size)}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, cast(int, self._size) - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        if self._whole is not None:
            self._whole.seek(self._at)
            data = self._whole.read(wanted)
        else:
            data = _read_part(self._url, self._at, wanted)
        self._at += len(data)
        return data

    def close(self) -> None:
        if self._whole is not None:
            self._whole.close()
        super().close()

    def _gives_parts(self) -> bool:
        if not self._info.size:
            return True

        def ask() -> bool:
            with _answer("GET", self._url, {"Range": "bytes=0-0"}) as answer:
                return answer.status == 206

        return patiently(ask)

    def _fetched(self) -> IO[bytes]:
        def fetch() -> IO[bytes]:
            file = tempfile.TemporaryFile()  # noqa: SIM115  # whoever reads the file closes it
            try:
                with _answer("GET", self._url) as answer:
                    size = 0
                    while piece := _body_piece(answer, self._url):
                        size += file.write(piece)
                expected = answer.headers.get("Content-Length", "")
                if expected.isdecimal() and self._info.size is not None and size < int(expected):
                    raise OneFileError(f"the answer of {_shown(self._url)} broke off after {size} bytes")
            except BaseException:
                file.close()
                raise
            return cast(IO[bytes], file)

        return patiently(fetch)


def _body_piece(answer: urllib3.BaseHTTPResponse, url: str) -> bytes:
    try:
        return answer.read(_PIECE, decode_content=True)
    except (HTTPError, OSError) as error:
        raise OneFileError(f"the answer of {_shown(url)} broke off: {in_one_line(error)}") from error


class WebFiles(pafs.FileSystemHandler):  # type: ignore[misc]  # pyarrow has no types
    """Web servers as a file system for Arrow; paths are URLs. They are read from, and have no folders."""

    def get_type_name(self) -> str:
        return "web"

    def normalize_path(self, path: str) -> str:
        return path

    def tag(self, path: str) -> str:
        """What tells a file from one of the same name and size."""
        return web_info(path).tag

    def get_file_info(self, paths: list[str]) -> list[pafs.FileInfo]:
        return [_file_info(path) for path in paths]

    def get_file_info_selector(self, selector: pafs.FileSelector) -> list[pafs.FileInfo]:
        raise OSError(f"a web server has no folders that can be listed: {_shown(selector.base_dir)}")

    def open_input_file(self, path: str) -> pa.PythonFile:
        return pa.PythonFile(WebFile(path), mode="r")

    def open_input_stream(self, path: str) -> pa.PythonFile:
        return self.open_input_file(path)

    def _only_read(self, *_: Any) -> Any:
        raise OSError("files on web servers can only be read; name a folder or an object store")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _only_read
    delete_file = move = copy_file = open_output_stream = open_append_stream = _only_read


@lru_cache(maxsize=1)
def web_files() -> pafs.PyFileSystem:
    """The one file system of all web servers."""
    return pafs.PyFileSystem(WebFiles())


def _file_info(url: str) -> pafs.FileInfo:
    try:
        info = web_info(url)
    except FileNotFoundError:
        return pafs.FileInfo(url, pafs.FileType.NotFound)
    return pafs.FileInfo(url, pafs.FileType.File, size=info.size, mtime_ns=info.modified_ns)


@lru_cache(maxsize=32)
def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    """Connections, which are kept, to a host: straight or by the proxy that the environment names."""
    proxy = urllib.request.getproxies().get(scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        return urllib3.ProxyManager(proxy, maxsize=64)
    return urllib3.PoolManager(maxsize=64)


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _authorisation(url: str) -> dict[str, str]:
    authority = url.partition("://")[2].partition("/")[0]
    user, at, _ = authority.rpartition("@")
    return urllib3.make_headers(basic_auth=unquote(user)) if at else {}


def _shown(url: str) -> str:
    return repr(without_secrets(url))
