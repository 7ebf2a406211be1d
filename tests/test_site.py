"""The site of the documentation and the manual pages: complete, without warnings, and without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from charlm.cli import COMMANDS
from docs.scripts import man
from tests.cli.reference import help_of
from tests.reporting import chromium

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("docs/*.md"))


def pages_of(nav) -> list[str]:
    """Return the pages of a nav, from the first to the last."""
    if isinstance(nav, str):
        return [nav]
    return [page for entry in nav for item in entry.values() for page in pages_of(item)]


def test_every_page_is_in_the_nav_once():
    nav = YAML(typ="safe").load(ROOT / "mkdocs.yml")["nav"]
    assert sorted(pages_of(nav)) == [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_links_to_pages_of_the_site(page):
    """So its links work in the site and where the files are shown."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (ROOT / "docs" / target).is_file()] == []
    assert [target for target in targets if ".." in target] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason="mkdocs-material is not installed: the extra docs")
    pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed: the extra docs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.skipif(not chromium.PROGRAM, reason=chromium.REASON)
@pytest.mark.skipif(not find_spec("material"), reason="mkdocs-material is not installed")
def test_the_site_serves_everyone_and_loads_nothing_from_a_network(site, tmp_path):
    opened = chromium.Page(site / "index.html", tmp_path)
    try:
        for scheme in ("light", "dark"):
            opened.settle(1400, scheme)
            opened.open(site / "index.html")
            assert opened.violations(serious=True) == []
        loaded = opened.requests
    finally:
        opened.close()
    assert len(loaded) > 3
    assert [name for name in loaded if not name.startswith(("file:", "data:"))] == []


def test_no_page_of_the_site_names_a_file_in_a_network(site):
    loads = re.compile(r"""<(?:script|img|link|iframe)[^>]*(?:src|href)=["']?(https?:[^"'> ]*)""")
    for page in site.rglob("*.html"):
        assert loads.findall(page.read_text(encoding="utf-8")) == [], page


def test_every_command_has_a_manual_page():
    expected = ["charlm.1", *(f"charlm-{name}.1" for name in COMMANDS)]
    assert [name for name, _ in man.pages()] == expected


@pytest.mark.skipif(not shutil.which("groff"), reason="there is no groff here")
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_a_manual_page_shows_every_option_without_a_warning(name):
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-Kutf8"],
        input=man.page(name),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown = re.sub("\x1b\\[[0-9;]*m|.\b", "", done.stdout)
    options = set(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", help_of(name), re.MULTILINE))
    assert {option for option in options if option not in shown} == set()
