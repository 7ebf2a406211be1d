"""What the Python prompt and a notebook show of models, runs, comparisons and scores."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import charlm
from charlm.config import ModelConfig
from charlm.notebook.rows import SHOWN, Rows
from charlm.text.vocab import Vocab


class Page(HTMLParser):
    """The elements and texts of a piece of HTML, whose elements must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def page(shown) -> Page:
    made = Page(shown._repr_html_())
    assert made.elements <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "pre"}
    assert made.attributes <= {"scope", "style"}
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("displays")
    (folder / "a.txt").write_text("<b>&\n" * 300)
    sizes = {"hidden_dim": 8, "embed_dim": 4, "kernels": "numpy", "steps": 20}
    return charlm.train(
        folder / "a.txt", folder=folder / "<i>run", progress=False, force=True, **sizes
    )


def test_a_model():
    model = charlm.CharLM(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4))
    said = "rnn, layers 1, embedding 50, hidden 4"
    assert repr(model) == f"<CharLM: {said}; 3 symbols; 385 parameters>"
    assert page(model).texts[-3:] == [said, "3", "385"]


def test_a_run(run):
    assert repr(run).startswith(f"<Run {run.path}; state: finished; steps: 20 of 20; model: lstm, ")
    assert re.search(r"; loss: [\d.]+; best held-out score: [\d.]+ at step 20>$", repr(run))
    texts = page(run).texts
    assert texts[0] == f"Run {run.path}"
    assert texts[-1] == run.samples[-1]["text"]


def test_the_rows_of_a_run(run):
    made = page(run.metrics)
    assert {"step", "loss", "held_out_nll"} <= set(made.texts)
    assert page(Rows([])).texts == []
    many = Rows({"step": step, "<x>": "<script>"} for step in range(SHOWN + 1))
    texts = page(many).texts
    assert texts[:3] == [f"the last {SHOWN} of {SHOWN + 1} rows", "step", "<x>"]
    assert texts.count("<script>") == SHOWN


def test_scores(run):
    texts = page(run.score(dynamic=True, mix=True)).texts
    for name in ("bits per character", "bits per byte", "nats of the model alone"):
        assert name in texts


def test_a_comparison(run):
    comparison = charlm.Comparison(charlm.load_comparison_config("srnn-vs-lstm"), seeds=1, steps=30)
    done = "srnn, lstm; 1 seed; {} of 2 trainings done>"
    assert repr(comparison) == f"<Comparison srnn-vs-lstm: {done.format(0)}"
    page(comparison)
    assert list(comparison.events())
    assert repr(comparison).endswith(done.format(2))
    assert {"srnn", "lstm", "7,878", "23,028"} <= set(page(comparison).texts)
    assert page(comparison.results()).texts == page(comparison).texts
    assert repr(comparison.results()) == "<Results srnn-vs-lstm: srnn, lstm; 2 trainings>"
    assert len(repr(comparison.result().models[0])) < 1000
    said = "<ComparisonResult srnn-vs-lstm: srnn, lstm; fastest: srnn>"
    assert repr(comparison.result()) == said
    texts = page(comparison.result()).texts
    assert texts[0] == "srnn-vs-lstm: fastest: srnn"
    assert {"last loss (nats per line)", "steps to 10", "never"} <= set(texts)
