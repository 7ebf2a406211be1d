"""Compressed files that have to decompress for ever, and their models. ``python -m tests.compression.kept`` made them.

A model is trained on a text of this file. It does not come out to the same bytes on every machine; what it
compresses does.
"""

from __future__ import annotations

from pathlib import Path

from charlm.compression.compressor import Compressor
from charlm.config import load_config
from charlm.lm.language_model import model_of
from charlm.runs.checkpoint import save_checkpoint
from charlm.training.loop import Training

DATA = Path(__file__).parent / "data"
TEXT = """\
The mill by the river had not turned for years. In spring the water rose to its door, and in summer the children
of the village came to catch fish there. Nobody asked who owned it. One evening an old man stood at the weir; he
had a key, and he said that the wheel would turn again before the first snow.
"""
ORIGINALS = {
    "lstm": TEXT[:200].encode() + "\r\nà propos: 水 🙂\n".encode() + bytes(range(120, 140)),
    "gru": TEXT.replace("\n", "\r\n").encode("cp1252") + b"\x80 20, caf\xe9\r\n\r\n",
    "rnn": (TEXT[100:] * 2).encode() + bytes(range(0, 256, 9)),
}
"""What the compressed files are of, by the model's name."""
COMMON = [
    "train.trainer=adam",
    "train.learning_rate=0.01",
    "train.steps=300",
    "train.kernels=numpy",
]
COMMON += ["train.sample_every=0", "train.log_every=100", "data.batch_size=4", "data.seq_length=32"]
SETTINGS = {
    "lstm": [
        *("model.cell=lstm", "model.layers=2", "model.hidden_dim=[20, 12]", "model.embed_dim=12"),
        *("model.tied=true", "data.framing=stream", "data.alphabet=null"),
    ],
    "gru": [
        *("model.cell=gru", "model.hidden_dim=16", "model.embed_dim=8", "data.alphabet=null"),
        *("data.encoding=cp1252", "data.min_count=3"),
    ],
    "rnn": [
        *("model.cell=rnn", "model.hidden_dim=12", "model.embed_dim=6", "data.alphabet=null"),
        *("data.framing=stream", "data.encoding=bytes"),
    ],
}


def main() -> None:
    """Train the models and compress the files."""
    DATA.mkdir(exist_ok=True)
    for name, settings in SETTINGS.items():
        config = load_config("srnn", overrides=[*COMMON, *settings])
        training = Training(config, text=TEXT * 4)
        list(training.events())
        checkpoint = training.learner.weights()
        save_checkpoint(DATA / f"{name}.safetensors", checkpoint)
        compressor = Compressor(model_of(checkpoint), config.data.encoding)
        compressed = compressor.compress(ORIGINALS[name]).data
        (DATA / f"{name}.clm").write_bytes(compressed)
        print(f"{name}: {len(ORIGINALS[name])} bytes -> {len(compressed)}")


if __name__ == "__main__":
    main()
