"""A comparison as text and data: the words claim what the intervals allow, and each format has all of it."""

from __future__ import annotations

import csv
import io
import json
import math
import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.comparison.comparison import Comparison
from charlm.comparison.results import Results
from charlm.config import Reference, load_comparison_config
from charlm.errors import InputError
from charlm.reporting.comparison.conditions import METRICS, Condition
from charlm.reporting.comparison.curves import plot_report
from charlm.reporting.comparison.formats import as_json, comma_separated, markdown
from charlm.reporting.comparison.held_out import held_out_report
from charlm.reporting.comparison.page import page
from charlm.reporting.comparison.report import Report
from charlm.reporting.comparison.training import training_report
from tests.reporting.compared import (
    ALONE,
    BITS,
    CLEAR,
    CLOSE,
    FAILED,
    MIXED,
    baselines,
    member,
    results,
)


def report_of(scores, **options) -> Report:
    return held_out_report(results(scores, **options), baselines())


def words(scores, **options) -> str:
    return " ".join(report_of(scores, **options).verdict)


def learned(seeds: int) -> Report:
    comparison = Comparison(load_comparison_config("srnn-vs-lstm"), seeds=seeds, steps=40)
    for _ in comparison.events():
        pass
    return training_report(comparison.result())


@pytest.fixture(scope="module")
def sentence() -> Report:
    """The report of the tutorial's comparison, with one seed."""
    return learned(1)


def test_a_winner_is_named_with_its_leads():
    said = words(CLEAR)
    assert said.startswith(
        "lstm predicts the held-out text best. It needs 0.1067 bits per character less than gru"
    )
    assert "0.4200 bits per character less than srnn (95 % interval 0." in said
    assert "No difference" not in said
    assert said.endswith("allow for other seeds and for other text of this kind.")


def test_where_nothing_is_shown_it_says_how_much_would_have_been():
    report = report_of(CLOSE)
    said = " ".join(report.verdict)
    assert "best" not in said
    assert said.startswith("lstm is better than srnn.")
    lead = report.data["leads"][0]
    assert (lead["over"], lead["shown"]) == ("gru", False)
    assert (
        f"Only a measured difference of more than {lead['high'] - lead['mean']:.4f} would be shown"
        in said
    )
    assert "more seeds would show a smaller one" in said
    assert report.data["verdict"]["winner"] is None
    assert report.data["verdict"]["best"] == "lstm"


def test_many_models_are_summed_up():
    near = {f"m{k}": [2.0 + k / 100, 2.05 + k / 100] for k in range(5)}
    said = words(near)
    assert "No difference is shown between m0 and 4 other models" in said
    assert len(said) < 500
    said = words({f"m{k}": [2.0 + k / 10, 2.001 + k / 10, 2.0 + k / 10] for k in range(5)})
    assert said.startswith("m0 predicts the held-out text best.")
    assert "less than m2" in said
    assert "less than m3" not in said
    assert "The table has the other differences." in said
    mixed = {
        "a": [2.0, 2.01],
        "b": [2.0, 2.02],
        "c": [5.0, 5.01],
        "d": [6.0, 6.01],
        "e": [7.0, 7.01],
    }
    assert "a is better than 3 of the 4 other models" in words(mixed)


def test_more_text_is_asked_for_where_the_text_decides_less_than_the_seeds():
    near = {"lstm": [2.02, 2.02, 2.02], "gru": [2.0201, 2.0201, 2.0201]}
    assert "more held-out text would show a smaller one" in words(near)


def test_one_seed_says_what_it_cannot_tell():
    said = words(ALONE)
    assert "lstm predicts the held-out text best" in said
    assert "one seed cannot tell; --seeds 3 can" in said
    assert "other seeds" not in said


def test_a_model_with_one_seed_among_others_is_named():
    said = words(MIXED)
    assert "lstm had one seed: this is about its weights" in said
    assert "for other seeds of models with several" in said


