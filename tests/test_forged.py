"""Files that charlm reads back, damaged and forged: refused, or read as what they say, in little time and memory."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import charlm
import charlm.dynet as dy
from charlm.cli import main
from charlm.config import load_config
from charlm.errors import (
    ArgumentError,
    CharlmError,
    CheckpointError,
    ConfigError,
    ModelFileError,
)
from charlm.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import statuses
from charlm.training.loop import Training
from tests.forging import FORMATS, Workshop, forge

COUNT = int(os.environ.get("CHARLM_FORGED", "70"))
"""Files that are forged over all formats; CHARLM_FORGED=5000 takes some minutes."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield Workshop(folder)


@pytest.mark.parametrize("kind", FORMATS)
def test_forged_files(shop, kind):
    tally = forge(shop, COUNT // len(FORMATS), seed=0, formats=[kind])
    assert tally.faults == []


def changed(shop, **states):
    """Return the run with one thing in its last checkpoint's state replaced, under the right checksum."""
    case = shop.fresh(shop.half)
    found = load_checkpoint(case, "last")
    state = json.loads(json.dumps(found.state))
    for path, value in states.items():
        *above, last = path.split("__")
        part = state
        for key in above:
            part = part[key]
        part[last] = value
    file = case / "last.safetensors"
    save_checkpoint(file, Checkpoint(found.tensors, found.config, found.vocab, state))
    return case


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("progress__step", "4", r"its state: progress.step: expected a whole number, got '4'"),
        ("progress__step", 5, r"step is 4, and progress.step 5"),
        (
            "progress__loss_sum",
            float("nan"),
            r"progress.loss_sum: expected a finite number, got nan",
        ),
        ("progress__best_step", 2**62, r"progress.best_step is 4611686018427387904, after"),
        ("progress__more", 1, r"progress.more: unknown key"),
        ("guard__factor", 0.3, r"guard has 0 rollbacks, 0 tries and the factor 0.3"),
        ("stream__state__inc", 2, r"stream.state.inc: expected an odd number"),
        ("stream__bit_generator", "MT19937", r"stream.bit_generator: expected PCG64"),
        ("stream__state", {}, r"stream.state.state: is missing"),
        ("schedule__waited", 7, r"schedule.waited is 7"),
        ("averaged", 0, r"averaged is 0, and updates 4"),
        ("line_limit", 0, r"line_limit: expected 1 or more"),
        ("seconds", -1, r"seconds: expected a number of 0 or more"),
    ],
)
def test_a_state_that_no_training_has(shop, path, value, says):
    changed(shop, **{path: value})
    with pytest.raises(
        CheckpointError, match=rf"last\.safetensors: the checkpoint is damaged.*{says}"
    ):
        shop.resumed()


