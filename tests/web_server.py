"""A web server on loopback that answers by a script: what each request to a path gets, in turn."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """What a request gets."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    """After so many bytes of the body the connection ends."""
    reset: bool = False
    """The connection is reset instead of an answer."""
    gives_parts: bool = True
    """Whether requests for a range get one."""
    head_status: int | None = None
    """Another status for HEAD."""


@dataclass
class WebServer:
    """Scripts by path; the last answer of a script is given for ever."""

    scripts: dict[str, list[Answer]]
    address: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_answer(self, path: str) -> Answer:
        with self.lock:
            self.asked[path] += 1
            script = self.scripts.get(path, [Answer(404)])
            return script.pop(0) if len(script) > 1 else script[0]


@contextmanager
def web_server(scripts: dict[str, list[Answer]]) -> Iterator[WebServer]:
    """Serve scripts; paths are as they are sent, with their query."""
    state = WebServer(scripts)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = state.next_answer(self.path)
            if answer.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.close_connection = True
                self.connection.close()
                return
            status, body, headers = answer.status, answer.body, dict(answer.headers)
            if self.command == "HEAD" and answer.head_status is not None:
                status, body = answer.head_status, b""
            wanted = self.headers.get("Range", "")
            if status == 200 and answer.gives_parts and wanted.startswith("bytes="):
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(int(last), len(body) - 1) + 1
                status = 206 if start < len(body) else 416
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
                body = body[start:stop]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            self.wfile.write(body if answer.cut_at is None else body[: answer.cut_at])
            self.close_connection |= answer.cut_at is not None

        do_HEAD = do_GET  # noqa: N815  # the name is http.server's

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients may leave

    with Server(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield state
        finally:
            server.shutdown()