def test_finished_runs_are_given_advice_that_works_for_them():
    said = words(ALONE, finished=("lstm",))
    assert "--seeds 3 can" not in said
    assert "finished runs cannot tell; their configs can, compared with --seeds 3" in said


def test_the_same_scores_are_called_the_same():
    twice = results({"a": [2.0], "b": [2.0]})
    assert "a and b have exactly the same scores." in held_out_report(twice).verdict


def test_a_text_of_one_block_is_too_short_for_a_verdict():
    short = [member(name, 0, bits, blocks=1) for name, bits in (("a", 1.0), ("b", 3.0))]
    made = Results(name="short", models=("a", "b"), members=tuple(short))
    report = held_out_report(made)
    assert report.verdict[0].startswith("Undecided: the held-out text has only 1,000 characters")
    lead = json.loads(as_json(report))["leads"][0]
    assert (lead["low"], lead["high"], lead["shown"]) == (None, None, False)
    assert report.tables[1].rows[0][2] == "unknown"


def test_a_single_model_has_no_verdict():
    assert "nothing to compare it with" in words({"lstm": [2.0, 2.1]}, missing=(FAILED,))


def test_what_failed_is_said_and_its_model_judged_by_the_rest():
    report = report_of(CLEAR, missing=(FAILED,))
    assert "srnn, seed 3, has no result: step 7 failed, because the loss is nan" in report.notes
    assert report.data["missing"] == [{"name": "srnn", "seed": 3, "reason": FAILED.reason}]


def test_bytes_are_the_unit_where_symbols_differ():
    notes = ("The models have different symbols.",)
    report = report_of(CLEAR, per_byte=True, notes=notes)
    assert report.data["unit"] == "bits per byte"
    assert "0.0853 bits per byte less than gru" in report.verdict[0]  # 0.1067 / 1.25
    assert report.tables[0].head[3] == "bits/byte"
    assert report.tables[0].rows[0][3].startswith("1.6187")
    assert report.panels[0].y == "bits per byte of the held-out text"
    last = report.panels[0].curves[0].points[-1][1]
    assert last == pytest.approx((2.02 + 400 / 2100) / 1.25)
    assert report.rows[0]["bits_per_byte"] == pytest.approx(2.02 / 1.25)
    assert report.notes == notes


def test_markdown_has_the_verdict_the_tables_and_the_samples():
    report = report_of(CLEAR)
    made = markdown(report)
    assert made.startswith("# lstm, gru, srnn\n\nlstm predicts")
    assert "| lstm | 40,000 | 3 | 2.0233+-0.0058 | 2,000 | 640,000 | 31 |" in made
    assert "| 3-gram |  |  | 2.3500 |  |  |  |" in made
    assert re.search(r"^\| gru \| 0.1067 \| 0.\d+ to 0.\d+ \| 100% \| yes \|$", made, re.MULTILINE)
    widths = {line.count("|") for line in made.splitlines() if line.startswith("|")}
    assert widths == {8, 6}


def test_markdown_and_pages_keep_texts_in_their_place():
    hostile = "a|b`` ``` ```` </pre><script>x</script>\n# _no_ heading"
    members = (member("a", 0, 2.0, hostile), member("b", 0, 2.2, "\x1b[2J\0"))
    report = held_out_report(
        Results(name="a|b", models=("a", "b"), members=members, notes=(hostile,))
    )
    said = markdown(report)
    assert f"`````text\n{hostile}\n`````" in said
    assert r"a\|b" in said.splitlines()[0]
    assert r"\</pre\>\<script\>" in said
    shown = page(report)
    assert "<script" not in shown
    assert "\\x1b[2J\\x00" in shown
    assert json.loads(as_json(report))["members"][1]["sample"] == "\x1b[2J\0"


