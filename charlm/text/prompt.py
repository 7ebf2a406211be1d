"""What a user gives a model to go on from (the prime) or to end before (the stop text), prepared as its text was."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from charlm.errors import TextError
from charlm.text.reading import NONE, Form
from charlm.text.vocab import Vocab, byte_values, named

SHOWN = 10
"""Unknown characters that an error names; there may be thousands."""


class Prompt(NamedTuple):
    """A prime and a stop text in the model's own spelling; either may be empty."""

    prime: str
    stop: str


def prompt_of(prime: str, stop: str, vocab: Vocab, normalize: Form = NONE) -> Prompt:
    r"""Prepare a prime and a stop text as the text of a model was prepared.

    Args:
        prime: read before the first character is drawn. Characters without a symbol are ``UNK``, if there is one.
        stop: can only come if each of its characters can be drawn.
        vocab: the model's symbols.
        normalize: what was done to its text.

    Raises:
        TextError: the prime cannot be read, or the stop text cannot come.

    Example:
        >>> vocab = Vocab.from_alphabet("aé\n", eos=False)
        >>> prompt_of("\ufeffe\u0301\r\n", "", vocab, "NFC").prime
        'é\n'
    """
    found = Prompt(*(prepared(text, vocab, normalize) for text in (prime, stop)))
    unread = [c for c in _without_symbol(found.prime, vocab) if not _is_read_as_unk(c, vocab)]
    if unread:
        remedy = "leave it out" if unread == ["\n"] else vocab.remedy(_them(unread))
        raise TextError(f"the prime has {_listed(unread, vocab)}: {remedy}")
    if stop and not found.stop:
        raise TextError("the stop text is a byte order mark alone, which no text has: leave it out")
    undrawn = _without_symbol(found.stop, vocab)
    if undrawn:
        raise TextError(
            f"the stop text has {_listed(undrawn, vocab)}: no text of the model would ever end there; "
            f"leave {_them(undrawn)} out"
        )
    return found


def prepared(text: str, vocab: Vocab, normalize: Form) -> str:
    """Return a text as ``reading.Files`` would have read it from a file.

    Bytes stay as they are: those that are no UTF-8 are lone surrogates.
    """
    if vocab.is_bytes:
        return byte_values(text).tobytes().decode("utf-8", "surrogateescape")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text if normalize == NONE else unicodedata.normalize(normalize, text)


def _without_symbol(text: str, vocab: Vocab) -> list[str]:
    """Return the characters of a text that have no symbol of their own, each once."""
    ends_lines = vocab.eos is not None  # then no text has a newline
    return [
        c
        for c in dict.fromkeys(text)
        if (c == "\n" and ends_lines) or not (vocab.is_bytes or c in vocab)
    ]


def _is_read_as_unk(character: str, vocab: Vocab) -> bool:
    return vocab.unknown is not None and not (character == "\n" and vocab.eos is not None)


def _listed(characters: list[str], vocab: Vocab) -> str:
    listed = ", ".join(map(named, characters[:SHOWN]))
    more = f" and {len(characters) - SHOWN:,} more" if len(characters) > SHOWN else ""
    if characters == ["\n"] and vocab.eos is not None:
        return f"a line end ({listed}), but the model learned single lines, which end before it"
    many = (
        f"{len(characters):,} characters that are" if len(characters) > 1 else "a character that is"
    )
    return f"{many} not in the vocabulary, {listed}{more}"


def _them(characters: list[str]) -> str:
    return "them" if len(characters) > 1 else "it"
