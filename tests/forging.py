"""A forger of every file that charlm reads back: seeded, in this process, each file read as the commands read it.

A forged file is refused with one of charlm's errors, or read as what it says. What else can happen is counted: another
exception, more than ten seconds, more than twice the memory of the honest file, a result that is silently
wrong. ``python -m tests.forging 5000`` forges as many files over all formats, and says what came of them.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import math
import os
import pickle
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import charlm
import charlm.dynet as dy
from charlm.cli import cli
from charlm.compression.compressor import Compressor
from charlm.compression.container import Container
from charlm.config import load_config
from charlm.config.schema import DataConfig
from charlm.dynet import files as dynet_files
from charlm.dynet import plain_pickle
from charlm.errors import CharlmError
from charlm.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text import encoding
from charlm.text.reading import Files
from charlm.text.sources import sources_of
from charlm.training.loop import Training

SECONDS, BLOCKED = 10, 600
"""The most that reading may compute; and the time after which it is taken for blocked, on a busy machine too."""
SLACK = 4 << 20
"""Bytes beyond twice an honest file's: what is imported and kept at a first use, and messages."""
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 12
SETTINGS = [
    "data.alphabet=null",
    "data.framing=stream",
    "data.batch_size=3",
    "data.seq_length=8",
    "data.val_frac=0.2",
    "model.cell=lstm",
    "model.embed_dim=5",
    "model.hidden_dim=[6, 4]",
    "model.layers=2",
    "train.trainer=adam",
    "train.learning_rate=0.01",
    "train.average=0.9",
    "train.steps=6",
    "train.eval_every=3",
    "train.log_every=2",
    "train.sample_every=0",
    "train.kernels=numpy",
    "train.threads=1",
]
DEEP: Any = []
for _ in range(400):
    DEEP = [DEEP]
ODD = [
    *(None, True, False, -1, 0, 1, 2**31, 2**62, 2**63, 2**64, 2**130, 10**400, -(2**62)),
    *(0.5, -0.0, 1e300, math.nan, math.inf, -math.inf),
    *("", "x", "1", "\ud800", "\0", "../../x", "x" * 10_000, [], {}, [1] * 1000, {"a": 1}, DEEP),
]
YAML_PARTS = [
    *("&a ", "*a", "!!int ", "!x ", "<<: ", "---\n", "%YAML 1.1\n", "? ", "- ", "[", "]", "{", "}"),
    *('"\\UFFFFFFFF"', '"\\U00110000"', '"\\uD800"', "\t", "\0", "\ufeff", "\x85", "#", "9" * 500),
    *("1e999", ".nan", "-.inf", "2001-13-45", "!!binary x", "!!python/object/apply:os.system [ls]"),
    *("[" * 3000, "- " * 3000, "a: " * 2000, "x, " * 30_000, "4611686018427387904", "~", "'", '"'),
]


class HangError(BaseException):
    """Reading took too long."""


@dataclass
class Tally:
    """What came of the forged files."""

    forged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass
class Forged:
    """A forged file in its place.

    Attributes:
        what: says how it was forged.
        readers: read it, each a name and a function whose result can be compared.
        exact: what is read must be what the honest file says: nothing in it may mean something else.
    """

    what: str
    readers: list[tuple[str, Callable[[], Any]]]
    exact: bool


