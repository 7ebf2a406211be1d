"""The report of runs: what it shows, what it leaves out, and that it can be used by everyone."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charlm.baselines.measure import Baselines
from charlm.cli import main
from charlm.errors import CheckpointError
from charlm.reporting.charts import COLUMNS, TICKS, Axis, Chart, Line
from charlm.reporting.report.page import report
from charlm.runs.directory import RunDirectory
from tests.reporting.chromium import PROGRAM, REASON, Page

pytest.importorskip("jinja2", reason="jinja2 is not installed")

HOSTILE = '</script><img src=x onerror="document.title=1">{{ 7 * 6 }}&amp;\t'
TEXT = f"the cat sat on the mat.\n{HOSTILE}\nthe rat & the cat\n" * 30
SMALL = "--set model.embed_dim=4 --steps 12 --kernels numpy --log-every 2 --sample-every 4"
SCORED = "--set train.eval_every=4"


def train(options: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["-q", "train", *options.split(), *SMALL.split()])
    assert ended.value.code == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three runs of one text, and one without a held-out part."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        Path("text.txt").write_text(TEXT, encoding="utf-8")
        for cell in ("rnn", "gru", "lstm"):
            train(f"text.txt --cell {cell} --hidden-dim 8 {SCORED} -o runs/{cell}")
        train("--hidden-dim 8 -o runs/fox")
    return folder


@pytest.fixture
def runs(folder, tmp_path, monkeypatch):
    """Return copies of the runs, which a test may change."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    shutil.copytree(folder, tmp_path / "world", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.chdir(tmp_path / "world")
    return Path("runs")