def test_csv_has_a_row_for_each_training_and_baseline():
    rows = [*csv.DictReader(io.StringIO(comma_separated(report_of(CLEAR))))]
    assert len(rows) == 9 + len(BITS)
    assert [row["model"] for row in rows[:4]] == ["lstm", "lstm", "lstm", "gru"]
    assert float(rows[0]["bits_per_character"]) == pytest.approx(2.02)
    assert rows[0]["seed"] == "0"
    assert (rows[-1]["model"], rows[-1]["bits_per_character"], rows[-1]["seed"]) == (
        "3-gram",
        "2.35",
        "",
    )


def test_baselines_are_of_the_same_text_and_in_the_same_unit():
    made = results(CLEAR, per_byte=True)
    report = held_out_report(made, baselines())
    assert report.tables[0].rows[-1][3] == f"{BITS['3-gram'] / 1.25:.4f}"
    assert "baselines without a network: see" in report.tables[0].note
    other_part = held_out_report(made, baselines(held_out_characters=50_000))
    assert len(other_part.tables[0].rows) == 3
    assert "baseline" not in other_part.tables[0].note
    sampled = held_out_report(made, baselines(held_out_characters=50_000, sampled=True))
    assert "on a sample: the 540,000 characters before the split" in sampled.tables[0].note


def test_known_scores_are_shown_beside_those_of_the_models_in_every_form():
    known = [Reference(name="optimum", nll=1.9 * math.log(2))]
    report = held_out_report(results(CLEAR), baselines(), known)
    assert report.tables[0].rows[-1] == ("optimum", "", "", "1.9000", "", "", "")
    assert report.tables[0].note.endswith("see `charlm baseline`. Known from the config: optimum.")
    assert report.rows[-1]["model"] == "optimum"
    assert report.rows[-1]["bits_per_character"] == pytest.approx(1.9)
    assert report.data["references"] == pytest.approx({"optimum": 1.9})
    assert ("optimum", pytest.approx(1.9)) in report.panels[0].levels
    per_byte = held_out_report(results(CLEAR, per_byte=True), None, known)
    assert per_byte.tables[0].rows[-1][3] == f"{1.9 / 1.25:.4f}"


def test_json_has_what_the_others_show():
    data = json.loads(as_json(report_of(CLEAR)))
    assert data["judged_by"] == "held-out text"
    assert data["verdict"]["winner"] == "lstm"
    assert [model["name"] for model in data["models"]] == ["lstm", "gru", "srnn"]
    assert data["models"][0]["mean"] == pytest.approx(2.0233, abs=1e-4)
    run = data["members"][2]
    assert (run["name"], run["seed"], len(run["scores"])) == ("gru", 2, 20)
    assert len(run["held_out"]["nats"]) == 60
    assert run["bpc"] == pytest.approx(2.12)
    assert data["baselines"] == pytest.approx(BITS)
    low, high = data["leads"][0]["low"], data["leads"][0]["high"]
    assert low < data["leads"][0]["mean"] < high


def test_curves_are_against_steps_characters_and_seconds():
    report = report_of(CLEAR)
    assert [panel.x for panel in report.panels] == ["steps", "characters", "seconds"]
    assert [len(panel.curves) for panel in report.panels] == [9, 9, 9]
    firsts = [panel.curves[1].points[0][0] for panel in report.panels]
    assert firsts == pytest.approx([100, 32_000, 100 / 70 + 1])
    assert [name for name, _ in report.panels[0].levels_in_view] == ["unigram", "xz", "3-gram"]


def test_the_training_loss_is_called_that_in_every_format(sentence):
    for made in (markdown, page):
        text = made(sentence)
        assert "This is about the loss in training" in text
        assert "one seed cannot tell; --seeds 3 can" in text
        assert "bigrams" in text
    data = json.loads(as_json(sentence))
    assert data["judged_by"] == "training loss"
    assert data["verdict"]["seeds"] == 1
    rows = [*csv.DictReader(io.StringIO(comma_separated(sentence)))]
    assert [row["model"] for row in rows] == ["srnn", "lstm"]
    assert float(rows[0]["final_loss"]) < float(rows[0]["first_loss"])
    assert int(rows[0]["steps_to_100"]) < 20
    assert sentence.panels[0].log
    assert len(sentence.panels[0].curves[0].points) == 40


