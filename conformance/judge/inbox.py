"""A receiver that the suite starts for callbacks. It stores each callback under the last segment of its path."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

MOST_BYTES: Final = 256 * 1024
MOST_CALLS: Final = 1000


class Heard(NamedTuple):
    """One callback: the method, the media type, and the parameters of the query and of the body."""

    method: str
    media: str
    query: dict[str, str]
    form: dict[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that belong to the method: those of the body for POST, else those of the query."""
        return self.form if self.method == "POST" else self.query


class Inbox:
    """The stored callbacks. `address` is the URL at which the server under test reaches the receiver."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._lock = Lock()
        self._calls: dict[str, list[Heard]] = defaultdict(list)

    def url(self, name: str) -> str:
        """Return the URL for one message."""
        return f"{self.address}/{name}"

    def heard(self, name: str) -> list[Heard]:
        """Return the callbacks to the URL of that name so far, in order of arrival."""
        with self._lock:
            return list(self._calls[name])

    def take(self, method: str, path: str, media: str, body: bytes) -> None:
        """Store a callback that came in."""
        plain, _, query = path.partition("?")
        said = body.decode("utf-8", "replace")
        form = dict(parse_qsl(said, keep_blank_values=True)) if "form-urlencoded" in media else {}
        with self._lock:
            if sum(map(len, self._calls.values())) < MOST_CALLS:
                heard = Heard(method, media, dict(parse_qsl(query, keep_blank_values=True)), form)
                self._calls[plain.rpartition("/")[2]].append(heard)


@contextmanager
def listening(inbox: Inbox, host: str, port: int) -> Iterator[None]:
    """Run the receiver on a port of this machine for the length of the block. Raises OSError if the port is taken."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer  # noqa: PLC0415 - most runs have no receiver

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, MOST_BYTES))
            inbox.take(self.command, self.path, self.headers.get("Content-Type", ""), body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = _take

        def log_message(self, *arguments: object) -> None:
            """Log nothing, because a callback holds phone numbers and a text."""

    with ThreadingHTTPServer((host, port), Handler) as server:
        running = Thread(target=server.serve_forever, daemon=True)
        running.start()
        try:
            yield
        finally:
            server.shutdown()
            running.join()
