"""The published tables at a size of seconds: what is known exactly, and the patterns that they are famous for."""

from __future__ import annotations

import json
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.published.__main__ import NAMES, main, report
from benchmarks.published.adding import BASELINE, sequences
from benchmarks.published.configs import FOLDER
from benchmarks.published.copying import baseline
from benchmarks.published.languages import Counted, Dyck, lines_of, optimum
from benchmarks.published.prose import Prose
from benchmarks.published.symbols import BLANK, copying, selective


def all_lines(language, most):
    """Each line with at most ``most`` characters, and its probability, by what ``line`` decides."""
    if isinstance(language, Counted):
        p, letters = language.p, language.letters
        rounds = range(1, most // len(letters) + 1)
        return {"".join(c * n for c in letters): p * (1 - p) ** (n - 1) for n in rounds}
    found, pairs = {}, [*zip(language.brackets[::2], language.brackets[1::2], strict=True)]

    def grow(written, still_open, probability):
        if len(written) + len(still_open) > most:
            return
        for left, right in pairs:
            chance = probability * language.p / len(pairs)
            grow(written + left, [*still_open, right], chance)
        if still_open:
            grow(written + still_open[-1], still_open[:-1], probability * (1 - language.p))
        else:
            found[written] = probability * (1 - language.p)

    grow("", [], 1.0)
    return found


LANGUAGES = [Counted("ab", 0.5), Counted("abc", 0.4), Dyck("()", 0.2), Dyck("()[]", 0.1)]


@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_entropy_and_length_are_those_of_all_lines_together(language):
    chances = all_lines(language, 60 if isinstance(language, Counted) else 16)
    assert sum(chances.values()) == pytest.approx(1, abs=2e-3)
    entropy = -sum(p * math.log(p) for p in chances.values())
    assert entropy == pytest.approx(language.entropy, rel=0.02)
    length = sum(p * (len(line) + 1) for line, p in chances.items())
    assert length == pytest.approx(language.length, rel=0.02)


@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_lines_come_as_often_as_their_probability_says(language):
    lines = lines_of(language, 100_000, seed=3).split("\n")[:-1]
    counts = Counter(lines)
    for line, chance in all_lines(language, 6).items():
        expected = chance * len(lines)
        assert abs(counts[line] - expected) < 5 * math.sqrt(expected) + 3
    if isinstance(language, Dyck):
        kinds = [
            re.escape(language.brackets[k : k + 2]) for k in range(0, len(language.brackets), 2)
        ]
        for line in counts:
            while (shorter := re.sub("|".join(kinds), "", line)) != line:
                line = shorter
            assert line == ""


def test_the_optimum_is_what_the_generator_itself_scores():
    language = Dyck("()", 1 / 3)
    text = lines_of(language, 200_000, seed=1)
    opened = text.count("(")
    nats = -opened * math.log(1 / 3) - (len(text) - opened) * math.log(2 / 3)
    assert nats / len(text) == pytest.approx(optimum(language), rel=0.01)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 1000))
def test_copying_asks_for_what_was_read(wait, letters, seed):
    read, named = copying(np.random.default_rng(seed), 3, wait=wait, letters=letters)
    assert read.shape == named.shape == (wait + 2 * letters, 3)
    assert (named[-letters:] == read[:letters]).all()
    assert (named[:-letters] == BLANK).all()
    read, named = selective(np.random.default_rng(seed), 3, length=letters + wait, letters=letters)
    for column in range(3):
        seen = [symbol for symbol in read[:, column] if symbol < BLANK]
        assert seen == named[-letters:, column].tolist()


def test_the_baselines_are_those_of_the_papers():
    assert baseline(100) == pytest.approx(10 * math.log(8) / 120)
    _, sums = sequences(np.random.default_rng(0), 10, 200_000)
    assert ((sums - 1) ** 2).mean() == pytest.approx(BASELINE, rel=0.01)
    assert round(BASELINE, 3) == 0.167


def test_prose_has_what_a_network_can_remember():
    text = Prose(0).text(100_000)
    assert text == Prose(0).text(100_000) != Prose(1).text(100_000)
    for paragraph in text.split("\n")[:-1]:
        assert paragraph.count('"') % 2 == 0
        assert paragraph.count("(") == paragraph.count(")")
    epithets = {m[1]: m[2] for m in re.finditer(r"([A-Z][a-z]+), (the [a-z]+ [a-z]+),", text)}
    assert len(epithets) == 12
    for name, epithet in epithets.items():
        others = re.findall(rf"{name}, (the [a-z]+ [a-z]+),", text)
        assert set(others) == {epithet}
    assert set(Prose(0).letters(5000)) <= set("abcdefghijklmnopqrstuvwxyz ")
    assert len(Prose(0).letters(5000)) == 5000


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Return a function that runs a table's command once, and returns our figures by the names of the rows."""
    folder, found = tmp_path_factory.mktemp("published"), {}

    def run(name):
        if name not in found:
            main([name, "--quick", "--output", str(folder)])
            rows = json.loads((folder / "results.json").read_text())[name]["rows"]
            found[name] = {row["name"]: row for row in rows}
            assert f"| {next(iter(found[name]))} |" in (folder / "README.md").read_text("utf-8")
        return found[name]

    return run


