"""Compression and decompression of files with a model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from charlm import progress
from charlm.compression.coder import Decoder, Encoder
from charlm.compression.container import STORED, Container, damaged, digest_of
from charlm.compression.network import Network
from charlm.compression.spelling import Alphabet, Spelling
from charlm.compression.symbols import SymbolCoder
from charlm.errors import StoredError
from charlm.lm.language_model import CharLM

PIECE = 128
"""Characters that are coded at once, and between two reports of progress."""
TRIED = 1 << 16
"""After this many characters, a file that has not become smaller is stored unchanged."""


@dataclass(frozen=True)
class Compressed:
    """A compressed file.

    Attributes:
        data: its bytes.
        characters: the number of coded characters.
        unknown: the number of characters without a symbol.
        bits: the model's score of the other characters, in bits; None if the file is stored unchanged.
    """

    data: bytes
    characters: int = 0
    unknown: int = 0
    bits: float | None = None


class Compressor:
    """Compresses files with a model and decompresses them.

    Args:
        model: the model; later changes of its weights have no effect.
        encoding: the encoding of the model's text.

    Attributes:
        digest: names the model in files: the first 6 bytes of a SHA-256 of its weights and symbols.

    Raises:
        InputError: the model cannot compress (see ``network.Network``).

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> model = CharLM(Vocab.from_alphabet("ab ", eos=False), ModelConfig(hidden_dim=4, embed_dim=3))
        >>> compressor = Compressor(model)
        >>> compressor.decompress(compressor.compress("a b, a b: été".encode()).data).decode()
        'a b, a b: été'
    """

    def __init__(self, model: CharLM, encoding: str = "utf-8") -> None:
        self._network = Network(model)
        self._alphabet = Alphabet(model.vocab, encoding)
        self._start = model.vocab.start
        self.digest = _digest(model, self._network.cell, encoding)

    def compress(self, data: bytes) -> Compressed:
        """Compress a file, or store it unchanged if that is shorter."""
        spelling, text = self._alphabet.spelled(data)
        symbols = [*map(self._alphabet.symbol, text)]
        coder, encoder = SymbolCoder(self._alphabet), Encoder()
        shorter = self._encode(text, symbols, coder, encoder, self._alphabet.spellings[spelling])
        payload = encoder.finish()
        if not shorter or len(payload) > len(data):
            return Compressed(self._packed(STORED, len(data), data, data))
        return Compressed(
            self._packed(spelling, len(text), data, payload),
            len(text),
            symbols.count(self._alphabet.escape),
            coder.bits,
        )

    def decompress(self, data: bytes, name: str = "the file") -> bytes:
        """Restore a file; ``name`` is the name of the compressed file in messages.

        Raises:
            StoredError: it is damaged, or another model compressed it.
        """
        container = Container.unpack(data, name)
        if container.model != self.digest:
            raise StoredError(
                f"{name}: another model compressed it: that model's digest is {container.model.hex()}, and this "
                f"one's {self.digest.hex()}; give the run that compressed it, or a copy of its checkpoint "
                "from then (--checkpoint chooses the last or the best)"
            )
        original = self._original(container, name)
        if digest_of(original) != container.original:
            raise damaged(name)
        return original

    def _packed(self, spelling: int, count: int, data: bytes, payload: bytes) -> bytes:
        return Container(self.digest, spelling, count, digest_of(data), payload).pack()

    def _encode(
        self,
        text: str,
        symbols: list[int],
        coder: SymbolCoder,
        encoder: Encoder,
        spelling: Spelling,
    ) -> bool:
        """Encode a text; stop and return False if its beginning has not become shorter."""
        network, size = self._network, self._alphabet.size
        network.reset()
        sums_TV = network.read([self._start])
        with progress.task("compressing", len(text)):
            for begin in range(0, len(text), PIECE):
                piece = slice(begin, begin + PIECE)
                # the model does not read characters without a symbol, so its frequencies stay the same
                readable = [symbol for symbol in symbols[piece] if symbol < size]
                sums_TV = np.concatenate([sums_TV[-1:], network.read(readable)])
                place = 0
                for character, symbol in zip(text[piece], symbols[piece], strict=True):
                    coder.encode(encoder, character, symbol, sums_TV[place])
                    place += symbol < size
                progress.advance(len(text[piece]))
                if piece.stop == TRIED and len(encoder) >= len(spelling.data(text[:TRIED])):
                    return False
        return True

    def _original(self, container: Container, name: str) -> bytes:
        """Return the decoded bytes; they are wrong if the file is damaged and its CRC is right by chance."""
        if container.spelling == STORED:
            return container.payload
        if container.spelling >= len(self._alphabet.spellings):
            raise damaged(name)
        try:
            text = self._decoded(container.payload, container.count)
            return self._alphabet.spellings[container.spelling].data(text)
        except (EOFError, UnicodeError) as error:
            raise damaged(name) from error

    def _decoded(self, payload: bytes, count: int) -> str:
        network, size = self._network, self._alphabet.size
        coder, decoder = SymbolCoder(self._alphabet), Decoder(payload)
        network.reset()
        sums_V = network.read([self._start])[-1]
        characters: list[str] = []
        with progress.task("decompressing", count):
            while len(characters) < count:
                symbol, character = coder.decode(decoder, sums_V)
                characters.append(character)
                if symbol < size:
                    sums_V = network.read([symbol])[-1]
                if len(characters) % PIECE == 0:
                    progress.advance(PIECE)
            progress.advance(count % PIECE)
        return "".join(characters)


def _digest(model: CharLM, cell: list[str | float], encoding: str) -> bytes:
    """Return a digest of everything that decoding depends on."""
    about = [cell, model.vocab.to_list(), encoding]
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, weights in sorted(model.arrays().items()):
        digest.update(json.dumps([name, weights.shape]).encode())
        digest.update(weights.astype("<f4").tobytes())
    return digest.digest()[:6]
