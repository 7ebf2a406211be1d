"""The checkpoint file: what goes in comes out, equal content is equal bytes, damage is noticed."""

from __future__ import annotations

import base64
import json
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save as pack_tensors

from charlm.errors import ArgumentError, CheckpointError
from charlm.runs import checkpoint as checkpoint_module
from charlm.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

ROOT = Path(__file__).parents[2]
DTYPES = ["f2", "<f4", ">f4", "<f8", ">f8", "i1", "u1", "<i4", ">i4", "<i8", "u8", "?"]

# Chosen so that a changed byte may leave the meaning of the JSON alone: an escape, an exponent.
SMALL = Checkpoint(
    tensors={"a\x1f": np.array([1.5, np.nan], np.float32), "é": np.zeros((2, 0)), "n": np.array(7)},
    config={"model": {"cell": "rnn", "hidden_dim": [50]}},
    vocab=["a", "é", "\n", "\ud800"],
    state={"step": 3, "loss": 1e-05, "best": math.inf, "rng": 2**100},
)

# What the first release wrote for SMALL.
OF_VERSION_1 = base64.b64decode(
    "IAIAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJjaGFybG0iOiJ7XCJjb25maWdcIjp7XCJtb2RlbFwiOntcImNlbGxcIj"
    "pcInJublwiLFwiaGlkZGVuX2RpbVwiOls1MF19fSxcImZvcm1hdFwiOlwiY2hhcmxtLWNoZWNrcG9pbnRcIixcImZv"
    "cm1hdF92ZXJzaW9uXCI6MSxcInNoYTI1NlwiOlwiYjQwNzA5MDBlM2NhMzZmOTU0NTBlZTcxOGZhMjQzNzRiZjQ1ZT"
    "U4MjhjZjliZjcxNzEwOGE5MWI3ZjA0NTU0ZlwiLFwic3RhdGVcIjp7XCJiZXN0XCI6SW5maW5pdHksXCJsb3NzXCI6"
    "MWUtMDUsXCJybmdcIjoxMjY3NjUwNjAwMjI4MjI5NDAxNDk2NzAzMjA1Mzc2LFwic3RlcFwiOjN9LFwidm9jYWJcIj"
    "pbXCJhXCIsXCJcXHUwMGU5XCIsXCJcXG5cIixcIlxcdWQ4MDBcIl19In0sIm4iOnsiZHR5cGUiOiJJNjQiLCJzaGFw"
    "ZSI6W10sImRhdGFfb2Zmc2V0cyI6WzAsOF19LCLDqSI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMiwwXSwiZGF0YV"
    "9vZmZzZXRzIjpbOCw4XX0sImFcdTAwMWYiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMi"
    "Ols4LDE2XX19ICAgBwAAAAAAAAAAAMA/AADAfw=="
)


def any_tensor() -> st.SearchStrategy[np.ndarray[Any, Any]]:
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    return st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes))


def any_json() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | any_text()
    return st.recursive(
        leaves, lambda x: st.lists(x) | st.dictionaries(any_text(), x), max_leaves=8
    )


def any_text() -> st.SearchStrategy[str]:
    return st.text(st.characters())  # half surrogate pairs included


def assert_same_tensor(given: np.ndarray[Any, Any], loaded: np.ndarray[Any, Any]) -> None:
    assert loaded.dtype == given.dtype.newbyteorder("=")
    assert loaded.shape == given.shape
    assert loaded.tobytes() == given.astype(loaded.dtype).tobytes()
    assert loaded.flags.writeable
    assert loaded.flags.owndata


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def saved(path: Path, checkpoint: Checkpoint = SMALL) -> bytes:
    save_checkpoint(path, checkpoint)
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@given(tensors=st.dictionaries(st.text(max_size=8), any_tensor(), min_size=1, max_size=4))
def test_tensors_come_back_bit_for_bit(
    folder: Path, tensors: dict[str, np.ndarray[Any, Any]]
) -> None:
    save_checkpoint(folder / "x", Checkpoint(tensors, {}, [], {}))
    loaded = load_checkpoint(folder / "x").tensors
    assert list(loaded) == sorted(tensors)
    for name, tensor in tensors.items():
        assert_same_tensor(tensor, loaded[name])


def test_views_are_stored_as_what_they_show(tmp_path: Path) -> None:
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    views = {"columns": whole[:, ::2], "transposed": whole.T, "backwards": whole[::-1]}
    save_checkpoint(tmp_path / "x", Checkpoint(views, {}, [], {}))
    for name, loaded in load_checkpoint(tmp_path / "x").tensors.items():
        assert_same_tensor(views[name], loaded)