def test_several_seeds_need_no_word_about_one():
    assert "one seed" not in " ".join(learned(2).verdict)


@pytest.mark.parametrize("which", ["held out", "in training"])
def test_a_plot_is_a_picture(which, sentence, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    plot_report(report_of(CLEAR) if which == "held out" else sentence, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_runs_without_scores_in_training_have_a_page_but_no_picture(tmp_path):
    made = results(ALONE)
    bare = attrs.evolve(made, members=tuple(attrs.evolve(m, scores=()) for m in made.members))
    report = held_out_report(bare)
    assert "<svg" not in page(report)
    with pytest.raises(InputError, match="nothing to draw"):
        plot_report(report, tmp_path / "curves.png")


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.none() | st.from_regex(r"[a-z][\w .=<-]*", fullmatch=True),
    st.sampled_from([*METRICS]),
    st.sampled_from(["<", "<=", ">", ">="]),
    NUMBERS,
)
def test_conditions_are_read_as_they_are_written(model, metric, sign, number):
    text = f"{'' if model is None else model + '.'}{metric} {sign} {number!r}"
    read = Condition.parse(text)
    assert (read.model, read.metric, read.sign, read.number) == (model, metric, sign, number)


@given(st.sampled_from([*METRICS]), st.sampled_from(["<", "<=", ">", ">="]), NUMBERS, NUMBERS)
def test_conditions_compare(metric, sign, value, number):
    met = Condition.parse(f"{metric}{sign}{number}").met({"a": {metric: value}}, best="a")
    expected = {
        "<": value < number,
        "<=": value <= number,
        ">": value > number,
        ">=": value >= number,
    }
    assert (met is not None) == expected[sign]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not a condition"),
        ("bpc", "not a condition"),
        ("bpc=2", "not a condition"),
        ("bpc>2>1", "not a condition"),
        ("bpc>", "not a condition"),
        (">2", "not a condition"),
        ("bpc>2 3", "not a condition"),
        ("bcp>2", "the metrics are bpc"),
        ("bpc>two", "'two' is not a number"),
        ("bpc>nan", "write a number"),
    ],
)
def test_a_condition_of_another_form_is_refused(text, named):
    with pytest.raises(InputError, match=re.escape(named)) as told:
        Condition.parse(text)
    assert repr(text) in str(told.value)


def test_a_condition_is_checked_before_anything_is_trained():
    with pytest.raises(InputError, match=r"no model 'srn'; the models are srnn, lstm"):
        Condition.parse("srn.loss>2").check(["srnn", "lstm"], ["loss"])
    with pytest.raises(
        InputError, match=r"does not measure bpc \(bits per character of the held-out"
    ):
        Condition.parse("bpc>2").check(["srnn", "lstm"], ["loss", "parameters"])
    Condition.parse("v1.5 dim=64.loss>2").check(["v1.5 dim=64"], ["loss"])


def test_a_model_without_a_result_does_not_pass():
    met = Condition.parse("gru.bpc>2").met({"lstm": {"bpc": 1.0}}, best="lstm")
    assert met == "gru.bpc>2: gru has no result to compare"


def test_metrics_are_those_of_the_table():
    report = report_of(CLEAR)
    assert report.metrics["lstm"]["bpc"] == pytest.approx(2.0233, abs=1e-4)
    assert report.metrics["lstm"]["bits_per_byte"] == pytest.approx(2.0233 / 1.25, abs=1e-4)
    assert report.metrics["lstm"]["seconds"] == 31
    assert Condition.parse("bpc>2.02").met(report.metrics, report.best)
    assert not Condition.parse("bpc>2.03").met(report.metrics, report.best)
    assert math.isfinite(report.metrics["srnn"]["parameters"])
