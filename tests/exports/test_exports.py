"""Each exported file, read by its own runtime: the log-probabilities of real text are those of the trained model."""

from __future__ import annotations

import json
import runpy
from functools import cache

import numpy as np
import pytest

from charlm.config import load_run
from charlm.errors import InputError
from charlm.exports.formats import FORMATS, exported
from charlm.training.loop import Training

TEXT = (
    "The fox sat by the river.\nWhere was the old house? It was late,\nand 12 quiet cats slept.\n"
    * 20
)
SAMPLE = "Where was the old house? It was late,"
SMALL = (
    "train.steps=160 train.trainer=adam train.learning_rate=0.02 train.sample_every=0 "
    "model.embed_dim=6 model.hidden_dim=10"
)
STREAM = "data.framing=stream data.batch_size=4 data.seq_length=20"
MODELS = {
    "rnn": "model.cell=rnn",
    "rnn, stream, 3 layers": f"model.cell=rnn {STREAM} model.layers=3",
    "lstm, bytes": "model.cell=lstm data.encoding=bytes",
    "lstm, bytes, stream, 2 layers": f"model.cell=lstm {STREAM} data.encoding=bytes model.layers=2",
    "lstm, forget bias": "model.cell=lstm model.forget_bias=2.5",
    "lstm, tied": "model.cell=lstm model.tied=true model.embed_dim=10",
    "lstm, layer norm": "model.cell=lstm model.layer_norm=true model.layers=2",
    "lstm, two sizes": "model.cell=lstm model.layers=2 model.hidden_dim=[9,7]",
    "gru, 2 layers": f"model.cell=gru {STREAM} model.layers=2",
    "gru_after, 2 layers": f"model.cell=gru_after {STREAM} model.layers=2",
    "gru_after, <UNK>": "model.cell=gru_after data.min_count=30",
    "fast_lstm": "model.cell=fast_lstm",
    "coupled_lstm": "model.cell=coupled_lstm",
    "norm_lstm, 2 layers": "model.cell=norm_lstm model.layers=2",
}
REFUSED = {
    ("onnx", "coupled_lstm"): "reads its memory in the gates",
    ("onnx", "norm_lstm, 2 layers"): "normalises inside the recurrence",
    ("torch", "coupled_lstm"): "reads its memory in the gates",
    ("torch", "norm_lstm, 2 layers"): "normalises inside the recurrence",
    ("torch", "gru, 2 layers"): "--cell gru_after, which is the GRU of PyTorch",
    ("torch", "lstm, layer norm"): "no layer norm between its layers",
    ("torch", "lstm, two sizes"): "one size for all its layers, and this model has 9/7",
    ("dynet", "gru_after, 2 layers"): "no builder for the cell gru_after",
    ("dynet", "gru_after, <UNK>"): "no builder for the cell gru_after",
}
RUNTIMES = {"onnx": "onnxruntime", "torch": "torch"}


@cache
def trained(name):
    settings = [*SMALL.split(), "train.kernels=numpy", "data.alphabet=null", *MODELS[name].split()]
    training = Training(load_run("srnn", overrides=settings), text=TEXT)
    for _ in training.events():
        pass
    return training.model


def expected(model, ids):
    """The log-probabilities of what follows each symbol, from the model's graph."""
    graph = model.graph()
    h, _ = model.hidden(graph, np.array(ids)[:, np.newaxis], None)
    W, b = model.output_layer(graph)
    scores = (h.array().reshape(len(ids), -1) @ W.array()[0] + b.array()[0]).astype(np.float64)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def written(folder, model, to):
    """Export a model, and return the file and what the program beside it defines."""
    files = exported(model, to)
    path = (folder / "model").with_suffix(FORMATS[to].ending)
    for ending, data in {path.suffix: files.data, **files.beside}.items():
        path.with_suffix(ending).write_bytes(data)
    return path, runpy.run_path(str(path.with_suffix(".py")), run_name="reader")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("to", ["npz", "onnx", "torch", "dynet"])
