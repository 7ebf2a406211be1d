"""A page of a running training, for a browser on this machine.

The server listens on 127.0.0.1 only and answers only those who know a random word of its address. It changes nothing.
A name that another site points at 127.0.0.1 is refused by the Host header. The page asks for its content every second;
the content has the same size however long the run is.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from charlm.errors import CharlmError
from charlm.reporting.report.facts import Facts
from charlm.reporting.report.page import live, rendered
from charlm.runs.directory import RunDirectory

INTERVAL = 0.5
"""Seconds between two looks at whether the run has ended."""
GRACE = 5.0
"""The most seconds that the server waits at the end of a run until the page has shown it."""
READING = 10.0
"""The most seconds for which a connection may be silent."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Watch:
    """The server of the page of one run; use it in a ``with`` block.

    Args:
        path: the folder of the run.

    Raises:
        MissingExtraError: jinja2 is not installed.
        CheckpointError: there is no run.

    Attributes:
        port: where the server listens.
        word: the random word of the address.
    """

    def __init__(self, path: Path) -> None:
        self._directory = RunDirectory(path)
        self._name = Facts.read(path).name
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] = ()
        self._content = b""
        self._asked, self._end_told = threading.Event(), threading.Event()
        self._now()  # a page that cannot be made is an error before the address is shown
        self.word = secrets.token_urlsafe(16)
        watch = self

        class Handler(_Handler):
            """Answers for this page."""

            of = watch

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.port}/{self.word}/"

    def wait(self) -> None:
        """Wait until the run has ended and an open page has shown it."""
        while self._directory.is_running():
            time.sleep(INTERVAL)
        if self._asked.is_set():
            self._end_told.wait(GRACE)

    def answer(self, name: str) -> tuple[str, bytes] | None:
        """Return the type and the content of a file of the page; None if there is no such file."""
        if name == "/":
            return "text/html; charset=utf-8", rendered("live.html", name=self._name).encode()
        if name == "/now":
            self._asked.set()
            return "application/json", self._now()
        return None

    def sent(self, content: bytes) -> None:
        """Note that a content was sent."""
        if content.startswith(b'{"running": false'):
            self._end_told.set()

    def _now(self) -> bytes:
        """Return the content of the page; it is made again only when a file of the run has changed."""
        directory = self._directory
        with self._lock:
            running = directory.is_running()
            seen = (
                running,
                *map(_changed, (directory.metrics, directory.samples, directory.summary)),
            )
            if seen != self._seen:
                try:
                    state = {"running": running, "main": live(directory.path)}
                except (CharlmError, OSError):  # the folder was removed
                    state = {"running": False, "main": "<p>The folder of the run is gone.</p>"}
                self._content, self._seen = json.dumps(state).encode(), seen
            return self._content


def _changed(path: Path) -> tuple[int, int]:
    """Return what differs when a file has changed."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


class _Handler(BaseHTTPRequestHandler):
    """Answers a request, if it is allowed."""

    of: Watch
    timeout = READING
    server_version, sys_version = "charlm", ""

    def parse_request(self) -> bool:
        """Read a request, and refuse what is not allowed."""
        if not super().parse_request():
            return False
        refusal = self._refusal()
        if refusal is not None:
            self.send_error(refusal)
        return refusal is None

    def do_GET(self) -> None:
        """Send a file of the page."""
        answer = self.of.answer(self._word_and_name()[1])
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, content = answer
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
            self.of.sent(content)

    do_HEAD = do_GET  # noqa: N815

    def end_headers(self) -> None:
        """Add the headers of every answer."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _refusal(self) -> HTTPStatus | None:
        hosts = [f"{host}:{self.of.port}" for host in ("127.0.0.1", "localhost")]
        if self.headers.get_all("Host", []) not in [[host] for host in hosts]:
            return HTTPStatus.FORBIDDEN
        if self.command not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED
        word, _ = self._word_and_name()
        if not secrets.compare_digest(word.encode(), self.of.word.encode()):
            return HTTPStatus.FORBIDDEN
        return None

    def _word_and_name(self) -> tuple[str, str]:
        """Return the word of the address, and what follows it."""
        word, slash, name = self.path.removeprefix("/").partition("/")
        return word, slash + name
