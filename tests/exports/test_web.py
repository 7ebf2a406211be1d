"""The web page in a browser: the model's numbers, everything that people do with it, and nothing from a network."""

from __future__ import annotations

import json

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.errors import InputError
from charlm.exports import web
from charlm.exports.rounding import RoundingLoss, rounded
from charlm.lm.decoding import Sampling
from charlm.lm.filters import filtered, normalised
from charlm.lm.language_model import CharLM
from charlm.lm.reader import Reader
from charlm.text.vocab import Vocab
from tests.exports import models
from tests.exports.models import STREAM
from tests.reporting.chromium import PROGRAM, REASON, Page

TEXT = models.TEXT.replace("quiet", "café")
SAMPLE = "The old cats sat,\nand the fox was late."
MODELS = {
    "rnn": "model.cell=rnn",
    "rnn, stream, 3 layers": f"model.cell=rnn {STREAM} model.layers=3",
    "lstm": f"model.cell=lstm {STREAM}",
    "lstm, bytes": "model.cell=lstm data.encoding=bytes",
    "lstm, bytes, stream": f"model.cell=lstm {STREAM} data.encoding=bytes model.layers=2",
    "lstm, forget bias, tied": "model.cell=lstm model.forget_bias=2.5 model.tied=true model.embed_dim=10",
    "lstm, layer norm": "model.cell=lstm model.layer_norm=true model.layers=2 model.hidden_dim=[9,7]",
    "gru, 2 layers": f"model.cell=gru {STREAM} model.layers=2",
    "gru_after": f"model.cell=gru_after {STREAM} model.layers=2",
    "fast_lstm, NFC": f"model.cell=fast_lstm {STREAM} data.normalize=NFC",
    "coupled_lstm, <UNK>": "model.cell=coupled_lstm data.min_count=30",
    "norm_lstm": f"model.cell=norm_lstm {STREAM} model.layers=2",
    "norm_lstm, lines": "model.cell=norm_lstm",
    "min_gru": f"model.cell=min_gru {STREAM} model.layers=2",
    "min_lstm": "model.cell=min_lstm",
}
HOSTILE = "</script><img src=x onerror=document.title=1>&'\"\\`${!-"
FOCUS = "document.activeElement.id || document.activeElement.textContent"

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=REASON)


def trained(name: str) -> CharLM:
    return models.trained_with(MODELS[name], TEXT)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    blank = folder / "blank.html"
    blank.write_text("<!DOCTYPE html><title>blank</title>", encoding="utf-8")
    page = Page(blank, folder / "profile")
    yield page
    page.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open the page of a model in the browser; at the end, it was silent and asked for nothing."""

    def open_(model: CharLM, **options: object) -> Page:
        path = tmp_path / "model.html"
        path.write_bytes(web.export(model, **options).data)
        browser.requests.clear()
        browser.messages.clear()
        browser.open(path)
        return browser

    yield open_
    browser.evaluate("0")  # so that all events have arrived
    assert browser.messages == []
    assert browser.requests == [(tmp_path / "model.html").as_uri()]


def scores(model: CharLM, text: str) -> list[float]:
    """The log-probabilities of a text's symbols, as `charlm score` computes them."""
    ids = model.vocab.encode(text, lines=model.vocab.eos is not None)
    if model.vocab.eos is not None:
        ids = np.append(ids, model.vocab.eos)
    return [float(-nll) for piece in Reader(model).read(ids) for nll in piece.nlls]


def in_page(page: Page, text: str) -> list[float]:
    return page.evaluate(f"charlm.logProbabilities({json.dumps(text)})")


def put(page: Page, **values: object) -> None:
    """Change settings as a person does."""
    for name, value in values.items():
        page.evaluate(
            f"(f => {{ f.value = {json.dumps(value)}; f.dispatchEvent(new Event('input', {{bubbles: true}})); }})"
            f"(document.getElementById('{name}'))"
        )


def words(page: Page, name: str) -> str:
    return page.evaluate(f"document.getElementById('{name}').innerText")


def field(page: Page) -> str:
    return page.evaluate("document.getElementById('field').value")


