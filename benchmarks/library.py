"""Write the modules of Python's standard library as one text, to compare presets on a text that is no prose.

    python -m benchmarks.library 1200000 > library.txt

The modules are in the order of their paths. Versions of Python differ in their modules, and so in this text.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path


def modules() -> Iterator[str]:
    """Yield the texts of the modules, without those that are not UTF-8.

    >>> "def " in next(modules()) + next(modules())
    True
    """
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        if "site-packages" not in path.parts:
            try:
                yield path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def main() -> None:
    """Write the first characters of the modules to stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("characters", type=int)
    characters = parser.parse_args().characters
    text = "".join(islice(chain.from_iterable(modules()), characters))
    sys.stdout.buffer.write(text.encode())


if __name__ == "__main__":
    main()
