"""What cannot be compared is refused with what differs; what can be is compared on the same text."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from charlm.comparison.budgets import EqualBudget, parameters_of, sized
from charlm.comparison.heldout import BLOCK, HeldOutText
from charlm.comparison.member import train_member
from charlm.comparison.plan import Span
from charlm.comparison.planning import Options, plan_of
from charlm.config import ModelConfig, NamedModel, RunConfig, load_config
from charlm.errors import ConfigError, InputError
from charlm.text.preparing import corpus_of

TEXT = "The quick brown fox, über den faulen Hund: springs 3 times. €5! " * 90


@pytest.fixture
def novel(tmp_path: Path) -> Path:
    file = tmp_path / "novel.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


def config(text: Path, *overrides: str) -> RunConfig:
    small = (
        "model.hidden_dim=4",
        "model.embed_dim=4",
        "train.steps=3",
        "train.max_time=null",
        "train.patience=null",
    )
    more = ("train.kernels=numpy", "data.batch_size=2", "data.seq_length=8")
    return load_config("small", texts=[text], overrides=[*small, *more, *overrides])


def plan(*configs: RunConfig, **options: object):
    models = [NamedModel(name=f"m{k}", config=c) for k, c in enumerate(configs)]
    return plan_of("test", models, options=Options(seeds=1, **options))


def held_out(run: RunConfig) -> HeldOutText:
    return HeldOutText(corpus_of(run.data), run.data)


REFUSED = {
    "framing": ("data.framing=lines", "data.framing"),
    "normalization": ("data.normalize=NFC", "data.normalize"),
    "share": ("data.val_frac=0.2", "hold out different parts"),
    "test part": ("data.test_frac=0.2", "hold out different parts"),
    "encoding": ("data.encoding=latin-1", "data.encoding"),
    "unknown symbols": ("data.min_count=100", "as <UNK>.*data.min_count equal"),
    "nothing": ("data.val_frac=0", "nothing is held out in m1"),
}


@pytest.mark.parametrize(("override", "said"), REFUSED.values(), ids=REFUSED)
def test_models_that_cannot_be_compared_are_refused(novel, override, said):
    with pytest.raises(InputError, match=said):
        plan(config(novel), config(novel, override))


def test_another_text_is_refused_and_a_copy_is_not(novel, tmp_path):
    copy, other = tmp_path / "copy.txt", tmp_path / "other.txt"
    copy.write_text(TEXT, encoding="utf-8")
    other.write_text(TEXT.replace("fox", "dog"), encoding="utf-8")
    assert len(plan(config(novel), config(copy)).members) == 2
    with pytest.raises(InputError, match=r"SHA-256.*m0: .*novel.txt, m1: .*other.txt"):
        plan(config(novel), config(other))


def test_a_text_too_short_to_hold_out_a_part_is_refused(tmp_path):
    (tmp_path / "short.txt").write_text("abcdefg")
    short = config(tmp_path / "short.txt")
    with pytest.raises(InputError, match=r"too short: not one character .* held out in m0, m1"):
        plan(short, short)


def test_line_ends_of_two_bytes_cannot_be_compared_with_bytes(tmp_path):
    file = tmp_path / "dos.txt"
    file.write_bytes(b"one line\r\n" * 100)
    with pytest.raises(InputError, match=r"bytes in UTF-8.*line ends"):
        plan(config(file), config(file, "data.encoding=bytes"))


def test_the_same_unknown_symbols_can_be_compared(novel):
    both = plan(*[config(novel, "data.min_count=100", f"model.hidden_dim={n}") for n in (4, 5)])
    assert (both.per_byte, both.notes) == (False, ())


@pytest.mark.parametrize("other", ["data.encoding=bytes", "data.alphabet=LETTERS"])
def test_other_symbols_that_cover_the_text_are_compared_in_bits_per_byte(novel, tmp_path, other):
    letters = "".join(sorted(set(TEXT) | set("äöß")))
    other = other.replace("LETTERS", f'"{letters}"')
    both = plan(config(novel), config(novel, other))
    assert both.per_byte
    assert any("bits per byte" in note for note in both.notes)
    results = [train_member(member, tmp_path / "folder") for member in both.members]
    one, two = (result.held_out for result in results)
    assert (one.characters, one.bytes) == (two.characters, two.bytes)
    assert one.nats != two.nats


def test_blocks_are_cut_at_the_same_characters_whatever_the_symbols_are(novel):
    runs = (
        config(novel, "data.val_frac=0.5"),
        config(novel, "data.val_frac=0.5", "data.encoding=bytes"),
    )
    chars, raw = map(held_out, runs)
    assert chars.size == raw.size == len(TEXT.encode())
    span = Span(begin=max(chars.span.begin, raw.span.begin), end=chars.span.end)
    ones = [text.blocks(np.ones(len(text._sizes)), span) for text in (chars, raw)]
    assert ones[0].characters == ones[1].characters
    assert ones[0].bytes == ones[1].bytes
    assert all(n >= BLOCK for n in ones[0].characters)
    assert len(ones[0].characters) == sum(ones[0].characters) // BLOCK
    assert ones[0].nats == tuple(map(float, ones[0].characters))  # one nat for each symbol
    assert ones[1].nats == tuple(map(float, ones[1].bytes))


def test_a_part_that_begins_inside_a_character_begins_after_it(novel):
    text = held_out(config(novel, "data.encoding=bytes", "data.val_frac=0.5"))
    whole = TEXT.encode()
    begin = whole.index("€".encode(), text.span.begin) + 1
    scores = text.blocks(np.ones(len(text._sizes)), Span(begin=begin, end=len(whole)))
    assert sum(scores.bytes) == len(whole) - begin - 2
    assert sum(scores.characters) == len(whole[begin + 2 :].decode())


def test_other_budgets_are_compared_and_said(novel):
    both = plan(config(novel), config(novel, "train.steps=5"))
    assert any("m0: 3 steps; m1: 5 steps" in note for note in both.notes)
    same = plan(config(novel), config(novel, "train.steps=5"), budget=EqualBudget(steps=4))
    assert (same.notes, {m.budget.steps for m in same.members}) == ((), {4})


def test_budgets_of_characters_time_and_parameters(novel):
    configs = config(novel), config(novel, "data.batch_size=4", "model.cell=lstm")
    by_chars = plan(*configs, budget=EqualBudget.of(["chars=640"])).members
    assert [m.budget.steps for m in by_chars] == [40, 20]
    by_time = plan(*configs, budget=EqualBudget.of(["time=2s"])).members
    assert {(m.budget.steps, m.budget.seconds) for m in by_time} == {(None, 2.0)}
    sizes = plan(*configs, budget=EqualBudget.of(["params=3k"]))
    symbols = len(corpus_of(configs[0].data).vocab)
    assert all(abs(parameters_of(m.config.model, symbols) - 3000) < 150 for m in sizes.members)
    assert "m0: hidden_dim " in sizes.notes[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["size=3"], "expected steps=N, chars=N, time=TIME or params=N"),
        (["steps"], "steps"),
        (["steps=0"], "1 or more"),
        (["steps=3", "steps=4"], "given twice"),
        (["steps=3", "time=4s"], "choose one"),
        (["time=long"], "expected a time"),
        (["params=many"], "whole number"),
    ],
)
def test_wrong_budgets_are_named(options, said):
    with pytest.raises(ConfigError, match=said):
        EqualBudget.of(options)


def test_sizes_keep_proportions_and_tied_tables_fit():
    deep = sized(ModelConfig(layers=2, hidden_dim=(40, 20), cell="gru"), 50, 20_000)
    assert abs(deep.hidden_dims[0] - 2 * deep.hidden_dims[1]) <= 1
    tied = sized(ModelConfig(tied=True, hidden_dim=50, embed_dim=50), 50, 20_000)
    assert tied.embed_dim == tied.hidden_dim
    with pytest.raises(ConfigError, match="nearest to it has"):
        sized(ModelConfig(), 50, 10)


def test_threads_of_workers_fit_on_the_cores(novel, monkeypatch):
    monkeypatch.setattr("charlm.comparison.planning.cores", lambda: 4)
    for workers, threads, expected in [(1, 8, 8), (2, 8, 2), (2, 1, 1), (8, 3, 1)]:
        members = plan(config(novel), workers=workers, threads=threads).members
        assert {member.config.train.threads for member in members} == {expected}


def test_what_does_not_change_the_result_does_not_change_the_identity(novel):
    (member,) = plan(config(novel)).members

    def same(**changes: object) -> bool:
        train = attrs.evolve(member.config.train, **changes)
        config = attrs.evolve(member.config, name="x", train=train)
        return attrs.evolve(member, config=config).id == member.id

    assert same(threads=3, kernels="numba", checkpoint_every=7)
    assert not same(learning_rate=0.5)
    assert not same(seed=9)
    assert attrs.evolve(member, text_sha256="other").id != member.id


def lists(tmp_path: Path, **changes: str) -> RunConfig:
    file = tmp_path / "names.txt"
    file.write_text(
        "".join(f"{a}{b}{c}é\n" for a in "abcd" for b in "aeio" for c in "nrst"), "utf-8"
    )
    small = ("model.hidden_dim=4", "model.embed_dim=4", "train.steps=3", "train.kernels=numpy")
    settings = [f"data.{key}={value}" for key, value in changes.items()]
    return load_config("lists", texts=[file], overrides=[*small, *settings])


def test_shuffled_lines_are_compared_if_all_hold_out_the_same_ones(tmp_path):
    assert plan(lists(tmp_path), lists(tmp_path, alphabet="tsrnoiedcbaé")).members
    for other in ({"shuffle": "false"}, {"encoding": "bytes"}):
        with pytest.raises((InputError, ConfigError), match=r"data\.shuffle|different lines"):
            plan(lists(tmp_path), lists(tmp_path, **other))