def enter(page: Page, text: str) -> None:
    page.evaluate("document.getElementById('field').focus()")
    page.type(text)


def until(page: Page, condition: str) -> None:
    """Wait until something holds in the page."""
    page.evaluate(
        f"(async () => {{ for (let n = 0; !({condition}); n++) {{ if (n > 5000) {{ throw new Error('never'); }} "
        "await pause(2); } })()"
    )


def finish(page: Page) -> None:
    """Wait until the model has stopped writing."""
    until(page, "!writer.writing")


def coloured(page: Page) -> None:
    """Wait until the text is coloured."""
    until(page, "!surprisal.section.hidden")


def write(page: Page) -> str:
    """Have the model continue the text, and return what it adds."""
    before = field(page)
    page.evaluate("document.getElementById('write').click()")
    finish(page)
    assert field(page).startswith(before)
    return field(page)[len(before) :]


@pytest.mark.parametrize("name", MODELS)
def test_the_log_probabilities_are_those_of_charlm(name, opened):
    model = trained(name)
    np.testing.assert_allclose(
        in_page(opened(model), SAMPLE), scores(model, SAMPLE), rtol=0, atol=1e-4
    )


def test_every_cell_of_the_page_is_tested():
    assert {trained(name).config.cell for name in MODELS} == set(web.STACKS)


@pytest.mark.parametrize("name", ["lstm, layer norm", "gru, 2 layers", "lstm, bytes"])
def test_weights_of_8_bits_give_the_model_with_rounded_weights(name, opened):
    model = trained(name)
    arrays = model.arrays()
    whole = len(web.export(model).data)
    page = opened(model, bits=8, loss=RoundingLoss("held-out", 1000, np.log(4), np.log(8)))
    assert page.evaluate("document.documentElement.outerHTML.length") < whole
    assert "1,000 symbols of the held-out text from 2.0000 to 3.0000 bits" in page.evaluate(
        "document.querySelector('footer').innerText"
    )
    got = in_page(page, SAMPLE)
    model.load_arrays({n: rounded(a).values() if a.ndim == 2 else a for n, a in arrays.items()})
    try:
        np.testing.assert_allclose(got, scores(model, SAMPLE), rtol=0, atol=1e-4)
    finally:
        model.load_arrays(arrays)


def test_the_filters_keep_what_charlm_keeps(opened):
    page = opened(trained("lstm"))
    rng = np.random.default_rng(1)
    cases = []
    for place in range(60):
        logits = rng.normal(0, 3, 12) if place % 3 else rng.integers(0, 3, 12)  # with equal ones
        settings = {
            "top_k": int(rng.integers(1, 14)),
            "typical": float(rng.uniform(0.05, 1)),
            "top_p": float(rng.uniform(0.05, 1)),
            "min_p": float(rng.uniform(0, 0.5)),
            "repeat_penalty": float(rng.uniform(0.5, 3)),
        }
        chosen = {name: settings[name] for name in settings if place < 5 or rng.random() < 0.5}
        if "repeat_penalty" in chosen:
            chosen["repeat_window"] = int(rng.integers(1, 5))
        recent = rng.integers(0, 12, 6).tolist()
        cases.append((normalised(logits[np.newaxis])[0].tolist(), chosen, recent))
    cases.append((np.log([0.6, 0.3, 0.1]).tolist(), {"top_p": 0.9}, []))  # 0.6 + 0.3 is 0.9
    got = page.evaluate(
        f"{json.dumps(cases)}.map(([p, s, r]) => charlm.filtered(p, s, r).map((x) => x === -Infinity ? null : x))"
    )
    for (log_p, settings, recent), left in zip(cases, got, strict=True):
        window = settings.get("repeat_window", 64)
        expected = filtered(
            np.array([log_p]), np.array([recent[-window:]], int), Sampling(**settings)
        )
        found = np.array([-np.inf if x is None else x for x in left])
        np.testing.assert_allclose(found, expected[0], atol=1e-9, err_msg=str(settings))