class Workshop:
    """Honest files of every format in a folder, and what is read from them; the cache is its ``cache``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.honest: dict[str, list[tuple[Any, int]]] = {}
        (folder / "a.txt").write_text(TEXT)
        self.config = load_config("srnn", texts=[str(folder / "a.txt")], overrides=SETTINGS)
        self.run = folder / "runs/honest"
        list(Training(self.config, RunDirectory.create_named(self.run)).events())
        # a place in the middle, from which the end is two steps away
        half = attrs.evolve(self.config, train=attrs.evolve(self.config.train, steps=4))
        self.half = folder / "half"
        list(Training(half, RunDirectory.create_named(self.half)).events())
        self.case = folder / "runs/forged"

    def fresh(self, of: Path) -> Path:
        """Copy an honest run to where a forged one goes."""
        shutil.rmtree(self.case, ignore_errors=True)
        shutil.copytree(of, self.case)
        return self.case

    # ---- how the files are read

    def resumed(self) -> Any:
        """Go on from the forged run's last checkpoint to the end, and return the weights there."""
        config = load_config(
            str(self.case / "config.yaml"), overrides=["train.steps=6", "train.threads=1"]
        )
        last = load_checkpoint(self.case, "last")
        training = Training(config, RunDirectory(self.case), resume=last)
        list(training.events())
        return {name: array.tobytes() for name, array in training.model.arrays().items()}

    def sampled(self, which: str) -> Any:
        """Draw a text from the forged run."""
        return charlm.load_model(self.case, which).sample(12, seed=1)

    def started(self) -> Any:
        """Start another run from the forged one's weights."""
        training = Training(self.config, init_from=load_checkpoint(self.case, "last"))
        return {name: array.tobytes() for name, array in training.model.arrays().items()}

    def said(self, *arguments: str) -> Any:
        """Call a command, and return what it prints as results, without times."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main(
                ["-q", "--threads", "1", *arguments], prog_name="charlm", standalone_mode=False
            )
        return re.sub(
            r'"age": [^,}]*|[\d.]+ \S+ ago|"files": {[^}]*}|files: .*|"seconds": [\d.]+|seconds: .*',
            "",
            out.getvalue(),
        )

    def run_readers(self) -> list[tuple[str, Callable[[], Any]]]:
        """Return the commands that read a run's files."""
        runs, case = str(self.case.parent), str(self.case)
        return [
            ("runs", lambda: self.said("runs", runs)),
            ("runs --json", lambda: self.said("runs", runs, "--json")),
            ("runs --follow", lambda: self.said("runs", "--follow", case)),
            ("info --json", lambda: self.said("info", case, "--json")),
            ("info", lambda: self.said("info", case)),
        ]

    # ---- the formats

    def checkpoint(self, rng: random.Random) -> Forged:
        """A checkpoint of which something is another, under the right checksum."""
        case = self.fresh(self.half)
        name = rng.choice(["last", "last", "last", "best"])
        file = case / f"{name}.safetensors"
        found = load_checkpoint(file)
        parts = {"config": found.config, "state": found.state, "vocab": found.vocab}
        tensors = dict(found.tensors)
        if rng.random() < 0.35:
            what, exact = _forge_tensors(tensors, rng)
        else:
            section = rng.choice(["config", "state", "state", "state", "vocab"])
            parts[section], what, exact = forged_json(parts[section], rng)
            # in a config of an older charlm a key is missing, and has its default
            exact = exact and not (section == "config" and what.endswith("gone"))
            what = f"{section} {what}"
        try:
            save_checkpoint(file, Checkpoint(tensors, **parts))
        except (CharlmError, RecursionError):
            return self.checkpoint(rng)
        used = [
            ("sample", lambda: self.sampled(name)),
            ("eval", lambda: self.said("eval", str(file), "--json")),
            ("info --json", lambda: self.said("info", str(case), "--json")),
        ]
        if name == "last":
            used += [("resume", self.resumed), ("init-from", self.started)]
        return Forged(
            f"{name}: {what}", [rng.choice(used), used[-1 if name == "best" else -2]], exact
        )

    def damaged(self, rng: random.Random) -> Forged:
        """A file of a run with bytes that are changed, cut off or put in."""
        case = self.fresh(self.half)
        file = case / rng.choice(sorted(f.name for f in case.iterdir() if f.is_file()))
        file.write_bytes(forged_bytes(file.read_bytes(), rng))
        readers = [
            *self.run_readers(),
            ("resume", self.resumed),
            ("sample", lambda: self.sampled("last")),
        ]
        return Forged(f"bytes of {file.name}", rng.sample(readers, 2), False)

    def record(self, rng: random.Random) -> Forged:
        """A run's meta, summary, baselines or metrics with other values."""
        case = self.fresh(rng.choice([self.half, self.run]))
        name = rng.choice(["meta.json", "summary.json", "baselines.json", "metrics.jsonl"])
        file = case / name
        if not file.exists():
            file.write_text("{}")
        lines = file.read_text().splitlines() if name == "metrics.jsonl" else [file.read_text()]
        at = rng.randrange(len(lines))
        value, what, _ = forged_json(json.loads(lines[at]), rng)
        lines[at] = json.dumps(value)
        if rng.random() < 0.1:
            lines[at] = rng.choice(["[" * 100_000, '{"a": 1, "a": 2}', "NaN", "9" * 5000, "\udcff"])
            what = lines[at][:20]
        text = "\n".join(lines) + "\n"
        file.write_bytes(text.encode(errors="surrogateescape"))
        readers = [*self.run_readers(), ("resume", self.resumed)]
        return Forged(f"{name}: {what}", rng.sample(readers, 2), False)

    def yaml(self, rng: random.Random) -> Forged:
        """A config.yaml with other values, or what is no plain YAML."""
        file = self.fresh(self.half) / "config.yaml"
        text = file.read_text()
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text) + 1)
            if rng.random() < 0.4:
                line = rng.choice([*re.finditer(r": (\S+) +#", text)])
                value = json.dumps(rng.choice(ODD[:-1]))
                text = text[: line.start(1)] + value + text[line.end(1) :]
            else:
                cut = rng.choice([0, 0, 5, 40])
                text = text[:at] + rng.choice(YAML_PARTS) + text[at + cut :]
        file.write_bytes(text.encode(errors="surrogatepass"))
        readers = [("resume", self.resumed), self.run_readers()[0], self.run_readers()[3]]
        return Forged(f"config.yaml {text[:0]}", [readers[0], rng.choice(readers[1:])], False)

    def cached(self, rng: random.Random) -> Forged:
        """Cached ids, or their description; some under the right digest."""
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        self.encoded()
        (ids,) = (self.folder / "cache/charlm/texts").glob("*.ids")
        about = ids.with_suffix(".json")
        exact = True
        if rng.random() < 0.3:
            file = rng.choice([ids, about])
            file.write_bytes(forged_bytes(file.read_bytes(), rng))
            what = f"bytes of {file.suffix}"
        else:
            value, what, exact = forged_json(json.loads(about.read_text()), rng)
            if not isinstance(value, dict) or rng.random() < 0.5:
                exact = True  # the digest tells
            else:
                known = [value.get("dtype"), value.get("count"), value.get("about")]
                digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
                digest.update(ids.read_bytes())
                value["sha256"] = digest.hexdigest()
                what += ", right digest"
            about.write_text(json.dumps(value))
        return Forged(f"cache: {what}", [("encode", self.encoded)], exact)

    def encoded(self) -> Any:
        """Encode the text, from the cache if it has it."""
        small, encoding.SMALL = encoding.SMALL, 0
        try:
            files = Files(sources_of([self.folder / "a.txt"]))
            found = encoding.encode(files, DataConfig(alphabet=None, framing="stream"))
        finally:
            encoding.SMALL = small
        return found.vocab, found.ids.tolist(), found.counts, found.facts

    def compressed(self, rng: random.Random) -> Forged:
        """A compressed file with other bytes, or with other fields under the right CRC."""
        honest = Compressor(charlm.load_model(self.run)).compress(TEXT.encode()).data
        fields = dict(vars(Container.unpack(honest, "the honest file")))
        what = rng.choice(["bytes", *fields])
        if what == "bytes":
            data = forged_bytes(honest, rng)
        else:
            fields[what] = {
                "count": rng.randrange(2**40),
                "spelling": rng.randrange(256),
                "model": rng.randbytes(6),
                "original": rng.randbytes(4),
                "payload": forged_bytes(fields["payload"], rng),
            }[what]
            data = Container(**fields).pack()
        (self.folder / "a.clm").write_bytes(data)
        return Forged(what, [("decompress", self.decompressed)], True)

    def decompressed(self) -> Any:
        """Bring the compressed file back."""
        return Compressor(charlm.load_model(self.run)).decompress(
            (self.folder / "a.clm").read_bytes()
        )

    def dynet_pair(self, rng: random.Random) -> Forged:
        """DyNet's pair of files of a builder, with another spec, other opcodes, other numbers."""
        base = self.folder / "pair"
        kind = rng.choice(BUILDERS)
        dy.save(str(base), _objects(kind))
        meta, data = Path(f"{base}.meta"), Path(f"{base}.data")
        exact = False
        chance = rng.random()
        if chance < 0.4:
            spec, what, _ = forged_json([list(_spec(kind))], rng)
            spec = spec[0] if isinstance(spec, list) and spec else spec
            classes = {"LSTMBuilder": dy.LSTMBuilder}
            spec = (
                [classes.get(part, part) if isinstance(part, str) else part for part in spec]
                if isinstance(spec, list)
                else spec
            )
            if isinstance(spec, list) and rng.random() < 0.5 and spec:
                spec[rng.randrange(len(spec))] = rng.choice(
                    [2, 3, 50, 5000, 20_000, 2**31 - 1, 1e9, 4.0, "7"]
                )
            name = _objects(kind)[0].param_collection().name()
            cls = type(_objects(kind)[0])
            module = "_dynet"
            entry = (
                pickle.PROTO
                + b"\x04"
                + pickle.MARK
                + _op(module)
                + _op(cls.__name__)
                + pickle.STACK_GLOBAL
                + _op(spec)
                + _op(name)
                + pickle.TUPLE
                + pickle.STOP
            )
            meta.write_bytes(entry)
        elif chance < 0.6:
            what = "bytes of meta"
            meta.write_bytes(forged_bytes(meta.read_bytes(), rng))
        else:
            what = _forge_model(data, rng)
        return Forged(f"{kind}: {what}", [("dy.load", lambda: _loaded(base))], exact)

    def dynet_text(self, rng: random.Random) -> Forged:
        """A model file of DyNet's, read into a collection."""
        path = self.folder / "model"
        _objects("LSTMBuilder", keep := dy.ParameterCollection())
        keep.save(str(path))
        what = _forge_model(path, rng)

        def populated() -> Any:
            _objects("LSTMBuilder", pc := dy.ParameterCollection())
            pc.populate(str(path))
            return _checked_numbers(pc, path)

        return Forged(f"populate: {what}", [("populate", populated)], False)


