"""The page of a running training: it answers only those who may see it, follows the run, and ends with it."""

from __future__ import annotations

import http.client
import json
import socket
import threading

import pytest

from charlm.reporting.report.live import Watch
from charlm.runs.directory import RunDirectory
from tests.reporting.chromium import PROGRAM, REASON, Page

pytest.importorskip("jinja2", reason="jinja2 is not installed")
CONFIG = "data: {text: novel.txt, framing: stream}\ntrain: {steps: 100}\n"


@pytest.fixture
def directory(tmp_path):
    made = RunDirectory(tmp_path / "novel <b>")
    made.path.mkdir()
    made.write_config(CONFIG)
    made.write_summary({"state": "running", "reason": "", "budget": "100 steps", "steps": 100})
    log(made, 1)
    return made


def log(directory: RunDirectory, step: int) -> None:
    directory.log_metrics(
        {"step": step, "loss": 3.0 - step / 100, "learning_rate": 1 / step, "seconds": 1.0}
    )
    directory.log_sample(step, f"<b>the cat at {step}</b>\x1b")


@pytest.fixture
def running(directory):
    """Hold the lock that a training holds, until the returned function is called."""
    ended = threading.Event()
    held = threading.Event()

    def train() -> None:
        with directory.lock():
            held.set()
            ended.wait()

    thread = threading.Thread(target=train)
    thread.start()
    held.wait()

    def end() -> None:
        directory.write_summary(
            {"state": "finished", "reason": "100 steps", "step": 100, "steps": 100}
        )
        ended.set()
        thread.join()

    yield end
    ended.set()
    thread.join()


def ask(watch: Watch, path: str, method: str = "GET", host: str | None = None) -> tuple[int, bytes]:
    """Return the status and the content of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", watch.port, timeout=30)
    connection.request(method, path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status, answer.read()


def test_only_who_knows_the_address_may_read_it(directory, running):
    before = {file: file.read_bytes() for file in directory.path.iterdir()}
    with Watch(directory.path) as watch:
        word, port = watch.word, watch.port
        assert watch.address == f"http://127.0.0.1:{port}/{word}/"
        for path, method, host, status in (
            (f"/{word}/", "GET", None, 200),
            (f"/{word}/", "HEAD", None, 200),
            (f"/{word}/now", "GET", f"localhost:{port}", 200),
            ("/", "GET", None, 403),
            ("/now", "GET", None, 403),
            (f"/{word[:-1]}/", "GET", None, 403),
            (f"/{word}/now", "GET", f"evil.example:{port}", 403),
            (f"/{word}/now", "GET", "127.0.0.1", 403),
            (f"/{word}", "GET", None, 404),
            (f"/{word}/config.yaml", "GET", None, 404),
            (f"/{word}/../metrics.jsonl", "GET", None, 404),
            (f"/{word}/now", "POST", None, 405),
            (f"/{word}/now", "DELETE", None, 405),
            (f"/{word}/now", "ANYTHING", None, 405),
        ):
            assert ask(watch, path, method, host)[0] == status, (path, method, host)
    assert before == {file: file.read_bytes() for file in directory.path.iterdir()}


def test_no_other_machine_reaches_it(directory, running):
    with Watch(directory.path) as watch:
        assert watch._server.socket.getsockname()[0] == "127.0.0.1"
        with socket.socket() as silent:  # a connection that asks nothing stops no other
            silent.connect(("127.0.0.1", watch.port))
            assert ask(watch, f"/{watch.word}/now")[0] == 200


def test_it_shows_what_is_new_and_does_not_grow(directory, running):
    with Watch(directory.path) as watch:

        def now() -> dict[str, object]:
            return json.loads(ask(watch, f"/{watch.word}/now")[1])

        first = now()
        assert first["running"] is True
        assert "running: step 1 of 100, 1.0 s; budget: 100 steps" in first["main"]
        assert "&lt;b&gt;the cat at 1&lt;/b&gt;" in first["main"]
        assert now() == first
        for step in range(2, 2002):
            log(directory, step)
        middle = now()["main"]
        assert "the cat at 2001" in middle
        for step in range(2002, 4002):
            log(directory, step)
        assert len(now()["main"]) < 1.1 * len(middle)


def test_it_ends_with_the_run_when_the_page_has_shown_the_end(directory, running):
    with Watch(directory.path) as watch:
        ask(watch, f"/{watch.word}/now")
        waiting = threading.Thread(target=watch.wait)
        waiting.start()
        running()
        last = json.loads(ask(watch, f"/{watch.word}/now")[1])
        assert last["running"] is False
        assert "finished: step 100 of 100" in last["main"]
        waiting.join(30)
        assert not waiting.is_alive()
    with pytest.raises(ConnectionRefusedError):
        ask(watch, "/")


@pytest.mark.skipif(PROGRAM is None, reason=REASON)
def test_a_browser_follows_the_run(directory, running, tmp_path):
    with Watch(directory.path) as watch:
        page = Page(watch.address, tmp_path / "profile")
        try:
            until(page, "document.querySelectorAll('.chart').length == 1")
            log(directory, 50)
            until(
                page, "document.querySelectorAll('.chart').length == 2"
            )  # the learning rate has changed
            page.evaluate("document.getElementById('run-1-sample').focus()")
            page.press("Home")
            log(directory, 60)
            until(page, "document.body.innerText.includes('step 60 of 100')")
            assert page.evaluate("document.activeElement.id") == "run-1-sample"
            assert page.evaluate("document.querySelector('.sample output').innerText") == "step 1"
            running()
            watch.wait()
            until(page, "document.body.innerText.includes('The run has ended.')")
            assert page.messages == []
            assert all(asked.startswith((watch.address, "data:")) for asked in page.requests)
        finally:
            page.close()


def until(page: Page, condition: str) -> None:
    """Wait until the page has made a condition true."""
    page.evaluate(
        f"new Promise((done) => {{ (function look() {{ {condition} ? done(true) : setTimeout(look, 50); }})(); }})"
    )