@given(
    config=st.dictionaries(any_text(), any_json()),
    vocab=st.lists(any_text()),
    state=st.dictionaries(any_text(), any_json()),
)
def test_config_vocab_and_state_come_back_exactly(
    folder: Path, config: dict[str, Any], vocab: list[str], state: dict[str, Any]
) -> None:
    save_checkpoint(folder / "x", Checkpoint(SMALL.tensors, config, vocab, state))
    loaded = load_checkpoint(folder / "x")

    def spelled(value: object) -> str:
        return json.dumps(value, sort_keys=True)  # tells -0.0 from 0.0, and NaN equals NaN

    assert spelled(loaded.config) == spelled(config)
    assert loaded.vocab == vocab
    assert spelled(loaded.state) == spelled(state)


def test_equal_content_is_equal_bytes_in_any_order_and_process(tmp_path: Path) -> None:
    program = """
import sys, numpy as np
from charlm.runs.checkpoint import Checkpoint, save_checkpoint
names = [f"w{i}" for i in range(20)]
if sys.argv[2] == "backwards":
    names.reverse()
tensors = {name: np.full(3, int(name[1:]), np.float32) for name in names}
fields = {name: {name: 0.1, "x": set("x").pop()} for name in names}
save_checkpoint(sys.argv[1], Checkpoint(tensors, fields, list("abc"), fields))
"""
    contents = set()
    for seed, order in [("0", "forwards"), ("1", "backwards"), ("2", "forwards")]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        path = tmp_path / f"{seed}.safetensors"
        subprocess.run([sys.executable, "-c", program, path, order], env=environment, check=True)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_a_checkpoint_of_version_1_loads_for_ever(tmp_path: Path) -> None:
    loaded = load_checkpoint(write(tmp_path / "x", OF_VERSION_1))
    for name, tensor in SMALL.tensors.items():
        assert_same_tensor(tensor, loaded.tensors[name])
    assert (loaded.config, loaded.vocab) == (SMALL.config, SMALL.vocab)
    assert loaded.state == SMALL.state


def test_a_run_directory_stands_for_its_last_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "last.safetensors", SMALL)
    assert load_checkpoint(str(tmp_path)).state == SMALL.state


def test_every_changed_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    content = saved(path)
    for offset in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[offset] ^= 1 << bit
            path.write_bytes(changed)
            with pytest.raises(CheckpointError):
                load_checkpoint(path)


def test_padding_of_another_sort_is_noticed(tmp_path: Path) -> None:
    content = saved(tmp_path / "x")
    start = 8 + int.from_bytes(content[:8], "little")
    assert content[start - 1 : start] == b" "
    for blank in (b"\n", b"\t", b"\r"):
        path = write(tmp_path / "x", content[: start - 1] + blank + content[start:])
        with pytest.raises(CheckpointError, match="header is not as it was written"):
            load_checkpoint(path)


def test_every_other_length_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    content = saved(path)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            load_checkpoint(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_damage_is_reported_with_path_reason_and_remedy(tmp_path: Path) -> None:
    content = saved(tmp_path / "x")
    path = write(tmp_path / "x", content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CheckpointError) as raised:
        load_checkpoint(path)
    assert str(raised.value) == (
        f"{path}: the checkpoint is damaged: its content does not fit its checksum; "
        "use a copy from before the damage, or train again"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"the quick brown fox",
        pickle.dumps({"weights": [1.0]}),
        pack_tensors({"w": np.zeros(3)}),
        pack_tensors({"w": np.zeros(3)}, {"charlm": "null"}),
        pack_tensors({"w": np.zeros(3)}, {"charlm": '{"format":"something else"}'}),
    ],
    ids=["text", "pickle", "safetensors", "entry without content", "another format"],
)
def test_what_charlm_did_not_write_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"not a charlm checkpoint: .*give a run directory"):
        load_checkpoint(write(tmp_path / "x", content))


def header_only(header: str) -> bytes:
    return len(header).to_bytes(8, "little") + header.encode()


def nested(depth: int) -> bytes:
    return pack_tensors({}, {"charlm": "[" * depth + "]" * depth})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 7 + b"\x7f{}",
        header_only('{"w":{"dtype":"BF16","shape":[0],"data_offsets":[0,0]}}'),
        header_only('{"w":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[0,0]}}'),
        header_only('{"__metadata__":{"charlm":"{"}}'),
        nested(depth=10**6),
    ],
    ids=["empty", "header of 2^63 bytes", "dtype", "shape", "no JSON", "deep"],
)
def test_a_hostile_header_is_damage_like_any_other(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CheckpointError, match="the checkpoint is damaged"):
        load_checkpoint(write(tmp_path / "x", content))


def test_a_header_without_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not name the format"):
        load_checkpoint(write(tmp_path / "x", header_only('{"__metadata__":null}')))


