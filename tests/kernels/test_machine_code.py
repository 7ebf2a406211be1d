"""Machine code in a file: it is made once, used without numba, and never used when it is not what was made."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest

from charlm import progress
from charlm.kernels import build, machine_code
from charlm.kernels.machine_code import note

pytest.importorskip("numba")

MODULE = "tests.kernels.tiny_entries"
ROOT = os.pathsep.join(map(os.path.abspath, sys.path))


class Heard:
    """Keeps what is said."""

    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)

    def task(self, what, total):
        return nullcontext(lambda amount: None)


@pytest.fixture(scope="module")
def numbas_cache():
    from charlm.kernels.compiled.options import CACHE

    return CACHE


@pytest.fixture(scope="module")
def made(tmp_path_factory, numbas_cache):
    """Compile once for all tests; returns the file's name and content."""
    with pytest.MonkeyPatch.context() as patch:
        folder = _use_cache(patch, tmp_path_factory.mktemp("cache"), numbas_cache)
        assert _works(machine_code.entries(True, MODULE))
    (path,) = folder.iterdir()
    return path.name, path.read_bytes()


@pytest.fixture
def folder(tmp_path, monkeypatch, numbas_cache):
    """Return an empty folder for machine code."""
    yield _use_cache(monkeypatch, tmp_path, numbas_cache)
    machine_code.entries.cache_clear()


@pytest.fixture
def path(folder, made):
    """Return a good file, in the folder for machine code."""
    name, content = made
    file = folder / name
    file.write_bytes(content)
    file.chmod(0o600)
    return file


@pytest.fixture
def said():
    heard = Heard()
    progress.listen(heard)
    yield heard.said
    progress.listen(None)


def _use_cache(patch, home, numbas_cache):
    patch.setenv("XDG_CACHE_HOME", str(home))
    patch.setenv("NUMBA_CACHE_DIR", numbas_cache)  # else all that is compiled is compiled here
    machine_code.entries.cache_clear()
    folder = home / "charlm" / "machine-code"
    folder.mkdir(parents=True)
    return folder


def _works(entries):
    return [entries["after"](6), entries["square"](-3)] == [7, 9]


def _python(script, *args):
    """Start another Python."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *args],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended(process):
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


CALL = f"""
import sys
from charlm.kernels.machine_code import entries
found = entries("wait" in sys.argv, {MODULE!r})
print(found and found["after"](6), "numba" in sys.modules)
"""
NO_NUMBA = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == "numba":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "numba" else found(name)
"""


def test_it_is_used_without_numba(path):
    assert _ended(_python(NO_NUMBA + CALL)) == "7 False\n"


def test_without_numba_nothing_is_compiled(folder):
    assert _ended(_python(NO_NUMBA + CALL)) == "None False\n"
    assert not list(folder.iterdir())


def test_it_is_used_as_it_is_found(path, said):
    assert _works(machine_code.entries(False, MODULE))
    assert not said


DAMAGE = """
import random, sys
from pathlib import Path
from charlm.kernels.machine_code import UnfitError, mapped
content, chance, refused = Path(sys.argv[1]).read_bytes(), random.Random(int(sys.argv[2])), 0
for number in range(300):
    data = bytearray(content)
    if number % 3 == 0:
        del data[chance.randrange(len(data)):]
    elif number % 3 == 1:
        data += bytes(number)
    else:
        for _ in range(chance.choice([1, 2, 100])):
            data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    try:
        mapped(bytes(data), Path(sys.argv[1]).stem)
    except UnfitError:
        refused += 1
print(refused)
"""


def test_damaged_code_is_never_mapped(path):
    # two changes of one byte may undo each other, with one chance in millions
    assert _ended(_python(DAMAGE, str(path), "1")) == "300\n"


