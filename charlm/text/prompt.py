"""The prime, which a sample continues, and the stop text, which ends it, prepared like the model's text."""

from __future__ import annotations

import unicodedata
from typing import Literal, NamedTuple, TypeAlias, get_args

from charlm.errors import InputError, MissingTextError, TextError, require
from charlm.files import home_expanded
from charlm.text.reading import NONE, UTF_8, Files, Form
from charlm.text.sources import STDIN, sources_of
from charlm.text.vocab import Vocab, byte_values, named
from charlm.wording import cut

SHOWN = 200
"""The most unknown characters that an error names: enough for all, except in another script or a binary file."""
Unknown: TypeAlias = Literal["error", "skip", "replace"]
"""What is done about a character of a prime that the model does not know."""
UNKNOWN: tuple[Unknown, ...] = get_args(Unknown)
CHOICE = "; if unknown is skip, or replace, this is done for you"
STAND_INS = ("\ufffd", "?", " ")
"""The first of these that a model knows replaces a character that it cannot read."""


class Prompt(NamedTuple):
    """A prime and a stop text after preparation; either may be empty."""

    prime: str
    stop: str


def prompt_of(
    prime: str,
    stop: str,
    vocab: Vocab,
    normalize: Form = NONE,
    unknown: Unknown | None = None,
) -> Prompt:
    r"""Prepare a prime and a stop text as the text of a model was prepared.

    Args:
        prime: read before the first character is sampled. Unknown characters become ``UNK``, if there is one.
        stop: each of its characters must be one that the model can generate.
        vocab: the model's symbols.
        normalize: what was done to its text.
        unknown: what is done about characters of the prime that the model does not know: ``error`` names them all,
            ``skip`` leaves them out, ``replace`` puts ``UNK``, or one of ``STAND_INS``, in their place. None is
            ``replace`` for a model with ``UNK`` and ``error`` for others.

    Raises:
        TextError: the model cannot read the prime, or cannot generate the stop text.
        InputError: ``unknown`` is something else.

    Example:
        >>> vocab = Vocab.from_alphabet("aé\n", eos=False)
        >>> prompt_of("\ufeffe\u0301\r\n", "", vocab, "NFC").prime
        'é\n'
    """
    if unknown is not None:
        require("unknown", unknown, str, "error, skip or replace")
        if unknown not in UNKNOWN:
            raise InputError(f"unknown: expected error, skip or replace, got {unknown!r}")
    prompt = Prompt(*(prepared(text, vocab, normalize) for text in (prime, stop)))
    unread = unknown_in(prompt.prime, vocab, unknown)
    if unread and unknown == "skip":
        prompt = prompt._replace(prime=prompt.prime.translate(dict.fromkeys(map(ord, unread))))
    elif unread and unknown == "replace":
        prompt = prompt._replace(prime=_replaced(prompt.prime, unread, vocab))
    elif unread:
        remedy = "leave it out" if unread == ["\n"] else vocab.remedy(_them(unread)) + CHOICE
        raise TextError(f"the prime has {_listed(unread, vocab)}: {remedy}")
    if stop and not prompt.stop:
        raise TextError("the stop text is a byte order mark alone, which no text has: leave it out")
    missing = _without_symbol(prompt.stop, vocab)
    if missing:
        raise TextError(
            f"the stop text has {_listed(missing, vocab)}: no text of the model would ever end there; "
            f"leave {_them(missing)} out"
        )
    return prompt


def text_given(argument: str, role: str, encoding: str = UTF_8, lines: bool = False) -> str:
    """Return the prime or the stop text that an argument of the command line means.

    Args:
        argument: ``@FILE`` for the content of a file, ``-`` for the standard input, ``@@TEXT`` for a text that begins
            with @, or the text itself.
        role: what it is for, such as ``prime``; errors say it.
        encoding: the encoding of the file.
        lines: whether the model learned single lines. If so, the line end at the end of a file is left out.

    Raises:
        TextError: the file cannot be read or decoded.

    Example:
        >>> text_given("a quick", "prime"), text_given("@@home", "prime")
        ('a quick', '@home')
    """
    if argument.startswith("@@"):
        return argument[1:]
    if argument != STDIN and not argument.startswith("@"):
        return argument
    try:
        name = argument if argument == STDIN else home_expanded(argument[1:])
        text = Files(sources_of([name], role), encoding).whole()
    except MissingTextError as error:
        raise MissingTextError(
            error.path, f"{error}; for a {role} that begins with @, type {cut('@' + argument)}"
        ) from error
    return text.removesuffix("\n").removesuffix("\r") if lines else text


def prepared(text: str, vocab: Vocab, normalize: Form) -> str:
    """Return a text as ``reading.Files`` would have read it from a file.

    For a model of bytes nothing changes; bytes that are not UTF-8 are lone surrogates.
    """
    if vocab.is_bytes:
        return byte_values(text).tobytes().decode("utf-8", "surrogateescape")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text if normalize == NONE else unicodedata.normalize(normalize, text)


def unknown_in(prime: str, vocab: Vocab, unknown: Unknown | None = None) -> list[str]:
    """Return the characters of a prepared prime that the model does not know, each once.

    Characters that are read as ``UNK`` are included if ``unknown`` is ``error`` or ``skip``.
    """
    strict = unknown in ("error", "skip")
    return [c for c in _without_symbol(prime, vocab) if strict or not _is_read_as_unk(c, vocab)]


def _replaced(prime: str, unread: list[str], vocab: Vocab) -> str:
    readable = [c for c in STAND_INS if c in vocab]
    if not readable:
        raise TextError(
            f"the prime has {_listed(unread, vocab)}, and the model knows neither U+FFFD nor ? nor a space to "
            "replace such characters: leave them out"
        )
    return prime.translate(dict.fromkeys(map(ord, unread), readable[0]))


def _without_symbol(text: str, vocab: Vocab) -> list[str]:
    """Return the distinct characters of a text that have no symbol of their own."""
    ends_lines = vocab.framing == "lines"  # then no text has a newline
    return [
        c
        for c in dict.fromkeys(text)
        if (c == "\n" and ends_lines) or not (vocab.is_bytes or c in vocab)
    ]


def _is_read_as_unk(character: str, vocab: Vocab) -> bool:
    return vocab.unknown is not None and not (character == "\n" and vocab.framing == "lines")


def _listed(characters: list[str], vocab: Vocab) -> str:
    listed = ", ".join(map(named, characters[:SHOWN]))
    more = f" and {len(characters) - SHOWN:,} more" if len(characters) > SHOWN else ""
    if characters == ["\n"] and vocab.framing == "lines":
        return f"a line end ({listed}), but the model learned single lines, which end before it"
    many = (
        f"{len(characters):,} characters that are" if len(characters) > 1 else "a character that is"
    )
    return f"{many} not in the vocabulary, {listed}{more}"


def _them(characters: list[str]) -> str:
    return "them" if len(characters) > 1 else "it"