def test_contents_of_the_wrong_type_are_refused_even_with_their_checksum(tmp_path: Path) -> None:
    wrong: Any = [1, 2]
    save_checkpoint(tmp_path / "x", Checkpoint(SMALL.tensors, {}, wrong, {}))
    with pytest.raises(CheckpointError, match="vocab is of the wrong type"):
        load_checkpoint(tmp_path / "x")


def test_a_second_metadata_entry_is_noticed(tmp_path: Path) -> None:
    content = saved(tmp_path / "x")
    longer = content.replace(b'}"},"', b'}","more":"x"},"', 1)[8:]
    length = int.from_bytes(content[:8], "little") + len(longer) - len(content[8:])
    path = write(tmp_path / "x", length.to_bytes(8, "little") + longer)
    with pytest.raises(CheckpointError, match="header is not as it was written"):
        load_checkpoint(path)


def test_a_newer_format_asks_for_a_newer_charlm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_module, "FORMAT_VERSION", 3)
    save_checkpoint(tmp_path / "x", SMALL)
    monkeypatch.undo()
    with pytest.raises(
        CheckpointError, match=r"version 3, from a newer charlm.*install a newer charlm"
    ):
        load_checkpoint(tmp_path / "x")


def test_a_file_larger_than_memory_is_an_error_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "x"
    size = 1 << 40
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    path.write_bytes(header_only(json.dumps({"w": tensor})))
    os.truncate(path, path.stat().st_size + size)
    program = f"""
import resource
from charlm.errors import CheckpointError
from charlm.runs.checkpoint import load_checkpoint
resource.setrlimit(resource.RLIMIT_AS, (1 << 34, resource.RLIM_INFINITY))
try:
    load_checkpoint({str(path)!r})
except CheckpointError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"{path}: cannot be read: it does not fit in memory" in done.stdout


@pytest.mark.parametrize(
    ("tensor", "name", "state", "complaint"),
    [
        (np.array([object()]), "w", {}, "a tensor of object named 'w'"),
        (np.zeros(1, np.complex64), "w", {}, "a tensor of complex64 named 'w'"),
        (np.zeros(1), "__metadata__", {}, "named '__metadata__'"),
        (np.zeros(1), "w", {"path": Path("x")}, "not JSON serializable"),
    ],
)
def test_what_has_no_place_in_a_checkpoint_is_refused_and_the_file_kept(
    tmp_path: Path, tensor: np.ndarray[Any, Any], name: str, state: dict[str, Any], complaint: str
) -> None:
    before = saved(tmp_path / "x")
    with pytest.raises(ArgumentError, match=complaint):
        save_checkpoint(tmp_path / "x", Checkpoint({name: tensor}, {}, [], state))
    assert (tmp_path / "x").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


class TestMissing:
    @pytest.fixture(autouse=True)
    def _inside(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def make(self, *runs: str) -> None:
        for run in runs:
            Path("runs", run).mkdir(parents=True)
            save_checkpoint(Path("runs", run, "last.safetensors"), SMALL)

    def complaint(self, path: str) -> str:
        with pytest.raises(CheckpointError) as raised:
            load_checkpoint(path)
        return str(raised.value)

    def test_without_any_run(self) -> None:
        assert self.complaint("a/b") == (
            "a/b: no such run or checkpoint; `charlm train` makes a run"
        )

    def test_with_a_run_of_a_similar_name(self) -> None:
        self.make("lstm", "srnn-2")
        assert self.complaint("runs/srnn-3").endswith("; did you mean runs/srnn-2?")

    def test_with_the_folder_left_out(self) -> None:
        self.make("lstm", "srnn")
        assert self.complaint("srnn").endswith("; did you mean runs/srnn?")

    def test_with_other_runs(self) -> None:
        self.make("srnn", "lstm")
        assert self.complaint("novel").endswith("; runs that exist: runs/lstm, runs/srnn")

    def test_with_many_other_runs(self) -> None:
        self.make(*"abcdefg")
        expected = "; runs that exist: runs/a, runs/b, runs/c, runs/d, runs/e, ..."
        assert self.complaint("novel").endswith(expected)

    def test_a_folder_without_a_checkpoint(self) -> None:
        Path("empty").mkdir()
        assert self.complaint("empty").startswith("empty: no checkpoint (last.safetensors) in this")

    def test_a_path_below_a_file(self) -> None:
        Path("file").write_text("text")
        assert self.complaint("file/x").startswith("file/x: no such run or checkpoint")

    def test_what_is_no_file_is_not_opened(self) -> None:
        os.mkfifo("pipe")
        assert self.complaint("pipe").startswith("pipe: not a regular file")
