"""Models of PyTorch become runs that score text as before; files that hold anything else are refused."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from charlm.errors import CharlmError, InputError, MissingExtraError
from charlm.exports import torch_files
from charlm.exports.formats import exported
from charlm.exports.importing import imported
from charlm.lm.language_model import model_of
from tests.exports.models import MODELS, REFUSED, SAMPLE, assert_close, expected, trained
from tests.forging import ODD

LETTERS = "abcdefg\n"
V, E, H = len(LETTERS), 5, 6


def weights(blocks=4, layers=1, *, prefix="rnn.", first=E, seed=1, **others):
    """Tensors of a small model, with the names of a program whose embedding is ``encoder``."""
    rng = np.random.default_rng(seed)
    shapes = {"encoder.weight": (V, E), "decoder.weight": (V, H), "decoder.bias": (V,)}
    for k in range(layers):
        below = H if k else first
        rows = blocks * H
        shapes[f"{prefix}weight_ih_l{k}"], shapes[f"{prefix}weight_hh_l{k}"] = (
            (rows, below),
            (rows, H),
        )
        shapes[f"{prefix}bias_ih_l{k}"] = shapes[f"{prefix}bias_hh_l{k}"] = (rows,)
    shapes.update(others)
    return {n: rng.normal(size=s).astype(np.float32) for n, s in shapes.items() if s is not None}


@pytest.fixture
def alphabet(tmp_path):
    path = tmp_path / "letters.txt"
    path.write_text(LETTERS)
    return path


def saved(folder, tensors, **metadata):
    path = folder / "model.safetensors"
    save_file(tensors, path, metadata or None)
    return path


@pytest.mark.parametrize("name", [name for name in MODELS if ("torch", name) not in REFUSED])
def test_a_model_that_was_exported_comes_back(name, tmp_path):
    model = trained(name)
    path = tmp_path / "model.safetensors"
    path.write_bytes(exported(model, "torch").data)
    again = model_of(imported(path, "again"))
    assert (again.vocab, again.normalize) == (model.vocab, model.normalize)
    ids = [model.vocab.start, *model.vocab.encode(SAMPLE)]
    assert_close(expected(again, ids), expected(model, ids))


@pytest.mark.parametrize("as_state_dict", [True, False], ids=["state_dict", "checkpoint"])
@pytest.mark.parametrize(
    ("kind", "layers", "embeds"),
    [("LSTM", 2, True), ("GRU", 2, True), ("RNN", 1, True), ("LSTM", 1, False)],
)
def test_a_char_rnn_of_pytorch(kind, layers, embeds, as_state_dict, tmp_path, alphabet):
    torch = pytest.importorskip("torch", reason="the extra oracles has it")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            if embeds:
                self.encoder = torch.nn.Embedding(V, E)
            self.net = getattr(torch.nn, kind)(E if embeds else V, H, layers, batch_first=True)
            self.fc = torch.nn.Linear(H, V)

        def forward(self, ids_BT):
            one_hot = torch.nn.functional.one_hot(ids_BT, V).float()
            return self.fc(self.net(self.encoder(ids_BT) if embeds else one_hot)[0]).log_softmax(-1)

    torch.manual_seed(1)
    net = Net()
    path = tmp_path / "net.pt"
    whole = {"state_dict": net.state_dict(), "n_hidden": H, "tokens": tuple(LETTERS)}
    torch.save(net.state_dict() if as_state_dict else whole, path)
    model = model_of(imported(path, "net", alphabet if as_state_dict else None))
    ids = [0, 3, 7, 2, 2, 5, 1]
    with torch.no_grad():
        wanted = net(torch.tensor([ids]))[0].numpy()
    assert_close(expected(model, ids), wanted)
    assert model.vocab.symbols == tuple(LETTERS)


@pytest.mark.parametrize(
    "metadata",
    [
        {"chars": LETTERS},
        {"vocab": json.dumps(list(LETTERS))},
        {"char2idx": json.dumps({c: i for i, c in enumerate(LETTERS)})},
        {"itos": json.dumps(dict(enumerate(LETTERS))), "sizes": json.dumps([1] * V)},
    ],
    ids=lambda metadata: next(iter(metadata)),
)
def test_the_symbols_may_be_in_the_file(metadata, tmp_path):
    path = saved(tmp_path, weights(), **metadata)
    assert imported(path, "m").vocab == list(LETTERS)


@pytest.mark.parametrize("content", ["abcdefg\n\n", json.dumps(list(LETTERS)), LETTERS])
def test_an_alphabet_in_a_file(content, tmp_path):
    path = tmp_path / "letters"
    path.write_text(content)
    if content == "abcdefg\n\n":  # the last line end is the editor's
        content = LETTERS
    assert imported(saved(tmp_path, weights()), "m", path).vocab == list(LETTERS)


def test_biases_may_be_missing_and_the_table_may_be_saved_once(tmp_path, alphabet):
    tensors = weights(**{"encoder.weight": None, "decoder.weight": (V, H)}, first=H)
    for name in [name for name in tensors if "bias" in name]:
        del tensors[name]
    found = imported(saved(tmp_path, tensors), "m", alphabet)
    assert (found.tensors["embedding"] == tensors["decoder.weight"]).all()
    assert not found.tensors["softmax.b"].any()


@pytest.mark.parametrize("names", [("embed.weight", "fc.weight"), ("z.wte.weight", "a.weight")])
def test_the_names_tell_an_embedding_from_a_decoder_of_the_same_shape(names, tmp_path, alphabet):
    extra = {"encoder.weight": None, "decoder.weight": None, "decoder.bias": None}
    tensors = weights(**extra, **dict.fromkeys(names, (V, H)), first=H)
    found = imported(saved(tmp_path, tensors), "m", alphabet).tensors
    assert (found["embedding"] == tensors[names[0]]).all()
    assert (found["softmax.W"] == tensors[names[1]]).all()


BAD = {
    "two tables": (
        weights(**{"decoder.bias": None, "decoder.weight": (V, H), "x.weight": (V, H)}),
        "one linear layer",
    ),
    "no network": ({"a.weight": (3, 3)}, "no weights of an nn.RNN"),
    "another part": (weights(**{"attention.weight": (H, H + 1)}), "part like attention.weight"),
    "two networks": ({**weights(), **weights(prefix="top.")}, "several recurrent networks"),
    "bidirectional": (weights(**{"rnn.weight_ih_l0_reverse": (4 * H, E)}), "is bidirectional"),
    "projection": (weights(**{"rnn.weight_hr_l0": (3, H)}), "projects its output"),
    "two blocks": (weights(blocks=2), r"expected \(H, H\) of nn.RNN"),
    "a layer is missing": (weights(**{"rnn.weight_hh_l2": (4 * H, H)}), "others are missing"),
    "a wrong bias": (weights(**{"rnn.bias_hh_l0": (3,)}), "bias_hh_l0 has shape"),
    "no decoder": (weights(**{"decoder.weight": None, "decoder.bias": None}), "one linear layer"),
    "no embedding": (weights(**{"encoder.weight": (V, E + 1)}), "expected an embedding"),
    "a flat matrix": (weights(**{"rnn.weight_hh_l0": (4 * H * H,)}), "no matrices"),
    "empty": (weights(**{"rnn.weight_hh_l0": (0, 0)}), "expected"),
    "not finite": ({**weights(), "decoder.bias": np.full(V, np.nan, np.float32)}, "finite"),
    "whole numbers": ({**weights(), "decoder.bias": np.zeros(V, int)}, "floats are needed"),
}


@pytest.mark.parametrize("what", BAD)
def test_models_that_charlm_does_not_have(what, tmp_path, alphabet):
    tensors, message = BAD[what]
    arrays = {
        name: t if isinstance(t, np.ndarray) else np.zeros(t, np.float32)
        for name, t in tensors.items()
    }
    with pytest.raises(InputError, match=message):
        imported(saved(tmp_path, arrays), "m", alphabet)


@pytest.mark.parametrize(
    ("metadata", "letters", "message"),
    [
        ({}, None, "no list of the model's 8 symbols; give it with --alphabet FILE"),
        ({"a": LETTERS, "b": LETTERS[::-1]}, None, "its entries a, b give the symbols different"),
        ({}, "abc", "expected the 8 symbols of the model"),
        ({}, "abcdefgg", "'g' .* at place 6 and again at place 7"),
        ({}, b"\xff", "byte 0 is not UTF-8"),
        ({"charlm": '{"symbols": [1], "normalize": "NFX"}'}, "abcdefgh", "its description"),
    ],
)
def test_symbols_that_do_not_fit(metadata, letters, message, tmp_path):
    path = None
    if letters is not None:
        path = tmp_path / "letters"
        path.write_bytes(letters if isinstance(letters, bytes) else letters.encode())
    with pytest.raises(InputError, match=message):
        imported(saved(tmp_path, weights(), **metadata), "m", path)


class Hostile:
    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


@pytest.mark.parametrize("way", ["pickle", "zip", "in a state_dict"])
def test_nothing_in_a_file_is_executed(way, tmp_path, alphabet):
    torch = pytest.importorskip("torch", reason="the extra oracles has it")
    made, path = tmp_path / "made", tmp_path / "hostile.pt"
    content = {"rnn.weight_hh_l0": Hostile(made)} if way == "in a state_dict" else Hostile(made)
    if way == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match="has code, which charlm never runs"):
        imported(path, "m", alphabet)
    assert not made.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.to_sparse(), "floats are needed"),
        (lambda t: t.long(), "floats are needed"),
        (lambda t: t.cfloat(), "floats are needed"),
        (lambda t: t[:1, :1].expand(10**6, 10**6), "more numbers than the file has bytes"),
    ],
    ids=["sparse", "whole", "complex", "expanded"],
)
def test_tensors_of_other_kinds(change, message, tmp_path, alphabet):
    torch = pytest.importorskip("torch", reason="the extra oracles has it")
    tensors = {name: torch.tensor(array) for name, array in weights().items()}
    tensors["decoder.weight"] = change(tensors["decoder.weight"])
    path = tmp_path / "model.pt"
    torch.save(tensors, path)
    with pytest.raises(InputError, match=message):
        imported(path, "m", alphabet)


@pytest.mark.parametrize("number", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("parameters", [True, False])
def test_other_floats_and_parameters(number, parameters, tmp_path, alphabet):
    torch = pytest.importorskip("torch", reason="the extra oracles has it")
    tensors = {n: torch.tensor(a).to(getattr(torch, number)) for n, a in weights().items()}
    if parameters:
        tensors = {name: torch.nn.Parameter(tensor) for name, tensor in tensors.items()}
    path = tmp_path / "model.pt"
    torch.save(tensors, path)
    found = imported(path, "m", alphabet).tensors["softmax.b"]
    assert np.allclose(found, weights()["decoder.bias"], atol=0.02)


def test_numbers_that_numpy_lacks_are_named(tmp_path, alphabet):
    torch = pytest.importorskip("torch", reason="the extra oracles has it")
    save = pytest.importorskip("safetensors.torch").save_file
    path = tmp_path / "model.safetensors"
    save({name: torch.tensor(array).bfloat16() for name, array in weights().items()}, path)
    with pytest.raises(InputError, match="save the weights as float32"):
        imported(path, "m", alphabet)


def test_a_whole_module_is_refused(tmp_path, alphabet):
    torch = pytest.importorskip("torch", reason="the extra oracles has it")
    path = tmp_path / "module.pt"
    torch.save(torch.nn.LSTM(3, 4), path)
    with pytest.raises(InputError, match=r"save the state_dict as safetensors"):
        imported(path, "m", alphabet)


def test_a_file_of_torch_without_torch(tmp_path, alphabet, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "model.pt"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(MissingExtraError, match="needs torch, which is not installed"):
        imported(path, "m", alphabet)


@pytest.mark.parametrize("content", [b"", b"text", b"\0" * 100, b"\xff" * 7 + b"\x7f{"])
def test_files_of_other_kinds(content, tmp_path, alphabet):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"neither a safetensors file|is damaged"):
        imported(path, "m", alphabet)


def test_odd_entries_are_refused_or_have_no_meaning(tmp_path, alphabet):
    for value in ODD:
        text = json.dumps(value)
        about = json.dumps({"normalize": value, "symbols": value})
        path = saved(tmp_path, weights(), charlm=about, vocab=text, chars=json.dumps({"a": value}))
        with contextlib.suppress(CharlmError):
            assert imported(path, "m", alphabet).vocab == list(LETTERS)


def test_damaged_files_are_refused_or_read(tmp_path, alphabet):
    rng = random.Random(1)
    good = bytearray(saved(tmp_path, weights(), chars=LETTERS).read_bytes())
    path = tmp_path / "damaged"
    for _ in range(300):
        bad = good[:]
        for _ in range(rng.randint(1, 4)):
            bad[rng.randrange(rng.choice([8, 700, len(bad)]))] = rng.randrange(256)
        path.write_bytes(bad[: rng.choice([len(bad), rng.randrange(len(bad))])])
        with contextlib.suppress(CharlmError):
            imported(path, "m", alphabet)


def test_a_pipe_is_not_opened(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputError, match="not a regular file"):
        torch_files.read_torch_file(Path(path))