FORMATS = [
    *("checkpoint", "damaged", "record", "yaml", "cached", "compressed"),
    *("dynet_pair", "dynet_text"),
]
BUILDERS = [
    "SimpleRNNBuilder",
    "GRUBuilder",
    "LSTMBuilder",
    "CompactVanillaLSTMBuilder",
    "CoupledLSTMBuilder",
    "FastLSTMBuilder",
    "SparseLSTMBuilder",
    "BiRNNBuilder",
]


def _objects(kind: str, pc: Any = None) -> list[Any]:
    pc = dy.ParameterCollection() if pc is None else pc
    make = getattr(dy, kind)
    builder = make(2, 3, 4, pc, dy.LSTMBuilder) if kind == "BiRNNBuilder" else make(2, 3, 4, pc)
    return [builder, pc.add_lookup_parameters((5, 3)), pc.add_parameters((5, 4))]


def _spec(kind: str) -> list[Any]:
    return [getattr(part, "__name__", part) for part in _objects(kind)[0].spec]


def _op(value: Any) -> bytes:
    """Return opcodes that make any value, those that a spec may not have too."""
    if isinstance(value, list):
        return pickle.MARK + b"".join(map(_op, value)) + pickle.TUPLE
    try:
        return plain_pickle.dumps(value, dynet_files._module)[2:-1]
    except CharlmError:
        return pickle.dumps(value, 2)[2:-1]