@pytest.mark.parametrize("name", ["lstm", "lstm, bytes", "coupled_lstm, <UNK>", "norm_lstm"])
def test_at_temperature_0_it_writes_what_charlm_samples(name, opened):
    model = trained(name)
    page = opened(model)
    enter(page, "The fox")
    put(page, temperature="0", length="25", repeat_penalty="1.5")
    expected = model.sample(25, prime="The fox", temperature=0, repeat_penalty=1.5)
    assert write(page).removesuffix("\n") == expected
    assert "seed" in words(page, "status")


def test_a_seed_gives_the_same_text_again_and_it_can_be_taken_back(opened):
    page = opened(trained("lstm"))
    enter(page, "The")
    put(page, seed="5", length="60")
    first = write(page)
    assert words(page, "status") == "60 characters written with seed 5."
    assert page.evaluate("document.getElementById('spoken').textContent") == first
    page.evaluate("document.getElementById('back').click()")
    assert field(page) == "The"
    assert page.evaluate("document.getElementById('back').disabled")
    assert write(page) == first
    put(page, seed="6")
    assert write(page) != first


def test_the_frequencies_of_what_is_written_are_the_bars(opened):
    page = opened(trained("lstm"))
    enter(page, "The ")
    put(page, temperature="1.5", top_k="4")
    counts = page.evaluate(
        """(() => { const p = writer.next().left, u = uniforms(3), n = p.map(() => 0);
        for (let i = 0; i < 20000; i++) { n[chosenSymbol(p, u())]++; }
        return [Array.from(p), Array.from(n, (x) => x / 20000)]; })()"""
    )
    assert np.count_nonzero(counts[0]) == 4
    np.testing.assert_allclose(*counts, atol=0.02)


def test_bars_show_the_probabilities_and_their_buttons_type(opened):
    model = trained("lstm")
    page = opened(model)
    enter(page, "The fo")
    with model.predictor() as predict:
        state = None
        for symbol in [model.vocab.start, *model.vocab.encode("The fo")]:
            scores_, state = predict.step(np.array([symbol]), state)
    p = np.exp(normalised(scores_)[0])
    best = int(p.argmax())
    rows = page.evaluate("document.getElementById('bars').tBodies[0].innerText").split("\n")
    shown = [part for row in rows for part in row.split("\t") if part]
    assert shown[0] == model.vocab.symbols[best]
    assert shown[1] == f"{100 * p[best]:.1f}%"
    page.evaluate("document.querySelector('#bars button').click()")
    until(page, "writer.added.length")
    assert field(page) == "The fo" + model.vocab.symbols[best]


def test_a_model_of_lines_ends_a_line_with_eos(opened):
    model = trained("rnn")
    page = opened(model)
    enter(page, "The")
    put(page, seed="1")
    first = write(page)
    assert first.endswith("\n")
    assert first.count("\n") == 1
    assert words(page, "status").endswith("; the text ends here.")
    state = "Array.from(charlm.filtered(writer.context.next(null), {}))"
    after = page.evaluate(state)
    enter(page, "x")
    page.evaluate("document.getElementById('field').select()")
    page.type("\n")
    assert page.evaluate(state) == after  # every line begins with the same state


def test_bytes_are_assembled_to_characters(opened):
    model = trained("lstm, bytes, stream")
    page = opened(model)
    for byte in "\ufeff".encode():  # the byte order mark is a character like others
        page.evaluate(f"writer.choose({byte})")
    assert field(page) == "\ufeff"
    page.evaluate("document.getElementById('field').select()")
    page.type("caf")
    page.evaluate("writer.choose(0xc3)")
    assert field(page) == "caf"
    assert "not complete yet: <0xC3>" in words(page, "status")
    page.evaluate("writer.choose(0xa9)")
    assert field(page) == "café"
    enter(page, "s")
    assert page.evaluate("writer.ids") == list("cafés".encode())
    page.evaluate("writer.choose(0xff).then(() => writer.choose(0x21))")
    assert field(page) == "cafés\ufffd!"
    enter(page, "?")  # the byte that is no UTF-8 is still the same
    assert page.evaluate("writer.ids") == [*"cafés".encode(), 0xFF, *b"!?"]
    for seed in range(6):
        put(page, seed=str(seed), length="7", temperature="2")
        write(page)
        assert not page.evaluate("symbols.unfinished(writer.ids)")


