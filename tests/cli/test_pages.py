"""Pages of docs/ show what the commands show: each is run, one after the other, with its output."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT, environment

PAGES = ["texts", "compression"]


def blocks(page: str) -> str:
    """Return the lines of the console in a page."""
    text = (ROOT / f"docs/{page}.md").read_text("utf-8")
    return "".join(re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_what_is_shown(page, tmp_path):
    """Dots stand for anything."""
    shell = {**environment(), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    output = ""
    commands = 0
    for line in blocks(page).splitlines():
        if line.startswith("$ "):
            command = f'charlm() {{ "{sys.executable}" -m charlm "$@"; }}; {line[2:]}'
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=shell,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            output = done.stdout.decode("utf-8", "replace")
            assert "Traceback" not in output
            commands += 1
        else:
            pattern = ".*".join(map(re.escape, line.split("...")))
            assert re.search(f"^{pattern}", output, re.MULTILINE), (line, output)
    assert commands >= 8