def _loaded(base: Path) -> Any:
    pc = dy.ParameterCollection()
    dy.load(str(base), pc)
    return _checked_numbers(pc, Path(f"{base}.data"))


def _checked_numbers(pc: Any, path: Path) -> Any:
    """Return nothing if every number that was read stands in the file, else what does not."""
    lines = path.read_bytes().decode(errors="replace").split("\n")
    there = {
        tuple(np.array(line.split(), np.float32).tolist()) for line in lines if line[:1] != "#"
    }
    arrays = [(p.name(), p.as_array().T) for p in pc.parameters_list()]
    arrays += [(p.name(), p.as_array()) for p in pc.lookup_parameters_list()]
    for name, array in arrays:
        numbers = tuple(np.ravel(array).astype(np.float32).tolist())
        first = set(numbers) in ({0.0}, {1.0})  # of a layer norm, which dy.save leaves out
        if numbers not in there and not first and not any(map(math.isnan, numbers)):
            return f"{name} has numbers that are not in the file"
    return None


def _forge_model(path: Path, rng: random.Random) -> str:
    """Change a model file: a header, a number, or bytes."""
    lines = path.read_text().split("\n")
    heads = [at for at, line in enumerate(lines) if line.startswith("#")]
    how = rng.choice(["dims", "count", "header", "numbers", "bytes", "swap", "long"])
    at = rng.choice(heads)
    if how == "dims":
        dims = rng.choice(
            ["{1}", "{20000,20000}", "{4611686018427387904}", "{0}", "{-1}", "{2,2}", "{}"]
        )
        count = 16 * math.prod(map(int, re.findall(r"-?\d+", dims))) + 1
        lines[at] = re.sub(r"\{.*", f"{dims} {count} ZERO_GRAD", lines[at])
    elif how == "count":
        lines[at] = re.sub(
            r"\d+ (ZERO)", rng.choice(["0", "1" * 90, "17", "-1"]) + r" \1", lines[at]
        )
    elif how == "header":
        lines[at] = rng.choice(
            ["", "#", "#Parameter#", "x" * 10_000, lines[at] + " ", lines[at].lower()]
        )
    elif how == "numbers":
        new = rng.choice(
            ["nan", "inf", "1e99", "0x1", "1_0", "", "+", "1e5 2", "\u0661", "9" * 5000]
        )
        tokens = lines[at + 1].split()
        tokens[rng.randrange(len(tokens))] = new
        lines[at + 1] = " ".join(tokens) + " "
    elif how == "swap":
        other = rng.choice(heads)
        lines[at], lines[other] = lines[other], lines[at]
    elif how == "long":
        lines.insert(at, "9" * 3_000_000)
    path.write_text("\n".join(lines))
    if how == "bytes":
        path.write_bytes(forged_bytes(path.read_bytes(), rng))
    return how


