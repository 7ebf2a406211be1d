"""The recipes in docs/ are what they say: their blocks, put in place in a copy of the project, work and are checked."""

from __future__ import annotations

import doctest
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import charlm
from charlm.config import ModelConfig, RunConfig, TrainConfig, load_config, to_dict

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r'^```(\w+)(?: title="(\S*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
RECIPES = ["adding-an-op", "adding-a-cell"]


class Recipe:
    """A document's blocks, in a copy of the project.

    Those that name a file are put there, at its end if it exists; the others are sessions at the
    Python prompt and commands.
    """

    def __init__(self, name: str, place: Path) -> None:
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        self.place = place
        self.sessions: list[str] = []
        self.commands: list[str] = []
        self.files: list[Path] = []
        for part in ("charlm", "tests", "configs", "data", "pyproject.toml"):
            if (ROOT / part).is_dir():
                shutil.copytree(
                    ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(ROOT / part, place)
        for kind, file, content in BLOCK.findall(text):
            if file:
                with (place / file).open("a", encoding="utf-8") as target:
                    target.write(content)
                self.files.append(place / file)
            elif kind == "python":
                self.sessions.append(content)
            else:
                self.commands += [c.removeprefix("$ ") for c in content.splitlines()]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        program, *arguments = shlex.split(command)
        start = [sys.executable, *(["-m", "charlm"] if program == "charlm" else [])]
        return subprocess.run(
            [*start, *arguments],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": str(self.place)},
            capture_output=True,
            text=True,
            check=False,
        )

    def passed(self, command: str) -> int:
        """Run pytest; return how many tests passed, if all did."""
        done = self.run(command)
        assert done.returncode == 0, done.stdout
        found = re.search(r"(\d+) passed", done.stdout)
        assert found
        return int(found[1])

    def change(self, before: str, after: str) -> None:
        """Put a mistake into the recipe's first file."""
        code = self.files[0].read_text(encoding="utf-8")
        assert code.count(before) == 1
        self.files[0].write_text(code.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request, tmp_path_factory):
    return Recipe(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def op(tmp_path):
    return Recipe("adding-an-op", tmp_path)


@pytest.fixture
def cell(tmp_path):
    return Recipe("adding-a-cell", tmp_path)


def test_the_commands_and_sessions_work(recipe):
    for session in recipe.sessions:
        (recipe.place / "session.txt").write_text(session, encoding="utf-8")
        done = recipe.run("python -m doctest session.txt")
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
        assert doctest.DocTestParser().get_examples(session)
    for command in recipe.commands:
        if "pytest" in command:
            assert recipe.passed(command) > 20
        else:
            done = recipe.run(command)
            assert done.returncode == 0, done.stderr
            assert done.stdout


def test_the_code_is_typed_and_what_it_adds_is_known_by_its_type(recipe):
    pytest.importorskip("mypy", reason="mypy is not installed")
    use = "import charlm.dynet as dy\nreveal_type(dy.tanh(x=dy.scalarInput(1)))\nreveal_type(dy.LSTMBuilder)\n"
    adds_a_function = recipe.files[0].name == "bilinear.py"
    if adds_a_function:
        use += "reveal_type(dy.bilinear)\n"
    (recipe.place / "use.py").write_text(use, encoding="utf-8")
    done = recipe.run(f"python -m mypy --strict use.py {recipe.files[0]}")
    assert done.returncode == 0, done.stdout
    types = re.findall(r'Revealed type is "(.*)"', done.stdout)
    expression = "charlm.engine.expression.Expression"
    assert types[0] == expression
    assert types[1].endswith("-> charlm.dynet.builders.lstm.VanillaLSTMBuilder")
    if adds_a_function:
        assert types[2].endswith(f"scale: float =) -> {expression}")


MISTAKES = {
    "a gradient": ("return [dy * dx,", "return [2 * dy * dx,", "central_differences"),
    "a shape": ("return (1,)", "return (1, 1)", "declared_dimension"),
    "a write": ("dy = self.scale * dy", "dy *= self.scale", "written_to"),
    "a check": ("x + z != W", "len(W) != 2", "bad_sample"),
}


@pytest.mark.parametrize(("before", "after", "test"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_an_op_is_found(op, before, after, test):
    op.change(before, after)
    done = op.run(f"python -m pytest tests/engine/test_ops.py -q -k 'Bilinear and {test}'")
    assert done.returncode == 1, done.stdout


def test_a_mistake_in_a_cell_is_found(cell):
    cell.change("dh = dy * (1 - f) + dfh * f", "dh = dy * (1 - f) + dfh")
    done = cell.run("python -m pytest tests/engine/test_ops.py -q -k 'Recurrent and central'")
    assert done.returncode == 1, done.stdout


def test_a_config_error_names_the_new_cell(cell):
    done = cell.run("charlm train --set model.cell=mgru")
    assert done.returncode == 2
    assert "lstm or mgu or min_gru or min_lstm or norm_lstm" in done.stderr
    assert "did you mean mgu?" in done.stderr


def test_settings_that_the_page_on_training_names_exist():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    defaults = to_dict(RunConfig())
    named = re.findall(r"\b(model|data|train)\.(\w+)", text)
    assert named
    assert [f"{section}.{key}" for section, key in named if key not in defaults[section]] == []


def test_the_page_on_training_names_every_setting_of_the_network_and_the_updates():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    keys = [field.name for field in attrs.fields(ModelConfig)]
    train = [field.name for field in attrs.fields(TrainConfig)]
    keys += train[: train.index("steps")]
    told_elsewhere = {"cell", "layers"}
    assert [k for k in keys if not re.search(rf"\b{k}\b", text) and k not in told_elsewhere] == []


PAGES_ON_THE_CODE = ["design", "engine", "kernels", "files", "../CONTRIBUTING"]
MADE_BY_COMMANDS = {"benchmarks/results/", "runs/", "config.yaml"}
"""What exists once a command has written it."""


@pytest.mark.parametrize("name", PAGES_ON_THE_CODE)
def test_files_that_a_page_on_the_code_names_exist(name):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`([\w./-]+(?:\.py|\.md|\.yaml|/))`", text)) - MADE_BY_COMMANDS
    assert paths
    missing = [p for p in paths if not (ROOT / p).exists() and not (ROOT / "charlm" / p).exists()]
    assert missing == []


def test_files_and_modules_that_the_code_names_exist():
    """In docstrings and comments; a file by its name or the end of its path."""
    modules = list((ROOT / "charlm").rglob("*.py"))
    files = [f"/{path.relative_to(ROOT)}" for path in (*modules, *(ROOT / "tests").rglob("*.py"))]
    for module in modules:
        text = module.read_text(encoding="utf-8")
        named = re.findall(r"``([\w./-]+\.py)``", text)
        assert [f for f in named if not any(path.endswith(f"/{f}") for path in files)] == [], module
        for name in re.findall(r"``(charlm(?:\.\w+)+)``", text):
            pkgutil.resolve_name(name)


@pytest.mark.parametrize("setting", ["model.layer_norm=true", "model.tied=true"])
def test_the_page_on_files_names_every_tensor_of_a_checkpoint(setting):
    settings = ["train.steps=1", "train.average=0.9", "train.trainer=adam", "train.sample_every=0"]
    settings += ["data.framing=stream", "data.alphabet=null", setting]
    training = charlm.Training(load_config("lstm", overrides=settings))
    list(training.events())
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    parts = {"L": r"\d+", "N": r"\d+", "ROLE": r"\w+", "NAME": ".+"}
    named = []
    for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        for name in re.findall(r"`(.*?)`", row):
            named.append(r"\.".join(parts.get(part, part) for part in name.split(".")))
    names = training.checkpoint().tensors
    assert [name for name in names if not any(re.fullmatch(n, name) for n in named)] == []


@pytest.mark.parametrize("folder", [".", "docs", "data", "benchmarks/results"])
def test_links_lead_to_files(folder):
    pages = list((ROOT / folder).glob("*.md"))
    assert pages
    for page in pages:
        targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        missing = [target for target in targets if not (page.parent / target).exists()]
        assert missing == [], page


def test_the_page_on_the_design_names_every_package_and_is_short():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    packages = [f"charlm/{path.parent.name}/" for path in ROOT.glob("charlm/*/__init__.py")]
    modules = [f"charlm/{path.name}" for path in ROOT.glob("charlm/*.py")]
    assert [place for place in packages + modules if f"`{place}`" not in text] == []
    assert len(text.splitlines()) <= 140  # two pages
