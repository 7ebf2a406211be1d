"""Each exported file, read by its own runtime: the log-probabilities of real text are those of the trained model."""

from __future__ import annotations

import json
import runpy
import sys

import numpy as np
import pytest

from charlm.errors import InputError
from charlm.exports.formats import FORMATS, exported
from tests.exports.models import MODELS, REFUSED, SAMPLE, assert_close, expected, trained

RUNTIMES = {"onnx": ("onnx", "onnxruntime"), "torch": ("torch",)}


def written(folder, model, to):
    """Export a model, and return the file and what the program beside it defines."""
    files = exported(model, to)
    path = (folder / "model").with_suffix(FORMATS[to].ending)
    for ending, data in {path.suffix: files.data, **files.beside}.items():
        path.with_name(f"model{ending}").write_bytes(data)
    return path, runpy.run_path(str(path.with_name(f"model_{to}.py")), run_name="reader")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("to", ["npz", "onnx", "torch", "dynet"])
def test_the_log_probabilities_are_those_of_the_model(to, name, tmp_path):
    for runtime in RUNTIMES.get(to, ()):
        pytest.importorskip(runtime, reason=f"the format {to} needs it")
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
    assert_close(found, wanted)
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


def test_a_dynet_file_is_also_read_by_charlms_dynet(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dynet", None)
    model = trained("lstm, layer norm")
    path, program = written(tmp_path, model, "dynet")
    reader = program["load"](str(path))
    ids = program["encode"](SAMPLE, reader.about)
    assert_close(reader.log_probabilities(ids), expected(model, ids))


def test_npz_needs_no_pickle_and_has_the_same_bytes_each_time(tmp_path):
    model = trained("rnn")
    path, _ = written(tmp_path, model, "npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert json.loads(str(arrays["charlm"]))["symbols"] == model.vocab.to_list()
        assert arrays["rnn.0.Wx"].shape == (10, 6)
    assert exported(model, "npz").data == path.read_bytes()


def test_onnx_takes_a_batch_and_carries_states(tmp_path):
    for runtime in RUNTIMES["onnx"]:
        pytest.importorskip(runtime, reason="the extra dev has it")
    model = trained("gru, 2 layers")
    path, program = written(tmp_path, model, "onnx")
    reader = program["load"](str(path))
    ids = np.array([program["encode"](text, reader.about)[:20] for text in (SAMPLE, SAMPLE[5:])]).T
    first, states = reader.run(ids[:7], reader.start(batch=2))
    rest, _ = reader.run(ids[7:], states)
    for n in range(2):
        found = np.concatenate([first, rest])[:, n]
        assert_close(found, expected(model, ids[:, n]))


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
    assert_close(found, expected(model, ids[:, 0].numpy()))


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
