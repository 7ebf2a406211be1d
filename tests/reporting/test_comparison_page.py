"""The page of a comparison in a browser: nothing is loaded, and it fits eyes, windows and keyboards."""

from __future__ import annotations

import pytest

from charlm.reporting.comparison.held_out import held_out_report
from charlm.reporting.comparison.page import page
from tests.reporting.chromium import PROGRAM, REASON, Page
from tests.reporting.compared import CLOSE, FAILED, baselines, results

NAMES = {
    "lstm": "lstm <b>&amp;",
    "gru": "größer",
    "srnn": "a model with a long name that no narrow window has room for",
}


@pytest.fixture
def shown(tmp_path):
    """Open a page in a browser."""
    if PROGRAM is None:
        pytest.skip(REASON)
    file = tmp_path / "page.html"
    named = results({NAMES[name]: bits for name, bits in CLOSE.items()}, missing=(FAILED,))
    file.write_text(page(held_out_report(named, baselines())), encoding="ascii")
    opened = Page(file, tmp_path / "profile")
    yield opened
    opened.close()


def test_a_browser_shows_it_to_everyone(shown, tmp_path):
    backgrounds = []
    for width, scheme in ((1200, "light"), (360, "dark")):
        shown.settle(width, scheme)
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        backgrounds.append(shown.evaluate("getComputedStyle(document.body).backgroundColor"))
        contrast = shown.evaluate(CONTRAST)
        assert len(contrast) == 9 * 3 + 3  # curves, and their legend
        assert min(contrast) >= 3, (scheme, contrast)
        assert shown.violations() == []
        shown.screenshot(tmp_path / f"{width}.png")
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(22, 24, 28)"]
    models = (
        "[...document.querySelectorAll('tbody')[0].rows].slice(0, 3).map(r => r.cells[0].innerText)"
    )
    assert shown.evaluate(models) == [*NAMES.values()]
    assert shown.evaluate("document.getElementById('verdict').innerText").startswith(
        "lstm <b>&amp; is"
    )
    assert [url for url in shown.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in shown.requests if url.startswith("file:")]) == 1
    assert shown.messages == []
    assert shown.evaluate("document.scripts.length") == 0


def test_what_scrolls_is_reached_with_the_keyboard(shown):
    shown.settle(360, "light")
    reached = []
    for _ in range(5):
        shown.press("Tab")
        reached.append(
            shown.evaluate("document.activeElement.className || document.activeElement.tagName")
        )
    assert reached == ["wide", "wide", "PRE", "PRE", "PRE"]
    assert shown.evaluate(
        "document.querySelector('.wide').scrollWidth > document.querySelector('.wide').clientWidth"
    )


CONTRAST = """(() => {
  const light = (words) => words.match(/[\\d.]+/g).slice(0, 3).map(Number).map((c) => {
    c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return Array.from(document.querySelectorAll("path.line")).map((line) => {
    const [a, b] = [light(getComputedStyle(line).stroke), paper].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
})()"""