def words(html: str) -> str:
    return " ".join(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def test_one_run_from_its_score_to_how_it_is_repeated(runs):
    (runs / "lstm/config.yaml").touch()
    made = report([runs / "lstm"])
    said = words(made.html)
    for part in (
        *("Is it good?", "Less is better.", "this model", "unigram"),
        *(
            "Is it done?",
            "finished: step 12 of 12",
            "What does it write?",
            "What the model looks at",
        ),
        *("Half of the gradient falls on the last", "rank of each character", "Held-out scores"),
        *("charlm train runs/lstm/config.yaml", "text sha256", "hidden_dim: 8"),
    ):
        assert part in said, part
    assert made.runs[0].left_out == ()
    assert not re.search(r"(src|href)=\"?https?:", made.html)


def test_runs_of_one_text_are_compared_and_others_are_not(runs):
    same = words(report([runs / "rnn", runs / "gru"]).html)
    assert "All runs have the same text" in same
    assert same.count("The best score of these runs.") == 1
    other = words(report([runs / "rnn", runs / "fox"]).html)
    assert "their scores cannot be compared" in other
    assert "framing: rnn stream, fox lines" in other
    assert "The best score of these runs." not in other


def test_nothing_of_a_text_leaves_its_place(runs):
    directory = RunDirectory(runs / "rnn")
    directory.log_sample(12, HOSTILE)
    meta = json.loads(directory.meta.read_text())
    directory.write_meta({**meta, "seed": HOSTILE, "command": HOSTILE})
    named = (runs / "rnn").rename(runs / "<b>&amp;{{ 1 }}")
    html = report([named]).html
    assert "<img" not in html
    assert "<b>" not in html
    assert html.count("</script>") == html.count("<script")
    assert "{{ 7 * 6 }}" in html


@pytest.fixture
def moved(folder):
    """Move the text away."""
    away = (folder / "text.txt").rename(folder / "away.txt")
    yield
    away.rename(folder / "text.txt")


def test_what_is_missing_is_left_out_and_named(runs, moved):
    (runs / "gru/last.safetensors").unlink()
    (runs / "gru/best.safetensors").unlink()
    (runs / "gru/samples.txt").unlink()
    (runs / "gru/meta.json").write_text("[")
    with (runs / "rnn/metrics.jsonl").open("a") as metrics:
        metrics.write("{}\n")
    rnn, gru = report([runs / "rnn", runs / "gru"]).runs
    assert "the text of runs/rnn cannot be read again" in rnn.left_out[0]
    assert "metrics.jsonl" in rnn.left_out[1]
    assert "no checkpoint" in gru.left_out[0]
    assert "What it wrote while it learned" not in words(report([runs / "gru"]).html)
    with pytest.raises(CheckpointError, match="no run is there"):
        report([Path("text")])


def test_a_run_that_has_only_begun_or_has_failed(runs):
    new = RunDirectory(runs / "new")
    new.path.mkdir()
    new.write_config("")
    with new.lock():
        said = words(report([new.path]).html)
    assert "no score yet" in said
    assert "running: step 0" in said
    new.write_summary({"state": "failed", "reason": "the loss <is> not finite", "step": 3})
    said = words(report([new.path]).html)
    assert "failed: step 3, 0.0 s; the loss &lt;is&gt; not finite" in said


def test_strange_numbers_and_names(runs):
    directory = RunDirectory((runs / "rnn").rename(runs / os.fsdecode(b"r\xff\xe4\xb8\xad")))
    with directory.metrics.open("a") as metrics:
        for value in ("1e999", "NaN", '"a"', "true", "9" * 400, "1e99", "-1e99", "5e-324", "[]"):
            row = f'"learning_rate": {value}, "loss": 1.0, "held_out_nll": 1e300'
            metrics.write(f'{{"step": 999999999999999999, {row}, "seconds": 1e99}}\n')
    Path("report.html").unlink(missing_ok=True)
    for command in ("report", "plot"):
        with pytest.raises(SystemExit) as ended:
            main([command, str(directory.path), str(runs / "gru")])
        assert ended.value.code == 0
    assert "r\\udcff\u4e2d" in Path("report.html").read_text("utf-8")


@example([1.0, 2.225073858507e-311], True, 0.05)
@given(st.lists(st.floats(-1e100, 1e100), max_size=5), st.booleans(), st.sampled_from([0, 0.05]))
def test_an_axis_holds_its_values(values, log, margin):
    axis = Axis.around(values, log, margin)
    assert axis.low < axis.high
    assert len(axis.ticks()) <= 2 * TICKS
    for value in [*values, *axis.ticks()]:
        assert 0 <= axis.place(value) <= 1


def test_lines_of_no_point_of_one_and_of_many():
    many = [(float(step), 3.0) for step in range(1, 10_001)]
    lines = [
        Line("none", []),
        Line("one <b>", [(1.0, 2.0)]),
        Line("many", many),
        Line("many", many),
    ]
    chart = Chart("c", "Loss", "steps", "nats", lines, log_y=True)
    paths = re.findall(r'<path class="(?:line|dots) (s.)" d="([^"]*)"', chart.picture())
    assert [look for look, _ in paths] == ["s1", "s1", "s2", "s2"]
    assert paths[1][1].endswith("h0")
    assert COLUMNS < paths[2][1].count(" ") <= 2 * COLUMNS + 2
    assert "nan" not in chart.picture()
    assert re.findall(r'"line (s.)".*</svg>(.*)</li>', chart.key()) == [
        ("s1", "one &lt;b&gt;"),
        ("s2", "many"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1, 1000, [1, 10, 100, 1000]),
        (0.4, 30, [0.5, 1, 2, 5, 10, 20]),
        (2.2, 3.1, [2.2, 2.4, 2.6, 2.8, 3]),
    ],
)
def test_a_logarithmic_axis_has_some_round_ticks(low, high, ticks):
    assert Axis(low, high, log=True).ticks() == ticks


def test_long_runs_make_small_reports(runs):
    directory = RunDirectory(runs / "rnn")
    with directory.metrics.open("a") as metrics:
        for step in range(13, 50_013):
            row = {"step": step, "loss": 2 + (step % 97) / 97, "learning_rate": 1 / step}
            if step % 50 == 0:
                row["held_out_nll"] = 2 + 1 / step
            metrics.write(json.dumps({**row, "seconds": step / 14}) + "\n")
    with directory.samples.open("a") as samples:
        samples.writelines(
            f"--- step {step} ---\n{'a <b> c ' * 1000}\n" for step in range(13, 1013)
        )
    assert len(report([directory.path]).html.encode()) < 500_000


