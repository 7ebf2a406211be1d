"""The prime, which a sample continues, and the stop text, which ends it, prepared like the model's text."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from charlm.errors import TextError
from charlm.text.reading import NONE, Form
from charlm.text.vocab import Vocab, byte_values, named

SHOWN = 10
"""The maximum number of unknown characters in an error; there may be thousands."""


class Prompt(NamedTuple):
    """A prime and a stop text after preparation; either may be empty."""

    prime: str
    stop: str


def prompt_of(prime: str, stop: str, vocab: Vocab, normalize: Form = NONE) -> Prompt:
    r"""Prepare a prime and a stop text like the text of a model.

    Args:
        prime: read before the first character is sampled. Unknown characters become ``UNK``, if there is one.
        stop: each of its characters must be one that the model can generate.
        vocab: the model's symbols.
        normalize: the normalisation of the model's text.

    Raises:
        TextError: the prime has unknown characters, or the stop text can never appear.

    Example:
        >>> vocab = Vocab.from_alphabet("aé\n", eos=False)
        >>> prompt_of("\ufeffe\u0301\r\n", "", vocab, "NFC").prime
        'é\n'
    """
    prompt = Prompt(*(prepared(text, vocab, normalize) for text in (prime, stop)))
    unread = [c for c in _without_symbol(prompt.prime, vocab) if not _is_read_as_unk(c, vocab)]
    if unread:
        remedy = "leave it out" if unread == ["\n"] else vocab.remedy(_them(unread))
        raise TextError(f"the prime has {_listed(unread, vocab)}: {remedy}")
    if stop and not prompt.stop:
        raise TextError("the stop text is a byte order mark alone, which no text has: leave it out")
    undrawn = _without_symbol(prompt.stop, vocab)
    if undrawn:
        raise TextError(
            f"the stop text has {_listed(undrawn, vocab)}: no text of the model would ever end there; "
            f"leave {_them(undrawn)} out"
        )
    return prompt


def prepared(text: str, vocab: Vocab, normalize: Form) -> str:
    """Return a text as ``reading.Files`` would have read it from a file.

    For a model of bytes nothing changes; bytes that are not UTF-8 are lone surrogates.
    """
    if vocab.is_bytes:
        return byte_values(text).tobytes().decode("utf-8", "surrogateescape")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text if normalize == NONE else unicodedata.normalize(normalize, text)


def _without_symbol(text: str, vocab: Vocab) -> list[str]:
    """Return the distinct characters of a text that have no symbol of their own."""
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
