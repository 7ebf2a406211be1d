"""Lists are told from other texts by their lines."""

from __future__ import annotations

import pytest

from charlm.config import load_config, preset_for
from charlm.config.lists import FEWEST, HEAD, is_list

NAMES = [f"{a}{b}{c}" for a in ("Ann", "Bo", "Cla") for b in ("a", "e", "ra") for c in "nlst"]
PROSE = "It was a dark night, and the rain fell in torrents on the roofs of the town.\n" * 40
VERSE = "\n\n".join(f"Roses are red {k},\nViolets are blue" for k in range(40))
CODE = "\n".join(f"def f{k}(x):\n    return x + {k}" for k in range(40))
LISTS = {
    "names": "\n".join(NAMES),
    "with a newline at the end": "\n".join(NAMES) + "\n\n",
    "names of people": "\n".join(f"{n} van der Berg" for n in NAMES),
    "CRLF": "\r\n".join(NAMES) + "\r\n",
    "a byte order mark": "\ufeff" + "\n".join(NAMES),
    "long": "\n".join(f"{n}{k}" for k in range(HEAD // 100) for n in NAMES),
    "some long entries": "\n".join([*NAMES, "x" * 90]),
    "letters of another script": "\n".join(f"Анна {n}" for n in NAMES),
}
OTHERS = {
    "few": "\n".join(NAMES[: FEWEST - 1]),
    "prose": PROSE,
    "verse": VERSE,
    "code": CODE,
    "one line again and again": "cat\n" * 100,
    "empty": "",
    "empty lines": "\n" * 100,
    "groups": "\n\n".join(NAMES),
    "sentences": "\n".join(f"The {n} sat on a mat." for n in NAMES),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list(tmp_path, name):
    (tmp_path / "names.txt").write_text(LISTS[name], "utf-8", newline="")
    assert is_list([tmp_path / "names.txt"])


@pytest.mark.parametrize("name", OTHERS)
def test_no_list(tmp_path, name):
    (tmp_path / "names.txt").write_text(OTHERS[name], "utf-8", newline="")
    assert not is_list([tmp_path / "names.txt"])


def test_other_encodings_and_what_cannot_be_read_are_no_lists(tmp_path):
    (tmp_path / "wide.txt").write_text(LISTS["names"], "utf-16")
    assert not is_list([tmp_path / "wide.txt"])
    assert not is_list([tmp_path / "gone.txt"])
    assert not is_list([tmp_path])


def test_a_list_is_learned_as_lines(tmp_path):
    (tmp_path / "names.txt").write_text(LISTS["names"])
    (tmp_path / "novel.txt").write_text(PROSE)
    names, novel = (str(tmp_path / name) for name in ("names.txt", "novel.txt"))
    assert [preset_for(texts) for texts in ([names], [novel], [names, novel])] == [
        *("lists", "small", "small")
    ]
    run, own = load_config(texts=[names]), load_config("lists")
    assert (run.name, run.model, run.train) == ("names", own.model, own.train)
    assert run.data.framing == load_config("lists", texts=[novel]).data.framing == "lines"
    assert load_config("lstm", texts=[names]).data.framing == "lines"
    assert load_config(texts=[names], preset="small").data.framing == "stream"
    assert load_config("text", texts=[names]).data.framing == "stream"
