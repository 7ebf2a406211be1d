"""A ``tokenizer.json`` that Hugging Face's tokenizers read: text to the ids of a model's symbols, and back.

Characters are the words of a ``WordLevel`` model, whose text is cut after each character: a character that it does
not know is ``<UNK>``, or an error if the model has no ``<UNK>``. Bytes are those of ``ByteLevel``, which gives each
byte a visible character.
"""

from __future__ import annotations

import json
from typing import Any

from charlm.exports.formats import Exported
from charlm.lm.model import Model
from charlm.text.reading import NONE
from charlm.text.vocab import ENDS, UNK, Vocab

EVERY_CHARACTER = r"[\s\S]"


def export(model: Model) -> Exported:
    """Return the symbols of a model as a tokenizer."""
    vocab = model.vocab
    parts = _of_bytes(vocab) if vocab.is_bytes else _of_characters(vocab, model.normalize)
    special = [symbol for symbol in vocab.symbols[-2:] if symbol in (UNK, *ENDS)]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(vocab, symbol) for symbol in special],
        **parts,
        "post_processor": None if vocab.eos is None else _between(vocab.symbols[-1], vocab.eos),
    }
    return Exported(json.dumps(tokenizer, indent=1).encode())


def _of_characters(vocab: Vocab, normalize: str) -> dict[str, Any]:
    steps = [
        {"type": "Replace", "pattern": {"Regex": "^\ufeff"}, "content": ""},
        {"type": "Replace", "pattern": {"Regex": "\r\n?"}, "content": "\n"},
    ]
    steps += [] if normalize == NONE else [{"type": normalize}]
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": EVERY_CHARACTER},
            "behavior": "Isolated",
            "invert": False,
        },
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": _numbered(vocab.symbols), "unk_token": UNK},
    }


def _of_bytes(vocab: Vocab) -> dict[str, Any]:
    level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": False,
        "use_regex": False,
    }
    visible = [*map(_visible, range(256)), *vocab.symbols[256:]]
    return {
        "normalizer": None,
        "pre_tokenizer": level,
        "decoder": level,
        "model": {"type": "BPE", "vocab": _numbered(visible), "merges": []},
    }


def _visible(byte: int) -> str:
    """Return the character that ``ByteLevel`` has for a byte: itself if it is visible, else one from U+0100 on.

    Example:
        >>> _visible(ord("a")), _visible(ord(" ")), _visible(255)
        ('a', 'Ġ', 'ÿ')
    """
    hidden = [*range(0x21), *range(0x7F, 0xA1), 0xAD]
    return chr(256 + hidden.index(byte)) if byte in hidden else chr(byte)


def _numbered(symbols: Any) -> dict[str, int]:
    return {symbol: number for number, symbol in enumerate(symbols)}


def _added(vocab: Vocab, symbol: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": vocab.index(symbol), "content": symbol, **flags, "special": True}


def _between(name: str, number: int) -> dict[str, Any]:
    """Return the step that puts ``<EOS>`` before and after a line, or ``<EOD>`` so with a document."""

    def framed(place: int) -> list[dict[str, Any]]:
        text = {"Sequence": {"id": "AB"[place], "type_id": place}}
        end = {"SpecialToken": {"id": name, "type_id": place}}
        return [end, text, end] if place == 0 else [text, end]

    return {
        "type": "TemplateProcessing",
        "single": framed(0),
        "pair": framed(0) + framed(1),
        "special_tokens": {name: {"id": name, "ids": [number], "tokens": [name]}},
    }