def test_an_empty_file_and_a_huge_one_are_refused(path, said):
    note(path).touch()
    path.write_bytes(b"")
    assert machine_code.entries(False, MODULE) is None
    with path.open("wb") as file:
        file.truncate(1 << 40)  # without blocks on the disk
    machine_code.entries.cache_clear()
    assert machine_code.entries(False, MODULE) is None
    assert said == [f"{path}: this compiled code is not used: it is damaged"] * 2


def test_code_for_another_processor_is_refused(path):
    with pytest.raises(machine_code.UnfitError, match="another processor"):
        machine_code.mapped(path.read_bytes(), "f" * 32)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_may_write_to_is_not_used(path, said, mode):
    note(path).touch()
    path.chmod(mode)
    assert machine_code.entries(False, MODULE) is None
    assert "others may write to it" in said[0]


def test_another_users_file_is_not_used(path, said, monkeypatch):
    note(path).touch()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert machine_code.entries(False, MODULE) is None
    assert "another user" in said[0]


def test_what_cannot_be_read_is_not_used(path, said):
    note(path).touch()
    path.unlink()
    path.mkdir()
    assert machine_code.entries(False, MODULE) is None
    assert len(said) == 1


def test_another_state_of_the_sources_and_another_processor_have_another_file(path, monkeypatch):
    binding = pytest.importorskip("llvmlite.binding")
    assert machine_code._state(binding, MODULE) == path.stem
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert machine_code._state(binding, MODULE) != path.stem


def test_several_processes_make_a_damaged_file_anew(path):
    path.write_bytes(path.read_bytes()[:-1])
    both = [_python(CALL, "wait") for _ in range(2)]
    assert [_ended(process) for process in both] == ["7 False\n"] * 2
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_compiled_in_the_background_once(folder, said):
    assert _ended(_python(CALL)) == "None False\n"  # and what it began goes on
    machine_code.entries(False, MODULE)
    assert not said  # it has begun, or is done
    machine_code.entries.cache_clear()
    assert _works(machine_code.entries(True, MODULE))  # waits for it
    assert len([*folder.glob("*.code")]) == 1


def test_what_is_killed_leaves_no_half_file(folder, made):
    file = folder / made[0]
    for seconds in (0.2, 0.6, 0.9):  # it takes about one, in which it may end
        process = subprocess.Popen(machine_code._command(file, MODULE))
        time.sleep(seconds)
        process.kill()
        process.wait()
        assert not file.exists() or machine_code.mapped(file.read_bytes(), file.stem)
    assert _works(machine_code.entries(True, MODULE))


def test_what_killed_processes_left_is_removed_after_a_day(folder, made):
    old, young, unused = (folder / name for name in (".charlm-1.tmp", ".charlm-2.tmp", "0.code"))
    for place in (old, young):
        place.mkdir()
        (place / "part").touch()
    unused.touch()
    os.utime(old, (0, 0))
    os.utime(unused, (0, 0))
    build.build(folder / made[0], MODULE)
    assert sorted(folder.iterdir()) == [young, folder / made[0]]


def test_what_failed_is_tried_again_after_a_day(folder, said):
    module = "tests.kernels.no_such_entries"
    assert machine_code.entries(True, module) is None
    assert said[-1].startswith("Compiling failed, so numpy is used: ModuleNotFoundError")
    (kept,) = folder.iterdir()
    said.clear()
    assert machine_code.entries(False, module) is None
    assert not said
    long_ago = kept.stat().st_mtime - machine_code.PATIENCE - 60
    os.utime(kept, (long_ago, long_ago))
    machine_code.entries.cache_clear()
    assert machine_code.entries(False, module) is None
    assert len(said) == 1
    assert kept.stat().st_mtime > long_ago


def test_without_a_folder_it_is_compiled_for_this_process_alone(
    tmp_path, monkeypatch, said, numbas_cache
):
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    monkeypatch.setenv("NUMBA_CACHE_DIR", numbas_cache)
    machine_code.entries.cache_clear()
    assert machine_code.entries(False, MODULE) is None
    assert not said
    assert _works(machine_code.entries(True, MODULE))
    machine_code.entries.cache_clear()