def _forge_tensors(tensors: dict[str, Any], rng: random.Random) -> tuple[str, bool]:
    name = rng.choice(sorted(tensors))
    array = tensors[name]
    how = rng.choice(["type", "shape", "nan", "inf", "gone", "more", "empty", "swap"])
    if how == "type":
        tensors[name] = array.astype(rng.choice(["i4", "?", "u1", "i8"]))
    elif how == "shape":
        tensors[name] = rng.choice(
            [array.reshape(-1, 1), array[:-1], array[None], array.ravel()[:1]]
        )
    elif how in ("nan", "inf"):
        tensors[name] = np.full_like(array, math.nan if how == "nan" else math.inf)
    elif how == "gone":
        del tensors[name]
    elif how == "more":
        other = rng.choice(
            ["x", "trainer.x", "carried.0.9", "carried.7.0", "trained.x", "rnn.9.Wx"]
        )
        tensors[other] = array
    elif how == "empty":
        tensors[name] = np.zeros((0, 2**40), np.float32)
    else:
        other = rng.choice([n for n in sorted(tensors) if tensors[n].shape != array.shape])
        tensors[name], tensors[other] = tensors[other], array
    return f"tensor {name} {how}", True


def forged_json(value: Any, rng: random.Random) -> tuple[Any, str, bool]:
    """Return a copy in which one thing is another, what that is, and whether it must not be taken for something else.

    A value of the right kind may be one that another run would have; it cannot be told from that.
    """
    value = copy.deepcopy(value)
    path: list[Any] = []
    parent, here = None, value
    while isinstance(here, (dict, list)) and here and (parent is None or rng.random() < 0.85):
        key = rng.choice(sorted(here) if isinstance(here, dict) else range(len(here)))
        path.append(key)
        parent, here = here, here[key]
    if parent is None:
        return rng.choice(ODD), "all", False
    how = rng.choice(["gone", "odd", "odd", "odd", "extra"])
    key = path[-1]
    if how == "gone":
        del parent[key]
        return value, f"{path} gone", True
    if how == "extra":
        if isinstance(parent, dict):
            parent["extra"] = rng.choice(ODD)
        else:
            parent.append(rng.choice(ODD))
        return value, f"{path} with more beside it", True
    new = rng.choice(ODD)
    parent[key] = new
    same = (
        (type(new) in (int, float) and type(here) in (int, float, type(None)))
        or type(new) is type(here)
        or new is None
    )
    return value, f"{path} = {str(new)[:30]!r}", not same


def forged_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return bytes of which some are changed, cut off or put in."""
    at = rng.randrange(len(data) + 1)
    how = rng.randrange(6)
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if how == 2:
        return data[:at] + rng.randbytes(rng.randint(1, 20)) + data[at:]
    if how == 3:
        return data + data
    if how == 4:
        return rng.choice([b"", b"\0" * 5000, b"[" * 50_000, b"\xff\xfe", b"null", b"{}", b"[]\n"])
    end = rng.randrange(at, len(data) + 1)
    return data[:at] + data[end:]


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    def late(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, BLOCKED)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measured(read: Callable[[], Any]) -> tuple[Any, int]:
    """Return what is read, and the most memory that it took."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    with _bounded():
        found = read()
    return found, tracemalloc.get_traced_memory()[1] - before


