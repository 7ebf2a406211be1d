"""Parts of messages: times, sizes, samples, JSON, and how to call this program."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlm.cli.terminal.streams import takes_unicode
from charlm.files import seen
from charlm.wording import CUT_MARK, counted

if TYPE_CHECKING:
    from charlm.lm.sampling import SampledText  # needs numpy, which not every command does


def json_line(data: Any) -> str:
    r"""Return data as JSON, in ASCII if the output cannot show all characters.

    Example:
        >>> json_line({"text": "\ud800"})  # half a surrogate pair is no character: JSON has an escape for it
        '{"text": "\\ud800"}'
    """
    line = json.dumps(data, ensure_ascii=not takes_unicode())
    return line.encode("utf-8", "backslashreplace").decode()


def cut_mark(sample: SampledText) -> str:
    """Return the mark after a sample that was cut; else nothing."""
    return "" if sample.complete else CUT_MARK


def marked(sample: SampledText) -> str:
    """Return a sample's text, with a mark if it was cut.

    Example:
        >>> from charlm.lm.sampling import SampledText
        >>> marked(SampledText("ab", complete=False))
        'ab [cut: no end]'
    """
    return sample.text + cut_mark(sample)


def program() -> str:
    """Return the command for this `charlm`: its name if the shell finds it, else its path, else Python's module."""
    python = Path(sys.executable)
    script = python.with_name("charlm")
    on_the_path = shutil.which("charlm")
    if on_the_path and (not script.exists() or Path(on_the_path).samefile(script)):
        return "charlm"
    file = script if script.exists() else python
    return shlex.quote(str(seen(file))) + ("" if script.exists() else " -m charlm")


def age(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits.

    Example:
        >>> age(7.25), age(200), age(9000), age(1e6)
        ('7 s ago', '3 min ago', '2 h ago', '11 days ago')
    """
    units = ((172_800, 86_400, "days"), (3600, 3600, "h"), (60, 60, "min"))
    size, unit = next(((size, unit) for least, size, unit in units if seconds >= least), (1, "s"))
    return f"{seconds // size:.0f} {unit} ago"


def text_sizes(train: int, held_out: int, symbols: int) -> str:
    """Return the sizes of a text's parts and of its vocabulary.

    Example:
        >>> text_sizes(9000, 1000, 65)
        '9,000 characters for training, 1,000 held out; 65 symbols'
    """
    kept = f", {held_out:,} held out" if held_out else ""
    return f"{counted(train, 'character')} for training{kept}; {counted(symbols, 'symbol')}"
