"""Pages of which the tests repeat what is shown: their blocks of the kind ``console``, run one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import ROOT, environment

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def told_by(page: str, folder: Path) -> list[tuple[str, list[str]]]:
    """Run all commands of a page in their order; return what each shows, and the lines that it is to show."""
    blocks = _BLOCK.findall((ROOT / page).read_text("utf-8"))
    shell = {**environment(), "XDG_CACHE_HOME": str(folder / "cache")}
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks).splitlines():
        if not line.startswith("$ "):
            found[-1][1].append(line)
            continue
        command = f'charlm() {{ "{sys.executable}" -m charlm "$@"; }}; {line[2:]}'
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=shell,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        found.append((done.stdout.decode("utf-8", "replace"), []))
    return found


def check(told: list[tuple[str, list[str]]]) -> None:
    """Check that all lines are there; three dots stand for anything."""
    for output, expected in told:
        assert "Traceback" not in output
        for line in expected:
            pattern = ".*".join(map(re.escape, line.split("...")))
            assert re.search(f"^{pattern}", output, re.MULTILINE), (line, output)