def honest(shop: Workshop) -> None:
    """Read everything once as it is."""
    for of in (shop.run, shop.half):
        readers = [*shop.run_readers(), ("resume", shop.resumed), ("init-from", shop.started)]
        for which in ("best", "last"):
            file = str(shop.case / f"{which}.safetensors")
            readers += [
                ("eval", lambda file=file: shop.said("eval", file, "--json")),
                ("sample", lambda which=which: shop.sampled(which)),
            ]
        for name, read in readers:
            # without baselines, for making them takes the most memory
            (shop.fresh(of) / "baselines.json").unlink(missing_ok=True)
            shop.honest.setdefault(name, []).append(measured(read))
        shop.said("info", str(of))  # keeps the baselines
    shutil.rmtree(shop.folder / "cache", ignore_errors=True)
    shop.honest["encode"] = [measured(shop.encoded), measured(shop.encoded)]
    (shop.folder / "a.clm").write_bytes(
        Compressor(charlm.load_model(shop.run)).compress(TEXT.encode()).data
    )
    shop.honest["decompress"] = [measured(shop.decompressed)]
    dy.save(str(shop.folder / "pair"), _objects("SparseLSTMBuilder"))
    shop.honest["dy.load"] = [measured(lambda: _loaded(shop.folder / "pair"))]
    shop.honest["populate"] = shop.honest["dy.load"]


def forge(shop: Workshop, count: int, seed: int, formats: list[str] = FORMATS) -> Tally:
    """Forge as many files, over all formats, and read each."""
    tally = Tally()
    tracemalloc.start()
    try:
        if not shop.honest:
            honest(shop)
        for number in range(count):
            rng = random.Random(f"{seed} {number}")
            kind = formats[number % len(formats)]
            case = getattr(shop, kind)(rng)
            tally.forged[kind] += 1
            for name, read in case.readers:
                fault = _fault(shop, case, name, read, tally, kind)
                if fault:
                    print(
                        f"{seed} {number} {kind}: {case.what}: {name}: {fault}"[:500],
                        file=sys.stderr,
                        flush=True,
                    )
                    tally.faults.append(f"{seed} {number} {kind}: {case.what}: {name}: {fault}")
    finally:
        tracemalloc.stop()
    return tally


def _fault(
    shop: Workshop, case: Forged, name: str, read: Callable[[], Any], tally: Tally, kind: str
) -> str | None:
    wanted = [result for result, _ in shop.honest[name]]
    least = max(peak for _, peak in shop.honest[name])
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    found: Any = None
    refused = False
    start = time.process_time()
    try:
        found, _ = measured(read)
    except CharlmError as error:
        refused = True
        tally.refused[kind] += 1
        if not str(error).strip():
            return "an error without a word"
        if name.startswith("runs") and "--follow" not in name:
            return f"the list ended: {error}"
    except HangError:
        return "HANG"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"TRACEBACK {type(error).__name__}: {str(error)[:100]} ({last.filename}:{last.lineno})"
        )
    if time.process_time() - start > SECONDS:
        return f"HANG {time.process_time() - start:.0f} s"
    peak = tracemalloc.get_traced_memory()[1] - before
    if peak > 2 * least + SLACK:
        return f"MEMORY {peak / 1e6:.1f} MB, the honest file takes {least / 1e6:.1f}"
    if refused:
        return None
    if name in ("dy.load", "populate"):
        return found and f"WRONG {found}"
    if case.exact and found not in wanted:
        return f"WRONG {str(found)[:100]}"
    return None


def main() -> None:
    """Forge as many files as the first argument says, with the second as seed, and tell what came of them."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    formats = sys.argv[3:] or FORMATS
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        tally = forge(Workshop(Path(folder)), count, seed, formats)
    for kind, number in tally.forged.items():
        print(f"{kind}: {number} forged, {tally.refused[kind]} readings refused")
    print(*tally.faults, sep="\n")
    print(f"{len(tally.faults)} faults")


if __name__ == "__main__":
    main()
