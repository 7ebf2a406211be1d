"""`charlm export` and `charlm import`: the files that they write, and what they refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from charlm.exports.formats import FORMATS

TEXT = "The fox sat by the river.\nIt was late, and the cats slept.\n" * 30


def test_files_are_named_after_the_run(made):
    typed = made()
    code, out, err = typed("charlm export run --to npz")
    assert (code, err) == (0, "")
    sizes = {name: Path(name).stat().st_size for name in ("run.npz", "run_npz.py")}
    assert out == "".join(f"{name}: {size:,} bytes\n" for name, size in sizes.items())
    code, out, _ = typed("charlm export run/last.safetensors --to npz -o other.npz --json")
    about = json.loads(out)
    assert (code, about["format"], about["run"]) == (0, "npz", "run/last.safetensors")
    assert about["files"] == {"other.npz": sizes["run.npz"], "other_npz.py": sizes["run_npz.py"]}


def test_every_format_writes_its_file(made):
    pytest.importorskip("onnx", reason="the extra onnx has it")
    typed = made()
    for to, form in FORMATS.items():
        code, out, err = typed(f"charlm export run --to {to} --force")
        assert code == 0, err
        assert out.startswith(f"run{form.ending}: ")


def test_files_are_replaced_only_with_force(made):
    typed = made()
    for there in ("run.npz", "run_npz.py"):
        Path(there).write_text("mine")
        code, _, err = typed("charlm export run --to npz")
        assert code == 2
        assert f"{there}: there is a file of this name; --force replaces it" in err
        assert Path(there).read_text() == "mine"
        assert [*Path().glob("run.*"), *Path().glob("run_*")] == [Path(there)]
        Path(there).unlink()
    Path("run.npz").write_text("mine")
    assert typed("charlm export run --to npz --force")[0] == 0
    assert Path("run.npz").stat().st_size > 4


MISTAKES = {
    "export run --to dynet -o model.json": "choose a name that does not end in .json",
    "export run --to npz -o none/model.npz": "the folder does not exist",
    "export run --to npz -o -": "expected a path, because several files are written",
    "export run --to torch -o run/last.safetensors --force": "this is a checkpoint of the run",
    "export run --to gguf": "'gguf' is not one of 'onnx'",
    "export none --to npz": "no such run or checkpoint; runs that exist: run",
    "import --from torch none.safetensors": "there is no such file",
    "import --from torch text.txt": "neither a safetensors file nor a file of torch.save",
    "import --from torch run/last.safetensors": "is a checkpoint of charlm already",
}


def test_mistakes(made):
    typed = made()
    for arguments, message in MISTAKES.items():
        code, out, err = typed(f"charlm {arguments}")
        assert (code, out) == (1 if "none/" in arguments else 2, ""), arguments
        assert message in " ".join(err.split())
    assert not list(Path().glob("**/*.py"))


def test_onnx_needs_its_extra(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, _, err = made()("charlm export run --to onnx")
    assert code == 2
    assert "the format onnx needs onnx, which is not installed; to install it: " in err


def test_a_gru_is_refused_for_torch_with_the_remedy(made):
    code, _, err = made("--set model.cell=gru")("charlm export run --to torch")
    assert code == 2
    assert "train with --cell gru_after, which is the GRU of PyTorch" in err
    assert not Path("run.safetensors").exists()


def test_an_imported_run_works_like_the_first(made):
    typed = made("--set model.cell=gru_after")
    assert typed("charlm export run --to torch -o model.safetensors")[0] == 0
    code, out, err = typed("charlm import --from torch model.safetensors")
    assert (code, out) == (
        0,
        "runs/model: gru_after, layers 1, embedding 4, hidden 8, 25 symbols\n",
    )
    assert "sample runs/model" in err
    for command in ("sample {} --seed 1 -l 30", "score {} text.txt", "eval {} text.txt --json"):
        first, again = (typed(f"charlm -q {command.format(run)}") for run in ("run", "runs/model"))
        assert (again[0], again[2]) == (0, "")
        if "sample" in command:
            assert again[1] == first[1]
    for command in ("info runs/model", "runs", "runs --json"):
        assert typed(f"charlm {command}")[0] == 0
    code, _, err = typed("charlm eval runs/model")
    assert code == 2
    assert "unknown.txt" in err
    code, _, err = typed("charlm train --resume runs/model --set data.text=text.txt")
    assert code == 2
    assert "--init-from" in err
    options = (
        "--set model.cell=gru_after --set model.hidden_dim=8 --set model.embed_dim=4 --steps 1"
    )
    assert typed(f"charlm -q train text.txt --init-from runs/model {options}")[0] == 0


def test_an_import_says_what_it_made(made):
    typed = made()
    assert typed("charlm export run --to torch -o model.safetensors")[0] == 0
    line = "charlm import --from torch model.safetensors -o mine"
    code, out, err = typed(f"{line} --json")
    about = {"run": "mine", "file": "model.safetensors", "framing": "stream", "symbols": 25}
    model = "lstm, layers 1, embedding 4, hidden 8"
    assert (code, err, json.loads(out)) == (0, "", {**about, "model": model})
    assert typed(line)[0] == 2
    assert typed(f"{line} --force")[0] == 0
    assert json.loads(Path("mine/summary.json").read_text())["state"] == "finished"
