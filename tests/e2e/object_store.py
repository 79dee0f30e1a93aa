"""An S3 server on loopback, and a proxy before it that fails a share of the requests in every way a
store can."""

import random
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer


@contextmanager
def s3_server() -> Iterator[str]:
    """The endpoint of an empty S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


class FaultyProxy:
    """Hands connections on to a server, but drops, delays or answers a share of the requests with an error.

    It sees one request a connection: every answer closes it.
    """

    def __init__(self, target: str, share: float, seed: int) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._share = share
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    @contextmanager
    def serve(self) -> Iterator[str]:
        """The endpoint of the proxy."""
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy.handle(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        with Server(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()

    def handle(self, client: socket.socket) -> None:
        """One request: read whole, then a fault or the server's answer."""
        request = _read_message(client)
        if not request:
            return
        with self._lock:
            fault = self._rng.choice(("drop", "503", "delay")) if self._rng.random() < self._share else "none"
            self.counts[fault] += 1
        if fault == "drop":
            return
        if fault == "503":
            body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            head = f"HTTP/1.1 503 Slow Down\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode() + body)
            return
        if fault == "delay":
            time.sleep(1.0)
        with socket.create_connection(self._target) as server:
            server.sendall(_closing(request))
            answer = b""
            while chunk := server.recv(2**16):
                answer += chunk
        # A client that is not told would use its connection again, and wait for an answer that never comes.
        client.sendall(_closing(answer))


def _read_message(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = client.recv(2**16)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if headers.get(b"expect", b"").lower() == b"100-continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        data = data.replace(b"Expect: 100-continue\r\n", b"").replace(b"expect: 100-continue\r\n", b"")
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        # S3's own chunks inside of these end with an empty line too: only the chunk of size 0 is the end.
        while not _is_complete(body):
            chunk = client.recv(2**16)
            if not chunk:
                return b""
            data, body = data + chunk, body + chunk
        return data
    missing = int(headers.get(b"content-length", b"0")) - len(body)
    while missing > 0:
        chunk = client.recv(2**16)
        if not chunk:
            return b""
        data, missing = data + chunk, missing - len(chunk)
    return data


def _is_complete(body: bytes) -> bool:
    """Whether a chunked body (RFC 9112, section 7.1) has its last chunk and the empty line after it."""
    at = 0
    while (end := body.find(b"\r\n", at)) >= 0:
        size = int(body[at:end].partition(b";")[0], 16)
        if size == 0:
            return body.endswith(b"\r\n\r\n")
        at = end + 2 + size + 2
    return False


def _closing(message: bytes) -> bytes:
    """A request or an answer that says that its connection closes afterwards."""
    head, separator, body = message.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + separator + body
