"""A text in colours: nothing of it escapes into the page, and a browser shows it to eyes, keyboards and readers."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from charlm.reporting.coloured import RANKS, Histogram, Mark, ansi, page, signed_levels
from tests.reporting.chromium import PROGRAM, REASON, Page

HOSTILE = '</script><img src=x onerror="document.title=1">${x}&amp;\t'


def marks(text: str) -> list[Mark]:
    return [
        Mark(c, place % 5, f"note {place}", ((c, 0.75), ("<", 0.25)))
        for place, c in enumerate(text)
    ]


def test_a_text_cannot_leave_its_place():
    made = page(HOSTILE, [HOSTILE], RANKS, marks(HOSTILE), [Histogram(HOSTILE, [(HOSTILE, 1)])])
    assert "<img" not in made
    assert made.count("</script>") == 2
    (notes,) = re.findall(r'id="notes">(.*?)</script>', made)
    assert "".join(note[0] for note in json.loads(notes)) == HOSTILE.replace("\t", r"\t")
    assert "http" not in made.replace("http-equiv", "")  # nothing is loaded


def test_a_terminal_s_colours_end_with_the_line():
    assert ansi([Mark("a", 4, ""), Mark("\n", 4, ""), Mark("\x1b", 0, "")]) == (
        "\x1b[30;48;5;208ma↵\x1b[0m\n\\x1b"
    )
    assert ansi([Mark("a", -4, "")]) == "\x1b[30;48;5;75ma\x1b[0m"


def test_levels_of_numbers_that_are_all_zero():
    assert signed_levels(np.zeros(2), 0.0) == [0, 0]


@pytest.fixture
def shown(tmp_path):
    """Open a page of three lines in a browser."""
    if PROGRAM is None:
        pytest.skip(REASON)
    text = "a first line that is long enough for a narrow screen\nb<i>\nc & d\n"
    file = tmp_path / "page.html"
    bars = Histogram("Rank", [("1", 3), ("2", 1)])
    file.write_text(page(HOSTILE, ["About."], RANKS, marks(text), [bars]), encoding="utf-8")
    opened = Page(file, tmp_path / "profile")
    yield opened
    opened.close()


def details(shown: Page) -> str:
    return shown.evaluate("document.getElementById('details').innerText")


def test_a_browser_shows_it_to_everyone(shown, tmp_path):
    backgrounds = []
    for width, scheme in ((1200, "light"), (360, "dark")):
        shown.settle(width, scheme)
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        backgrounds.append(shown.evaluate("getComputedStyle(document.body).backgroundColor"))
        shown.screenshot(tmp_path / f"{width}.png")
        contrast = shown.evaluate(CONTRAST)
        assert min(contrast) >= 4.5, (scheme, contrast)
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(22, 24, 28)"]
    assert shown.evaluate("document.title") == HOSTILE.strip()
    assert shown.evaluate("document.images.length") == 0
    shown.settle(1200, "light")
    shown.press("Tab")
    assert shown.evaluate("document.activeElement.id") == "text"
    assert "Character 1: a" in details(shown)
    for key, place in (
        ("ArrowRight", 2),
        ("End", 53),
        ("ArrowDown", 58),
        ("Home", 54),
        ("ArrowLeft", 53),
        ("ArrowUp", 53),
    ):
        shown.press(key)
        assert f"Character {place}: " in details(shown), key
    assert "75.00%" in details(shown)
    chosen = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert shown.evaluate(f"{chosen}.getAttribute('aria-label')") == r"\n, note 52"
    assert shown.evaluate(f"{chosen}.getAttribute('role')") == "option"
    shown.hover("#text span:nth-child(3)")
    assert "Character 3: f" in details(shown)


CONTRAST = """(() => {
  const light = (words) => words.match(/[\\d.]+/g).slice(0, 3).map(Number).map((c) => {
    c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = getComputedStyle(document.body).backgroundColor;
  return Array.from(document.querySelectorAll(".legend span")).map((span) => {
    const style = getComputedStyle(span);
    const back = style.backgroundColor === "rgba(0, 0, 0, 0)" ? paper : style.backgroundColor;
    const [a, b] = [light(style.color), light(back)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
})()"""
"""The contrast of the letters of each colour in the legend (WCAG 2)."""