def test_unknown_characters_are_said(opened):
    page = opened(trained("lstm"))
    enter(page, "The Ω\u0301x")
    said = (
        "The model does not know 2 characters of the text, which are left out: Ω (U+03A9), U+0301"
    )
    assert words(page, "status") == said
    assert page.evaluate("writer.ids.length") == len("The x")
    with pytest.raises(AssertionError, match="does not know 1 character"):
        in_page(page, "Ω")
    page = opened(trained("coupled_lstm, <UNK>"))
    enter(page, "he Ω")
    assert words(page, "status").endswith("which is read as <UNK>: Ω (U+03A9)")
    model = trained("coupled_lstm, <UNK>")
    assert model.vocab.unknown is not None
    np.testing.assert_allclose(in_page(page, "he Ω"), scores(model, "he Ω"), atol=1e-4)
    put(page, temperature="2", seed="1", length="200")
    assert "\ufffd" not in write(page)  # it is read and never written


def test_a_text_is_normalised_like_the_model_s_own(opened):
    model = trained("fast_lstm, NFC")
    page = opened(model)
    assert in_page(page, "\ufeffcafe\u0301 s\r\nslept\r.") == in_page(page, "café s\nslept\n.")


def test_nothing_of_an_alphabet_or_a_title_leaves_its_place(opened):
    model = CharLM(Vocab.from_text(HOSTILE + "\n\u2028\0", eos=False), ModelConfig(hidden_dim=4))
    page = opened(model, title=HOSTILE)
    assert page.evaluate("document.title") == f"{HOSTILE}, a language model"
    assert page.evaluate("document.images.length") == 0
    enter(page, HOSTILE)
    page.evaluate("document.getElementById('colour').click()")
    coloured(page)
    assert words(page, "text").replace("\n", "") == HOSTILE.replace("\\", "\\\\")
    assert page.evaluate("document.images.length") == 0


def test_a_text_is_coloured_like_the_page_of_charlm_score(opened):
    from charlm.reporting.coloured import rank_levels
    from charlm.reporting.scores import marks_of

    model = trained("lstm")
    page = opened(model)
    enter(page, SAMPLE)
    page.evaluate("document.getElementById('colour').click()")
    coloured(page)
    (piece,) = Reader(model).read(model.vocab.encode(SAMPLE))
    marks = list(marks_of(piece, model.vocab))
    assert f"{piece.bits.mean():.4f} bits/char" in words(page, "status")
    classes = page.evaluate(
        "Array.from(document.querySelectorAll('#text span'), (s) => s.className)"
    )
    assert classes == [f"o{level}" if level else "p" for level in rank_levels(piece.ranks)]
    page.hover("#text span:nth-child(5)")
    shown = words(page, "details")
    assert marks[4].note in shown
    for symbol, probability in marks[4].alternatives:
        assert f"{100 * probability:.2f}%" in shown
        assert (symbol if symbol != " " else "space") in shown


def test_everything_is_done_with_the_keyboard(opened):
    page = opened(trained("lstm"))
    put(page, length="20", seed="3")
    page.press("Tab")
    assert page.evaluate(FOCUS) == "field"
    page.type("The ")
    page.press("Tab")
    assert page.evaluate(FOCUS) == "write"
    page.press("Enter")
    finish(page)
    assert len(field(page)) == 24
    page.press("Tab")
    assert page.evaluate(FOCUS) == "back"
    page.press(" ")
    assert field(page) == "The "
    assert page.evaluate(FOCUS) == "field"  # the button went out of use
    page.press("Tab")
    page.press("Tab")
    assert page.evaluate(FOCUS) == "colour"
    page.press("Enter")
    coloured(page)
    page.press("Tab")
    likeliest = page.evaluate("document.activeElement.textContent")
    page.press("Enter")
    until(page, "writer.added.length")
    assert field(page) == "The " + likeliest.replace("space", " ")
    while page.evaluate(FOCUS) != "temperature":
        page.press("Tab")
    page.press("ArrowRight")
    assert words(page, "degrees") == "1.05"
    page.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.press("Enter")
    for name in ("repeat_penalty", "repeat_window", "top_k", "typical", "top_p", "min_p"):
        page.press("Tab")
        assert page.evaluate(FOCUS) == name
    for name in ("length", "seed", "text"):
        page.press("Tab")
        assert page.evaluate(FOCUS) == name
    assert "Character 1: T" in words(page, "details")
    page.press("ArrowRight")
    assert "Character 2: h" in words(page, "details")