def ours(rows):
    return {name: row["ours"] for name, row in rows.items()}


def test_gated_cells_beat_the_simple_rnn_and_two_layers_beat_one(quick):
    found = ours(quick("karpathy"))
    for layers in (1, 2):
        rnn, gru, lstm = (found[f"{c}, layers {layers}, size 32"] for c in ("rnn", "gru", "lstm"))
        assert max(gru, lstm) < rnn
    one, two = (
        [found[f"{c}, layers {n}, size 32"] for c in ("rnn", "gru", "lstm")] for n in (1, 2)
    )
    assert sum(two) < sum(one)  # two layers of LSTM need longer for it than a test can take
    assert all(b < a for a, b in zip(one[:2], two[:2], strict=True))


def test_a_short_text_is_learned_by_heart(quick):
    found = ours(quick("time-machine"))
    assert found.keys() == {"rnn", "gru_after", "lstm"}
    assert all(1 <= perplexity < 2 for perplexity in found.values())


def test_counting_comes_close_to_the_optimum_and_never_below(quick):
    rows = quick("languages")
    for row in rows.values():
        assert row["known"]["optimum"] == pytest.approx(optimum(Counted("ab", 0.3)))
        assert 0.97 < row["more"]["times the optimum"] < 1.6
    assert rows["a^n b^n, lstm"]["more"]["times the optimum"] < 1.2


def test_what_is_copied_over_five_steps(quick):
    rows = quick("copying")
    for row in rows.values():
        assert row["known"]["baseline"] == pytest.approx(10 * math.log(8) / 25)
        assert row["ours"] < 1.01 * row["known"]["baseline"]
    assert rows["T = 5, lstm"]["ours"] < 0.9 * baseline(5)


def test_sums_are_learned(quick):
    found = ours(quick("adding"))
    assert min(found.values()) < 0.2 * BASELINE


def test_minimal_cells_need_two_layers_to_copy_what_they_select(quick):
    found = ours(quick("minimal"))
    for cell in ("min_gru", "min_lstm"):
        one, two = (
            found[f"selective copying, {cell}, layers {layers}, part right"] for layers in (1, 2)
        )
        assert two > one > 1 / 8
        assert found[f"text, {cell}, nats"] < 2.5


def test_the_page_is_made_of_the_stored_results_and_every_table_is_on_it():
    results = json.loads((FOLDER / "results.json").read_text("utf-8"))
    assert results.keys() == set(NAMES)
    assert (FOLDER / "README.md").read_text("utf-8") == report(results)


def test_a_note_in_the_results_is_on_the_page():
    results = json.loads((FOLDER / "results.json").read_text("utf-8"))
    results["adding"]["note"] = "This was measured twice."
    assert "\nMeasured on: AMD" in report(results).partition("\nThis was measured twice.\n")[0]
    assert report(results).count("This was measured twice.") == 1


def test_without_a_name_the_tables_are_listed(capsys):
    main([])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [*NAMES]


def test_a_text_of_the_user_s(tmp_path, capsys):
    path = tmp_path / "novel.txt"
    path.write_text("The Time Traveller (for so it will be convenient) was expounding.\n" * 40)
    main(["time-machine", "--quick", "--text", str(path)])
    assert "| lstm | 1.0 |" in capsys.readouterr().out
    assert not (tmp_path / "README.md").exists()
    with pytest.raises(SystemExit):
        main(["novel"])


def test_a_text_that_cannot_be_read_is_refused(tmp_path, capsys):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for name in ("nosuch.txt", "latin.txt"):
        with pytest.raises(SystemExit):
            main(["karpathy", "--quick", "--text", str(tmp_path / name)])
        assert f"error: --text {tmp_path / name}: " in capsys.readouterr().err


def test_a_text_for_a_table_that_generates_its_data_is_refused(tmp_path, capsys):
    (tmp_path / "novel.txt").write_text("abc")
    with pytest.raises(SystemExit):
        main(["adding", "--quick", "--text", str(tmp_path / "novel.txt")])
    assert "a text is for karpathy, time-machine, minimal" in capsys.readouterr().err
