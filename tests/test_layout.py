"""Short documented modules, quick imports, no machine's paths, complete distributions."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import charlm

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "charlm"
MODULES = sorted(PACKAGE.rglob("*.py"))

# places on the machines it was written on; in two pieces, so that this file does not name them
MACHINE_PATHS = ["/" + name for name in ("work/", "tmp/", "root/", "opt/", "home/")]
MACHINE_PATHS += ["." + name for name in ("pyenv", "./shared")]


def module_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def run_python(*args: str, cwd: Path, path: Path = ROOT) -> str:
    """Return the stdout of a Python that imports charlm from ``path``."""
    done = subprocess.run(
        [sys.executable, *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", MODULES, ids=module_id)
def test_a_module_is_short_and_says_what_it_is(module):
    source = module.read_text(encoding="utf-8")
    lines = len(source.splitlines())
    assert lines <= (250 if module.is_relative_to(PACKAGE / "cli") else 400)
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("names", ["charlm", "charlm, charlm.cli"])
def test_importing_it_is_quick(names, tmp_path):
    heavy = "{'numpy', 'numba', 'matplotlib', 'ruamel', 'safetensors'}"
    code = f"import sys, {names}; print(sorted({heavy} & set(sys.modules)))"
    assert run_python("-c", code, cwd=tmp_path) == "[]\n"


def test_no_file_names_a_place_on_the_machine_it_was_written_on():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so which files are the project's is not known")
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in sorted(filter(None, listed.split("\0"))):
        if (ROOT / name).is_file():
            text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
            found += [(name, path) for path in MACHINE_PATHS if path in text]
    assert not found


@pytest.fixture(scope="module")
def distributions(tmp_path_factory) -> tuple[set[str], Path]:
    """Return the names in the sdist, and the folder that a wheel made from it unpacks to."""
    pytest.importorskip("hatchling", reason="building needs hatchling, of the dev extra")
    folder = tmp_path_factory.mktemp("distributions")

    def build(target: str, source: Path) -> Path:
        command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (built,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
        return built

    with tarfile.open(build("sdist", ROOT)) as archive:
        archive.extractall(folder, filter="data")
    source = folder / f"charlm_rnn-{charlm.__version__}"
    with zipfile.ZipFile(build("wheel", source)) as archive:
        archive.extractall(folder / "installed")
    names = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()}
    return names, folder / "installed"


def project_files(*folders: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_sdist_holds_everything(distributions):
    names, _ = distributions
    folders = ("charlm", "configs", "data", "docs", "examples", "benchmarks", "tests")
    assert project_files(*folders) <= names
    assert {"pyproject.toml", "Makefile", "README.md", "LICENSE", "CHANGELOG.md"} <= names


def test_the_wheel_holds_the_package_with_its_configs_and_data_and_nothing_else(distributions):
    _, installed = distributions
    files = {p.relative_to(installed).as_posix() for p in installed.rglob("*") if p.is_file()}
    expected = {f"charlm/_bundled/{name}" for name in project_files("configs", "data")}
    expected |= project_files("charlm")
    assert {name for name in files if ".dist-info/" not in name} == expected


def test_the_wheel_finds_its_configs_from_any_directory(distributions, tmp_path):
    _, installed = distributions
    listed = run_python("-m", "charlm", "train", "--list", cwd=tmp_path, path=installed)
    for name in ("srnn", "lstm", "gru"):
        assert name in listed


def test_the_description_has_no_links_to_files_that_an_index_does_not_show(distributions):
    _, installed = distributions
    (metadata,) = installed.glob("*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "docs/texts.md" in text
    assert "Project-URL: " in text
