"""A member of a comparison: read, trained or resumed, with the same result in the end."""

from __future__ import annotations

import contextlib
from pathlib import Path

import attrs
import pytest

from charlm import progress
from charlm.comparison.finished import FinishedRun
from charlm.comparison.member import train_member, training_of
from charlm.comparison.plan import Member
from charlm.comparison.planning import Options, plan_of
from charlm.comparison.pool import (
    MemberFailed,
    MemberFinished,
    MemberMoved,
    MemberStarted,
    coordinating,
    run_members,
)
from charlm.comparison.results import BlockScores, MemberResult, ScoreAt
from charlm.config import NamedModel, load_config
from charlm.errors import CheckpointError, StoredError, TextError
from charlm.runs.directory import RunDirectory

TEXT = "the cat sat on the mat, the rat sat on the hat.\n" * 60
SETTINGS = ["model.hidden_dim=4", "model.embed_dim=4", "train.steps=12", "train.eval_every=5"]
SETTINGS += ["train.max_time=null", "train.patience=null", "train.kernels=numpy"]
SETTINGS += ["data.batch_size=2", "data.seq_length=8", "train.checkpoint_every=3"]


@pytest.fixture
def novel(tmp_path: Path) -> Path:
    (tmp_path / "novel.txt").write_text(TEXT)
    return tmp_path / "novel.txt"


def members_of(novel: Path, seeds: int = 1, *overrides: str) -> tuple[Member, ...]:
    config = load_config("small", texts=[novel], overrides=[*SETTINGS, *overrides])
    model = NamedModel(name="m", config=config)
    return plan_of("test", [model], options=Options(seeds=seeds)).members


def without_times(result: MemberResult) -> MemberResult:
    scores = tuple(attrs.evolve(score, seconds=0.0) for score in result.scores)
    return attrs.evolve(result, seconds=0.0, scores=scores)


def stopped_at(count: int):
    """Return what asks a training to stop after some steps."""
    calls = iter(range(count))
    return lambda: next(calls, None) is None


def test_a_result_has_each_loss_each_score_and_the_final_one(novel, tmp_path):
    (member,) = members_of(novel)
    result = train_member(member, tmp_path / "folder")
    assert (result.name, result.seed, result.steps, result.characters) == ("m", 0, 12, 12 * 16)
    assert len(result.losses) == 12
    assert [(s.step, s.characters) for s in result.scores] == [(5, 80), (10, 160), (12, 192)]
    assert sum(result.held_out.characters) == len(TEXT) // 10
    assert result.sample
    run = FinishedRun.read(tmp_path / "folder" / member.folder)
    assert result.parameters == run.model().parameter_count()
    best = min(score.nll for score in result.scores)
    assert result.held_out.nll == pytest.approx(best, rel=0.05)  # read as one stream there


def test_a_member_is_read_and_not_trained_again(novel, tmp_path):
    (member,) = members_of(novel)
    result = train_member(member, tmp_path)
    weights = tmp_path / member.folder / "last.safetensors"
    before = weights.stat().st_mtime_ns
    assert train_member(member, tmp_path, stopping=lambda: True) == result
    assert train_member(attrs.evolve(member, name="m"), tmp_path) == result
    assert weights.stat().st_mtime_ns == before


@pytest.mark.parametrize("steps", [1, 2, 5, 9])
def test_a_member_that_was_stopped_continues_to_the_same_result(novel, tmp_path, steps):
    (member,) = members_of(novel)
    whole = train_member(member, tmp_path / "whole")
    assert train_member(member, tmp_path / "stopped", stopping=stopped_at(steps)) is None
    assert not (tmp_path / "stopped" / member.folder / member.result).exists()
    rest = train_member(member, tmp_path / "stopped")
    assert without_times(rest) == without_times(whole)
    last = [tmp_path / name / member.folder / "last.safetensors" for name in ("whole", "stopped")]
    assert last[0].read_bytes() == last[1].read_bytes()


def test_a_damaged_or_missing_result_is_made_from_the_run(novel, tmp_path):
    (member,) = members_of(novel)
    result = train_member(member, tmp_path)
    file = tmp_path / member.folder / member.result
    for damaged in (b"", b"{}", file.read_bytes().replace(b'"steps"', b'"stops"')):
        file.write_bytes(damaged)
        assert train_member(member, tmp_path) == result