def test_ctrl_enter_continues_and_escape_stops(opened):
    page = opened(trained("lstm"))
    put(page, length="1000000")
    page.press("Tab")
    page.press("Enter", control=True)
    until(page, "writer.field.value")
    assert words(page, "write") == "Stop"
    page.press("Escape")
    until(page, "writer.button.textContent !== 'Stop'")
    assert words(page, "write") == "Continue the text"
    assert 0 < len(field(page)) < 1_000_000


def test_a_setting_that_breaks_its_rule_is_not_used(opened):
    page = opened(trained("lstm"))
    page.evaluate("document.querySelector('details').open = true")
    for name, value in (
        ("top_p", "0"),
        ("top_k", "1.5"),
        ("min_p", "2"),
        ("repeat_penalty", "-1"),
        ("repeat_window", "0"),
        ("seed", "-1"),
        ("length", "0"),
    ):
        before = page.evaluate("JSON.stringify(writer.settings.values())")
        put(page, **{name: value})
        assert page.evaluate(f"document.getElementById('{name}').ariaInvalid") == "true"
        after = page.evaluate("JSON.stringify(writer.settings.values())")
        assert after == before, name


def test_an_edit_in_the_middle_of_a_long_text_is_read(opened):
    model = trained("lstm")
    page = opened(model)
    enter(page, TEXT[:700])
    page.evaluate("document.getElementById('field').setSelectionRange(100, 400)")
    page.type("sat")
    text = field(page)
    assert text == TEXT[:100] + "sat" + TEXT[400:700]
    got = page.evaluate("writer.follow().then(() => Array.from(writer.context.next(null)))")
    with model.predictor() as predict:
        state = None
        for symbol in [model.vocab.start, *model.vocab.encode(text)]:
            last, state = predict.step(np.array([symbol]), state)
    np.testing.assert_allclose(got, normalised(last)[0], atol=1e-4)


def test_a_long_text_is_read_in_pieces_and_can_be_edited_meanwhile(opened):
    page = opened(trained("lstm"))
    page.evaluate(
        """clock = 0; waiting = []; wait = pause; performance.now = () => clock++;
        pause = () => new Promise((resume) => waiting.push(resume)); 0"""
    )
    enter(page, "Ω" + "The fox " * 25)
    assert 0 < page.evaluate("writer.context.ids.length") < 200
    assert words(page, "status").startswith("The model reads the text: ")
    page.type("sat")
    page.evaluate("pause = wait; waiting.forEach((resume) => resume()); 0")
    until(page, "writer.status.textContent.startsWith('The model does not know 1 character')")
    assert page.evaluate("writer.context.ids.length") == len("The fox " * 25 + "sat")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_serves_everyone_at_every_width(scheme, opened):
    page = opened(trained("lstm"))
    put(page, top_k="3", top_p="0")
    enter(page, SAMPLE)
    page.evaluate("document.querySelector('details').open = true")
    page.evaluate("document.getElementById('colour').click()")
    coloured(page)
    page.evaluate("document.getElementById('text').focus()")
    for width in (400, 700, 1000, 1400):
        page.settle(width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert page.violations(serious=True) == []


def test_a_cell_without_a_formula_and_a_page_that_is_too_large_are_refused(monkeypatch):
    model = trained("lstm")
    monkeypatch.setattr(web, "LARGEST", 1000)
    with pytest.raises(InputError, match=r"browsers cannot read more .*: use --bits 8, or train a"):
        web.export(model)
    monkeypatch.delitem(web.STACKS, "lstm")
    with pytest.raises(InputError, match="no formula for the cell lstm, only for rnn, gru"):
        web.export(model)