def test_sizes_are_checked_before_memory_is_taken(tmp_path):
    """What the file does not hold is not made: not a million layers, not matrices of 2^62."""
    run = RunDirectory.create_named(tmp_path / "run")
    list(Training(load_config(overrides=["train.steps=1"]), run).events())
    found = load_checkpoint(run.path)
    for change in (
        {"layers": 10**6},
        {"layers": 900},
        {"hidden_dim": 2**62},
        {"embed_dim": 10**5},
        {"layers": 1000, "hidden_dim": [9] * 1000},
    ):
        config = {**found.config, "model": {**found.config["model"], **change}}
        save_checkpoint(run.checkpoint, Checkpoint(found.tensors, config, found.vocab, found.state))
        tracemalloc.start()
        with pytest.raises(CheckpointError, match="damaged"):
            charlm.load_model(run.path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000, change


@pytest.mark.parametrize("key", ["hidden_dim", "embed_dim"])
def test_a_model_that_no_machine_holds(key):
    with pytest.raises(
        ConfigError, match=r"parameters, which take .* GB to train, and this machine"
    ):
        Training(load_config(overrides=[f"model.{key}={2**62}"]))


@pytest.mark.parametrize(
    "spec", [(1, 10_000, 10_000), (10_000, 2, 2), (1, 10_000, 1), (2, 3, 2**30), (1e9, 2, 2)]
)
@pytest.mark.parametrize("kind", ["LSTMBuilder", "GRUBuilder", "CoupledLSTMBuilder"])
def test_a_spec_that_is_larger_than_its_file(tmp_path, spec, kind):
    pc = dy.ParameterCollection()
    builder = getattr(dy, kind)(1, 2, 2, pc)
    pc.add_parameters(5000)
    builder.param_collection().add_parameters(5000)
    builder.spec = spec
    dy.save(str(tmp_path / "m"), [builder])
    into = dy.ParameterCollection()
    tracemalloc.start()
    with pytest.raises(ModelFileError, match=r"cannot be made from its spec|has the size"):
        dy.load(str(tmp_path / "m"), into)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    assert into.parameters_list() == []


def test_a_header_of_a_size_that_is_not_there(tmp_path):
    size = 10**17
    (tmp_path / "m").write_text(f"#Parameter# /W {{{size}}} {16 * size + 1} ZERO_GRAD\n+1 \n")
    with pytest.raises(ModelFileError, match="a complete line of 1000"):
        dy.ParameterCollection().load_param(str(tmp_path / "m"), "/W")


def special_files(folder: Path) -> dict[str, Path]:
    """Return what is no regular file, by kind."""
    found = {"pipe": folder / "pipe", "device": folder / "device", "folder": folder / "folder"}
    os.mkfifo(found["pipe"])
    found["device"].symlink_to("/dev/zero")
    found["folder"].mkdir()
    return found


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", ["summary.json", "metrics.jsonl", "config.yaml", "meta.json"])
def test_what_is_no_regular_file_is_not_waited_for(shop, tmp_path, name, kind):
    """And it ends nothing: the other runs are listed, this one with the reason."""
    case = shop.fresh(shop.half)
    (case / name).unlink()
    special_files(tmp_path)[kind].rename(case / name)
    found = {status.run.name: status for status in statuses(case.parent)}
    assert found["honest"].problems == ()
    if name != "meta.json" and (name, kind) != ("config.yaml", "folder"):  # that one is no run
        assert "cannot be read: it is " in found["forged"].problems[0]
    for _, read in [*shop.run_readers(), ("resume", shop.resumed)]:
        with contextlib.suppress(
            CharlmError, OSError
        ):  # the command line tells an OSError as its own
            read()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_checkpoint_that_is_no_regular_file(shop, tmp_path, kind):
    case = shop.fresh(shop.half)
    for name in ("last.safetensors", "best.safetensors"):
        (case / name).unlink()
    special_files(tmp_path)[kind].rename(case / "last.safetensors")
    with pytest.raises(CheckpointError, match=r"last\.safetensors: not a regular file"):
        charlm.load_model(case)


def test_a_huge_sparse_file(shop):
    case = shop.fresh(shop.half)
    for name in ("last.safetensors", "best.safetensors", "summary.json", "metrics.jsonl"):
        os.truncate(case / name, 1 << 40)
    (status,) = (s for s in statuses(case.parent) if s.run == case)
    assert all("too large for such a file" in problem for problem in status.problems)
    with pytest.raises(CheckpointError, match="1,099,511,627,776 bytes, but its header says"):
        charlm.load_model(case)


def test_a_broken_line_of_the_metrics_is_left_out(shop):
    case = shop.fresh(shop.half)
    lines = (case / "metrics.jsonl").read_text().splitlines()
    lines[1:1] = [
        '{"step": 1',
        "[" * 10**5,
        '{"step": NaN, "seconds": 1}',
        '{"step": 2, "step": 2}',
    ]
    (case / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    rows, problems = RunDirectory(case).read_metrics()
    assert len(rows) == len(lines) - 4
    assert [problem.split(": ")[0].split("/")[-1] for problem in problems] == [
        f"metrics.jsonl:{line}" for line in (2, 3, 4, 5)
    ]
    assert shop.said("runs", str(case.parent)).count("finished") == 2


@pytest.mark.parametrize("missing", ["best_step", "best_nll"])
def test_half_of_a_best_score_is_none(shop, missing):
    case = shop.fresh(shop.half)
    written = json.loads((case / "summary.json").read_text())
    whole = {**written, "best_step": 4, "best_nll": 1.5}
    del whole[missing]
    (case / "summary.json").write_text(json.dumps(whole))
    found, problems = RunDirectory(case).read_summary()
    assert found is None
    assert f"summary.json: {missing} is missing" in problems[0]
    assert shop.said("runs", str(case.parent))


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('name: "\\UFFFFFFFF"', r"1:8: not valid YAML: \\UFFFFFFFF is not a character"),
        ('name: "\\U00110000"', r"1:8: not valid YAML: \\U00110000 is not a character"),
        ("model: {hidden_dim: [" + "9, " * 100_000 + "]}", "more than 20,000 values"),
        ("[" * 5000, "nested too deeply"),
        ("name: &a [*a]", "aliases"),
        ("model: {layers: 4611686018427387904}", "at most 1000"),
        ("train: {max_time: " + "9" * 400 + "}", "max_time"),
    ],
)
def test_a_config_that_is_none(tmp_path, written, says):
    (tmp_path / "c.yaml").write_text(written)
    with pytest.raises(ConfigError, match=says):
        load_config(str(tmp_path / "c.yaml"))