def test_another_held_out_part_is_scored_without_training_again(novel, tmp_path):
    (member,) = members_of(novel)
    result = train_member(member, tmp_path)
    half = attrs.evolve(member.held_out, begin=member.held_out.begin + 50)
    other = train_member(attrs.evolve(member, held_out=half), tmp_path)
    assert other.losses == result.losses
    assert sum(other.held_out.characters) == sum(result.held_out.characters) - 50


def test_a_text_that_changes_is_refused(novel, tmp_path):
    (member,) = members_of(novel)
    train_member(member, tmp_path / "half", stopping=stopped_at(4))
    novel.write_text(TEXT.replace("cat", "dog"))
    with pytest.raises(TextError, match="was changed"):
        train_member(member, tmp_path / "new")
    with pytest.raises(CheckpointError, match="not the one that the run was trained on"):
        train_member(member, tmp_path / "half")


def test_members_run_one_by_one_with_their_progress(novel, tmp_path):
    members = members_of(novel, 2)
    events = list(run_members(members, tmp_path, lambda: False))
    for member in members:
        own = [event for event in events if event.member == member]
        shares = [event.share for event in own if isinstance(event, MemberMoved)]
        assert isinstance(own[0], MemberStarted)
        assert isinstance(own[-1], MemberFinished)
        assert shares == [step / 12 for step in range(1, 13)]


def test_two_processes_give_the_same_results_as_one(novel, tmp_path):
    pytest.importorskip("joblib", reason="the extra 'parallel' is not installed")
    members = members_of(novel, 3)
    results = []
    for workers in (1, 2):
        with coordinating(tmp_path / str(workers), lambda: None) as sign:
            events = list(run_members(members, sign.path.parent, sign, workers))
        done = [event.result for event in events if isinstance(event, MemberFinished)]
        results.append(sorted(map(without_times, done), key=lambda result: result.seed))
    assert results[0] == results[1]
    assert len(results[0]) == 3


def test_a_member_that_fails_does_not_end_the_others(novel, tmp_path):
    bad = members_of(novel, 1, "train.learning_rate=1e38", "train.clip_norm=0", "train.warmup=0")
    events = list(run_members([*bad, *members_of(novel)], tmp_path, lambda: False))
    (failed,) = [event for event in events if isinstance(event, MemberFailed)]
    assert failed.member == bad[0]
    assert "a smaller learning rate may help" in failed.reason
    assert isinstance(events[-1], MemberFinished)


@pytest.mark.parametrize("more", ["data.min_count=1", "data.min_count=90"])
def test_only_steps_count_as_progress(novel, tmp_path, more):
    done = []
    (member,) = members_of(novel, 1, more)

    class Listener:
        def say(self, text: str) -> None:
            """Drop it."""

        @contextlib.contextmanager
        def task(self, what: str, total: float | None):
            yield done.append if what == "training" else lambda amount: None

    progress.listen(Listener())
    try:
        with progress.task("training", 12):
            for _ in training_of(member, tmp_path):
                progress.advance(1)
    finally:
        progress.listen(None)
    assert done == [1] * 12


def test_an_orphan_run_is_waited_for_until_asked_to_stop(novel, tmp_path):
    (member,) = members_of(novel)
    directory = RunDirectory.create_or_open(tmp_path / member.folder)
    with directory.lock():
        assert train_member(member, tmp_path, stopping=stopped_at(2)) is None
    assert train_member(member, tmp_path) is not None


def test_a_result_on_disk_is_the_result(tmp_path):
    result = MemberResult(
        name="a",
        seed=1,
        parameters=2,
        steps=3,
        characters=4,
        seconds=0.1,
        losses=(1.5, 1e-9),
        scores=(ScoreAt(step=1, characters=2, seconds=0.5, nll=3.0),),
        held_out=BlockScores(
            nats=(0.1, 700.5), characters=(1000, 1001), bytes=(1000, 1010), symbols=2001
        ),
        sample="a\nü",
        sample_complete=False,
    )
    result.write(tmp_path / "result.json")
    assert MemberResult.read(tmp_path / "result.json") == result
    (tmp_path / "result.json").write_text('{"name": "a"}')
    with pytest.raises(StoredError, match="is missing"):
        MemberResult.read(tmp_path / "result.json")
