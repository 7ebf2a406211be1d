"""From the data section of a config to a corpus: read, encode and split a text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path

import attrs
import numpy as np

from charlm import progress
from charlm.config import DataConfig, bundled_texts, resolve_text
from charlm.errors import TextError
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.documents import Separator
from charlm.text.encoding import Encoded, encode
from charlm.text.packing import DocumentCorpus
from charlm.text.reading import Files, GivenText, read_texts
from charlm.text.report import report
from charlm.text.sources import STDIN, Source, kept, sources_of
from charlm.text.vocab import Framing, Ids, Vocab

KINDS: dict[Framing, type[LineCorpus] | type[StreamCorpus]] = {
    "lines": LineCorpus,
    "documents": DocumentCorpus,
    "stream": StreamCorpus,
}
_COPIES: ContextVar[Mapping[str, Path] | None] = ContextVar("copies of texts", default=None)


@contextlib.contextmanager
def copies_of_texts(copies: Mapping[str, Path]) -> Iterator[None]:
    """Read texts from copies: on another machine, the names in a config are those of nothing, or of other texts.

    Args:
        copies: a file, or a folder with the files in their order, for each name of a text.
    """
    token = _COPIES.set(copies)
    try:
        yield
    finally:
        _COPIES.reset(token)


def kept_data(data: DataConfig) -> DataConfig:
    """Return the section with standard input and pipes replaced by paths of copies, so that they can be read again.

    Raises:
        TextError: standard input is closed or given twice, or a copy cannot be written.
    """
    if (*data.texts, data.val_file).count(STDIN) > 1:
        raise TextError(f"text {STDIN}: standard input can be read only once; give it once")
    names = [name if _stays(name) else str(kept(name)) for name in data.texts]
    val_file = data.val_file
    if val_file is not None and not _stays(val_file):
        val_file = str(kept(val_file, "val_file"))
    text = names[0] if isinstance(data.text, str) else tuple(names)
    return attrs.evolve(data, text=text, val_file=val_file)


def text_of(data: DataConfig) -> str:
    """Return the text that a config names, as one string."""
    return read_texts(source_paths(data.texts), encoding=data.encoding, normalize=data.normalize)


def text_files(data: DataConfig) -> Files:
    """Return the text of a config, to be read piece by piece.

    Raises:
        TextError: there is no such text.
    """
    return _files(sources_of(source_paths(data.texts)), data)


def ids_of(data: DataConfig, vocab: Vocab) -> Ids:
    """Return the ids of the text of a config with the symbols of another text; lines are framed as in training.

    Raises:
        TextError: it cannot be read or decoded, or has characters that are not symbols.
    """
    files = text_files(data)
    with _named(f"text {', '.join(data.texts)}"):
        ids = encode(files, data, vocab).ids
    if vocab.eos is None:
        return ids
    ends = np.append(ids, np.full(1, vocab.eos, ids.dtype))
    empty = (ends == vocab.eos) & (np.append(vocab.eos, ends[:-1]) == vocab.eos)
    full: Ids = ends[~empty]
    return full


def corpus_of(
    data: DataConfig, text: str | None = None, seed: int = 0
) -> LineCorpus | StreamCorpus:
    """Return the corpus of a config.

    Args:
        data: the data section.
        text: the text itself, if the caller already has it.
        seed: of the order in which a training reads lines; the parts are the same for all seeds.

    Raises:
        TextError: a text cannot be read or decoded, is too small, or has characters that are not symbols.
    """
    if text is None:
        files = text_files(data)
        whole = encode(files, data)
    else:
        given = GivenText(text, data.encoding, data.normalize, Separator.of(data))
        whole = encode(given, data)
    extra = None if data.val_file is None else _val_file(data.val_file, data, whole)
    made_of = [_digest(part, data) for part in (whole, extra) if part is not None]
    kind = KINDS[data.framing]
    others = None if extra is None else extra.ids
    corpus = kind.from_ids(whole.vocab, whole.ids, data, others, seed)
    corpus.sha256 = (
        made_of[0] if len(made_of) == 1 else sha256("".join(made_of).encode()).hexdigest()
    )
    if text is None:
        with progress.unheard():
            corpus.report = report(files.sources, whole, corpus.held_out_ids, corpus.test_ids, data)
        corpus.notices += corpus.report.notices
    return corpus


def _digest(text: Encoded, data: DataConfig) -> str:
    """Return the digest of a text; documents also end where files do."""
    if data.framing != "documents" or len(text.facts.sizes) < 2:
        return text.facts.sha256
    return sha256(f"{text.facts.sha256} {text.facts.sizes}".encode()).hexdigest()


def _val_file(name: str, data: DataConfig, whole: Encoded) -> Encoded:
    files = _files(sources_of(source_paths([name]), "val_file"), data)
    with _named(f"val_file {name}"):
        return encode(files, data, whole.vocab)


def _files(sources: Sequence[Source], data: DataConfig) -> Files:
    return Files(sources, data.encoding, data.normalize, Separator.of(data))


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Add the name of a text to errors about its content; errors about files already contain it."""
    try:
        yield
    except TextError as error:
        if str(error).startswith(what.split()[0]):
            raise
        raise TextError(f"{what}: {error}") from error


def source_paths(names: list[str] | tuple[str, ...]) -> list[str | Path]:
    """Return the paths of texts: a bundled text's name stands for its file."""
    copies = _COPIES.get() or {}
    return [copies.get(name) or (name if name == STDIN else resolve_text(name)) for name in names]


def _stays(name: str) -> bool:
    """Tell whether a name always stands for the same text."""
    return name in (_COPIES.get() or {}) or name in bundled_texts()