def test_what_the_system_refuses_is_told_with_the_path_as_it_is_seen(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "x" * 300
    for command in (["info", name], ["sample", name], ["train", "--resume", name], ["runs", name]):
        with pytest.raises(SystemExit):
            main(command)
        assert capsys.readouterr().err == (
            f"charlm: {name}: cannot be read: the name is too long; give a shorter one\n"
        )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_folder_that_may_not_be_read(shop):
    case = shop.fresh(shop.half)
    case.chmod(0)
    try:
        found = {status.run.name: status for status in statuses(case.parent)}
    finally:
        case.chmod(0o755)
    assert (found["forged"].state, found["honest"].state) == ("unreadable", "finished")


def test_which_checkpoint(shop):
    for word in ("bad", "", 3, True):
        with pytest.raises(CheckpointError, match="checkpoint is 'last' or 'best'"):
            charlm.load_model(shop.half, checkpoint=word)
    assert charlm.load_model(shop.half, checkpoint="last").vocab


@pytest.mark.parametrize("wrong", [None, 3, b"x", ["x"], {}, "a\0b"])
def test_arguments_of_another_type(wrong):
    pc = dy.ParameterCollection()
    for call in (
        lambda: charlm.load_model(wrong),
        lambda: charlm.load_comparison_config(wrong),
        lambda: charlm.Comparison(wrong),
        lambda: charlm.Training(wrong),
        lambda: load_config(texts=wrong) if wrong != ["x"] else charlm.load_model(wrong),
        lambda: load_config(texts=[wrong]),
        lambda: dy.load(wrong, pc),
        lambda: dy.save(wrong, []),
        lambda: pc.populate(wrong),
        lambda: pc.save(wrong),
        lambda: pc.load_param(wrong, "/W"),
        lambda: dy.FromFileInitializer(wrong),
    ):
        if wrong == b"x" and "FromFile" in call.__code__.co_names[-1]:
            continue
        with pytest.raises(ArgumentError, match=r"expected|a path is|no path holds|config"):
            call()


def test_no_pickle_is_executed(tmp_path):
    """Not where a checkpoint, a run's file or a config is one either."""

    class Touches:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    run = RunDirectory.create_named(tmp_path / "run")
    list(Training(load_config(overrides=["train.steps=1"]), run).events())
    for name in ("last.safetensors", "config.yaml", "summary.json", "metrics.jsonl"):
        (run.path / name).write_bytes(pickle.dumps(Touches()))
    with pytest.raises(CharlmError):
        charlm.load_model(run.path)
    list(statuses(tmp_path))
    assert not (tmp_path / "executed").exists()


def test_weights_that_are_no_finite_floats(tmp_path):
    run = RunDirectory.create_named(tmp_path / "run")
    list(Training(load_config(overrides=["train.steps=1"]), run).events())
    found = load_checkpoint(run.path)
    for array, says in (
        (np.full_like(found.tensors["softmax.b"], np.nan), "not finite"),
        (found.tensors["softmax.b"].astype(int), "floats are needed"),
        (found.tensors["softmax.b"].astype(float) + 1e300, "not finite"),
        (found.tensors["softmax.b"][1:], "has shape"),
    ):
        tensors = {**found.tensors, "softmax.b": array}
        save_checkpoint(run.checkpoint, Checkpoint(tensors, found.config, found.vocab, found.state))
        with pytest.raises(CheckpointError, match=says):
            charlm.load_model(run.path)
        with pytest.raises(CheckpointError, match=says):
            Training(load_config(), init_from=load_checkpoint(run.path))
