"""Which models can be compared on held-out text. What cannot be compared is refused, not ranked.

All models must score the same original text. If their symbols differ (bytes and characters, other alphabets), the total
over that text, in bits per byte, still compares them, as long as each of its characters is predicted: a model
that reads some as ``<UNK>`` predicts less than the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np

from charlm.comparison.heldout import HeldOutText
from charlm.comparison.plan import Span
from charlm.config import DataConfig
from charlm.errors import InputError
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.wording import counted


@attrs.frozen(kw_only=True)
class Contender:
    """A model and its text; ``finished`` if it is trained already, so that its parts of the text are as they are."""

    name: str
    data: DataConfig
    corpus: LineCorpus | StreamCorpus
    held_out: HeldOutText | None
    finished: bool = False


@attrs.frozen(kw_only=True)
class Ground:
    """The text on which models are compared.

    Attributes:
        span: the part that all of them hold out.
        per_byte: whether only bits per byte compare them.
        notes: what a reader of the scores has to know.
    """

    span: Span
    per_byte: bool
    notes: tuple[str, ...]


def common_ground(contenders: Sequence[Contender]) -> Ground:
    """Return the held-out text on which all models can be compared.

    Raises:
        InputError: there is none; the error names what differs.
    """
    _same(contenders, "frame their text", lambda c: c.data.framing, "data.framing")
    _same(contenders, "normalize their text", lambda c: c.data.normalize, "data.normalize")
    _same(contenders, "name texts", lambda c: f"SHA-256 {c.corpus.sha256[:12]}...", _named)
    held = [(c, c.held_out) for c in contenders if c.held_out is not None]
    if len(held) < len(contenders):
        bare = ", ".join(c.name for c in contenders if c.held_out is None)
        raise InputError(
            f"nothing is held out in {bare}, but in other models: their scores cannot be compared; hold out the same "
            "part in all of them (data.val_frac)"
        )
    _same_lines(contenders)
    size = {c.name: text.size for c, text in held}
    _same(
        contenders,
        "read the text",
        lambda c: f"{size[c.name]:,} bytes in UTF-8",
        "data.encoding; a byte order mark or other line ends than \\n are bytes too",
    )
    symbols = {c.corpus.vocab.symbols for c in contenders}
    unknown = {c.name: text.unknown for c, text in held if text.unknown}
    if len(symbols) > 1 and unknown:
        raise InputError(_about_unknown(contenders, unknown))
    span, notes = _span([(c, text.span) for c, text in held])
    if len(symbols) > 1:
        notes += (_about_symbols(contenders),)
    return Ground(span=span, per_byte=len(symbols) > 1, notes=notes)


def _same(
    contenders: Sequence[Contender],
    what: str,
    value: Callable[[Contender], str],
    remedy: str | Callable[[Contender], str],
) -> None:
    """Refuse contenders that differ in a value."""
    values = {c.name: value(c) for c in contenders}
    if len(set(values.values())) == 1:
        return
    listed = ", ".join(f"{name}: {v}" for name, v in values.items())
    if callable(remedy):
        remedy = ", ".join(remedy(c) for c in contenders)
    raise InputError(
        f"these models {what} in different ways ({listed}), so their scores cannot be compared; "
        f"make that equal ({remedy})"
    )


def _same_lines(contenders: Sequence[Contender]) -> None:
    """Refuse contenders that hold out different lines or documents. Shuffled ones are split by their symbols."""
    places = [
        () if c.corpus.places is None else c.corpus.places
        for c in contenders
        if c.data.val_file is None
    ]
    if all(np.array_equal(p, places[0]) for p in places):
        return
    what = contenders[0].corpus.vocab.text
    listed = ", ".join(
        f"{c.name}: {'shuffled' if c.data.shuffle else 'in order'}, {len(c.corpus.vocab)} symbols"
        for c in contenders
    )
    raise InputError(
        f"these models hold out different {what}s ({listed}), so their scores cannot be compared; make data.shuffle "
        "and the symbols equal (data.alphabet, data.encoding, data.min_count), or give a data.val_file"
    )


def _named(contender: Contender) -> str:
    data = contender.data
    return (
        f"{contender.name}: {', '.join([*data.texts, *([data.val_file] if data.val_file else [])])}"
    )


def _about_unknown(contenders: Sequence[Contender], unknown: dict[str, int]) -> str:
    listed = ", ".join(
        f"{name} reads {counted(count, 'held-out character')} as <UNK>"
        for name, count in unknown.items()
    )
    counts = ", ".join(f"{c.name}: {c.data.min_count}" for c in contenders)
    return (
        f"these models have different symbols, and {listed}: it does not predict which character comes, so the scores "
        f"cannot be compared; make data.min_count equal ({counts}), or 1 everywhere"
    )


def _about_symbols(contenders: Sequence[Contender]) -> str:
    listed = ", ".join(
        f"{c.name}: {'bytes' if c.corpus.vocab.is_bytes else f'{len(c.corpus.vocab)} symbols'}"
        for c in contenders
    )
    return (
        f"The models have different symbols ({listed}). All of them predict each character of the held-out text, so "
        "bits per byte of that text, in UTF-8, compare them."
    )


def _span(spans: list[tuple[Contender, Span]]) -> tuple[Span, tuple[str, ...]]:
    """Return the part that all contenders hold out; parts that a config could make equal are refused."""
    first = spans[0][1]
    if all(span == first for _, span in spans):
        return first, ()
    listed = ", ".join(f"{c.name}: bytes {span.begin:,} to {span.end:,}" for c, span in spans)
    begin = max(span.begin for _, span in spans)
    end = min(span.end for _, span in spans)
    shares = {(c.data.val_frac, c.data.test_frac) for c, _ in spans}
    if begin >= end or (len(shares) > 1 and not all(c.finished for c, _ in spans)):
        raise InputError(
            f"these models hold out different parts of the text ({listed}), so their scores cannot be compared; make "
            "data.val_frac and data.test_frac equal"
        )
    return Span(begin=begin, end=end), (
        f"The models hold out different parts of the text ({listed}). They are compared on the part that all of them "
        f"hold out, bytes {begin:,} to {end:,}.",
    )