CUT = """Array.from(document.querySelectorAll("main *")).filter((box) => box.scrollHeight > box.clientHeight + 1 &&
  box.scrollWidth <= innerWidth && getComputedStyle(box).overflowY != "visible").map((box) => box.className)"""
FOLDED = "document.querySelectorAll('details:not([open])').length"


@pytest.mark.skipif(PROGRAM is None, reason=REASON)
def test_it_is_printed_whole_and_on_white(runs, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(report([runs / name for name in ("rnn", "gru")]).html, "utf-8")
    page = Page(file, tmp_path / "profile")
    try:
        page.settle(700, "dark", "print")
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(CUT) == []
        assert page.evaluate(FOLDED) > 0
        assert page.evaluate(f"dispatchEvent(new Event('beforeprint')), {FOLDED}") == 0
        assert page.evaluate(f"dispatchEvent(new Event('afterprint')), {FOLDED}") > 0
    finally:
        page.close()


@pytest.mark.skipif(PROGRAM is None, reason=REASON)
def test_a_browser_shows_it_to_everyone(runs, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(report([runs / name for name in ("rnn", "gru", "lstm")]).html, "utf-8")
    page = Page(file, tmp_path / "profile")
    try:
        assert requested(page) == [file.resolve().as_uri()]
        for width, scheme in ((1400, "light"), (400, "dark"), (1400, "dark"), (400, "light")):
            page.settle(width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.violations() == []
            page.screenshot(tmp_path / f"{width}-{scheme}.png")
        page.settle(1400, "light")
        assert page.evaluate("document.images.length") == 0
        reached = walked(page)
        assert reached >= set(page.evaluate(FOCUSABLE))
        focus(page, "all-step-at")
        page.press("End")
        said = page.evaluate("document.querySelector('#all-step output').innerText")
        assert re.fullmatch(r"step 12, rnn [\d.]+, gru [\d.]+, lstm [\d.]+", said)
        assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')") == said
        page.hover("#all-step .plot")
        assert "step 8, " in page.evaluate("document.querySelector('#all-step output').innerText")
        focus(page, "run-1-sample")
        last = page.evaluate("document.querySelector('#run-1 .sample pre').innerText")
        page.press("Home")
        first = page.evaluate("document.querySelector('#run-1 .sample pre').innerText")
        assert first != last
        assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "step 1"
        focus(page, "run-2-text")
        page.press("ArrowRight")
        details = page.evaluate("document.getElementById('run-2-details').innerText")
        assert "Character 2: " in details
        assert page.messages == []
        assert requested(page) == [file.resolve().as_uri()]
    finally:
        page.close()


def requested(page: Page) -> list[str]:
    """Return the addresses that were asked for; `data:` is a part of the page."""
    return [address for address in page.requests if not address.startswith("data:")]


FOCUSABLE = """Array.from(document.querySelectorAll("a[href], input:not([disabled]), summary, [tabindex='0']")).map(
  (node) => node.id || node.innerText)"""


def walked(page: Page) -> set[str]:
    """Return what the Tab key reaches, by id or text, from the beginning of the page to its end."""
    reached: set[str] = set()
    for _ in range(200):
        page.press("Tab")
        where = page.evaluate("document.activeElement.id || document.activeElement.innerText")
        if page.evaluate("document.activeElement === document.body"):
            break
        reached.add(where)
    return reached


def focus(page: Page, name: str) -> None:
    page.evaluate(f"document.getElementById({name!r}).focus()")


def test_the_best_of_a_run_stands_among_its_baselines(runs):
    Baselines(900, 100, False, 3.3, 2.9, (2.9, 2.4, 1.8), 2.2).save(runs / "rnn")
    (part,) = report([runs / "rnn"]).runs
    names = [name for name, *_ in part.ladder]
    assert set(names) == {"uniform", "unigram", "xz", "3-gram", "this model"}
    assert [nll for _, nll, *_ in part.ladder] == sorted(
        (nll for _, nll, *_ in part.ladder), reverse=True
    )