def test_the_log_probabilities_are_those_of_the_model(to, name, tmp_path):
    pytest.importorskip(RUNTIMES.get(to, "numpy"), reason=f"{to} needs it")
    model = trained(name)
    if (to, name) in REFUSED:
        with pytest.raises(InputError, match=REFUSED[to, name]):
            exported(model, to)
        return
    path, program = written(tmp_path, model, to)
    reader = program["load"](str(path))
    ids = program["encode"](SAMPLE, reader.about)
    found = reader.log_probabilities(ids[:-1])
    wanted = expected(model, ids[:-1])
    assert np.abs(found - wanted).max() < 1e-5
    uniform = np.log(len(model.vocab))
    assert -wanted[np.arange(len(wanted)), ids[1:]].mean() < 0.6 * uniform  # it has learned


@pytest.mark.parametrize("name", MODELS)
def test_a_program_turns_text_into_the_ids_of_the_model(name, tmp_path):
    model = trained(name)
    path, program = written(tmp_path, model, "npz")
    about = program["load"](str(path)).about
    ids = program["encode"](f"\ufeff{SAMPLE}", about)
    end = [] if model.vocab.eos is None else [model.vocab.eos]
    text = f"\ufeff{SAMPLE}" if model.vocab.is_bytes else SAMPLE
    assert ids == [model.vocab.start, *model.vocab.encode(text).tolist(), *end]


def test_npz_needs_no_pickle_and_has_the_same_bytes_each_time(tmp_path):
    model = trained("rnn")
    path, _ = written(tmp_path, model, "npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert json.loads(str(arrays["charlm"]))["symbols"] == model.vocab.to_list()
        assert arrays["rnn.0.Wx"].shape == (10, 6)
    assert exported(model, "npz").data == path.read_bytes()


def test_onnx_takes_a_batch_and_carries_states(tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra dev has it")
    model = trained("gru, 2 layers")
    path, program = written(tmp_path, model, "onnx")
    reader = program["load"](str(path))
    ids = np.array([program["encode"](text, reader.about)[:20] for text in (SAMPLE, SAMPLE[5:])]).T
    first, states = reader.run(ids[:7], reader.start(batch=2))
    rest, _ = reader.run(ids[7:], states)
    for n in range(2):
        found = np.concatenate([first, rest])[:, n]
        assert np.abs(found - expected(model, ids[:, n])).max() < 1e-5


def test_onnx_has_a_stated_opset_and_a_description():
    onnx = pytest.importorskip("onnx", reason="the extra onnx has it")
    model = trained("lstm, layer norm")
    proto = onnx.load_from_string(exported(model, "onnx").data)
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 17)]
    (prop,) = proto.metadata_props
    assert json.loads(prop.value)["start"] == model.vocab.start
    assert [i.name for i in proto.graph.input] == ["ids", "h0", "c0", "h1", "c1"]


def test_torch_carries_a_state(tmp_path):
    torch = pytest.importorskip("torch", reason="the extra oracles has it")
    model = trained("gru_after, 2 layers")
    path, program = written(tmp_path, model, "torch")
    reader = program["load"](str(path))
    ids = torch.tensor(program["encode"](SAMPLE, reader.about))[:, None]
    first, state = reader(ids[:9])
    rest, _ = reader(ids[9:], state)
    found = torch.cat([first, rest])[:, 0].detach().numpy()
    assert np.abs(found - expected(model, ids[:, 0].numpy())).max() < 1e-5


@pytest.mark.parametrize("name", ["rnn", "gru, 2 layers", "lstm, bytes", "gru_after, <UNK>"])
def test_hugging_faces_tokenizers_give_the_ids_of_the_model(name):
    tokenizers = pytest.importorskip("tokenizers", reason="the extra dev has it")
    model = trained(name)
    vocab = model.vocab
    tokenizer = tokenizers.Tokenizer.from_str(exported(model, "hf-tokens").data.decode())
    text = "The cats,  12\r\nfoxes" if vocab.eos is None else SAMPLE
    ids = tokenizer.encode(text).ids
    end = [] if vocab.eos is None else [vocab.eos]
    read = text.replace("\r\n", "\n")
    assert ids == end + vocab.encode(read).tolist() + end
    if vocab.unknown is None:
        assert tokenizer.decode(ids) == read
        assert tokenizer.get_vocab_size() == len(vocab)


def test_hugging_faces_tokenizers_refuse_what_the_model_does_not_know():
    tokenizers = pytest.importorskip("tokenizers", reason="the extra dev has it")
    tokenizer = tokenizers.Tokenizer.from_str(exported(trained("rnn"), "hf-tokens").data.decode())
    with pytest.raises(Exception, match="UNK"):
        tokenizer.encode("é")
