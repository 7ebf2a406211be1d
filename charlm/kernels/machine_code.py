"""Compiled code that is made once for each user, kept in a file, and used without importing numba.

A file fits one state of the sources, one version of llvmlite and one processor, and all three are in its name. It
holds a digest, a line of names, and an object file, which llvmlite maps into memory in a few milliseconds. It is
code that runs: only a file counts that belongs to the user, that nobody else may write to, and whose digest is right.

numba's version is not in the name: whoever has llvmlite alone finds the file too, and a new numba comes with a new
llvmlite or means the same by the same sources.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from charlm import progress
from charlm.files import cache_folder, regular
from charlm.kernels.compiling import COMPILING

Entry: TypeAlias = Callable[[int], int]
"""Takes the address of an array of int64."""

ENTRIES = "charlm.kernels.compiled.entries"
"""The module whose ``ENTRIES`` are compiled: names and functions."""
OWN = 0o600
MOST = 64 << 20
"""Bytes of a file, at most."""
PATIENCE = 24 * 3600
"""Seconds until what could not be compiled is tried again."""
_DIGEST = hashlib.sha256().digest_size
_HERE = Path(__file__).parent


class UnfitError(Exception):
    """A file of compiled code is not to be used."""


@functools.cache
def entries(wait: bool = False, module: str = ENTRIES) -> dict[str, Entry] | None:
    """Return the compiled functions by name; None if there are none for this processor and these sources.

    Then they are compiled in the background, for the processes that come later; a process that has begun
    with numpy goes on with it.

    Args:
        wait: whether to compile them now, and wait for it.
        module: where they are.
    """
    if find_spec("llvmlite") is None:
        return None
    from llvmlite import binding

    name = f"{_state(binding, module)}.code"
    folder = cache_folder("machine-code")
    found = _found(folder / name) if folder else None
    if found or find_spec("numba") is None:
        return found
    if wait:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() if folder is None else nullcontext(folder) as place:
            return _compiled(Path(place, name), module)
    if folder:
        _compile_later(folder / name, module)
    return None


def mapped(data: bytes, name: str) -> dict[str, Entry]:
    """Return the functions in what ``packed`` made.

    Raises:
        UnfitError: the data is damaged, or made for another name.
    """
    digest, rest = data[:_DIGEST], data[_DIGEST:]
    if hashlib.sha256(rest).digest() != digest:
        raise UnfitError("it is damaged")
    line, _, code = rest.partition(b"\n")
    names = line.decode(errors="replace").split()
    if names[:1] != [name]:
        raise UnfitError("it was made for other sources or another processor")
    engine = _engine(code)
    _ENGINES.append(engine)
    # the interpreter's lock is kept: to release it takes as long as the whole call, 0.17 us
    kind = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    return {entry: kind(engine.get_function_address(symbol(entry))) for entry in names[1:]}


def packed(name: str, names: list[str], code: bytes) -> bytes:
    """Return a file's content: a digest of the rest, a line of names, and an object file with the named entries."""
    rest = " ".join([name, *names]).encode() + b"\n" + code
    return hashlib.sha256(rest).digest() + rest


def sources() -> list[Path]:
    """Return the files that compiled code is made of."""
    shared = [_HERE / "tapes.py", _HERE / "reference" / "updates.py"]
    return [*shared, *sorted((_HERE / "compiled").glob("*.py"))]


def symbol(entry: str) -> str:
    """Return the name of an entry in its object file."""
    return f"charlm_{entry}"


def note(path: Path) -> Path:
    """Return the file that is there from the beginning of compiling to its good end, and says what went wrong."""
    return path.with_suffix(".note")


_ENGINES: list[Any] = []
"""They hold the memory of the code, which stays until the process ends."""


def _engine(code: bytes) -> Any:
    """Return an object file mapped into memory; one that refers to what this process does not have would end it."""
    from llvmlite import binding

    with suppress(AttributeError, RuntimeError):  # since 0.45 there is no need
        binding.initialize()
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _state(binding: Any, module: str) -> str:
    """Return a name for what the machine code depends on."""
    from llvmlite import __version__ as version

    processor = [
        binding.get_process_triple(),
        os.environ.get("NUMBA_CPU_NAME") or binding.get_host_cpu_name(),
        os.environ.get("NUMBA_CPU_FEATURES") or binding.get_host_cpu_features().flatten(),
    ]
    state = hashlib.sha256(" ".join([module, version, *processor]).encode())
    for source in sources():
        state.update(source.read_bytes())
    return state.hexdigest()[:32]


def _found(path: Path) -> dict[str, Entry] | None:
    """Return the functions of a file; None if there is none that is fit, after saying so if there is one."""
    try:
        return mapped(_read(path), path.stem)
    except FileNotFoundError:
        return None
    except (OSError, UnfitError) as problem:
        progress.say(f"{path}: this compiled code is not used: {problem}")
        return None


def _read(path: Path) -> bytes:
    """Return the content of a file that nobody but the user can have written."""
    with open(path, "rb", opener=regular) as file:
        about = os.fstat(file.fileno())
        if about.st_uid != os.geteuid() or about.st_mode & 0o022:
            raise UnfitError("it belongs to another user, or others may write to it")
        if about.st_size > MOST:
            raise UnfitError("it is damaged")
        return file.read()


def _compiled(path: Path, module: str) -> dict[str, Entry] | None:
    """Compile to a file in another process, wait for it, and return the functions; None if that failed."""
    COMPILING.begin()
    try:
        good = _run([*_command(path, module), "--wait"], path)
    finally:
        COMPILING.end()
    if not good:
        log = note(path).read_text(errors="replace").splitlines() if note(path).exists() else []
        progress.say(f"compiling failed, and numpy computes: {log[-1] if log else 'it was ended'}")
    return _found(path)


def _compile_later(path: Path, module: str) -> None:
    """Start compiling in the background, unless that has begun, or has failed within a day."""
    with suppress(OSError):
        if note(path).stat().st_mtime > time.time() - PATIENCE:
            return
    # the shell is gone at once: its child is nobody's to wait for, and knows no terminal
    if _run(["/bin/sh", "-c", 'nice "$@" &', "sh", *_command(path, module)], path):
        progress.say(
            "compiling in the background, once on this machine: a minute or two; meanwhile numpy computes"
        )


def _command(path: Path, module: str) -> list[str]:
    """Return what compiles to a file, unless another process has done so by the time that it begins."""
    return [sys.executable, "-m", "charlm.kernels.build", str(path), module, str(time.time())]


def _run(command: list[str], path: Path) -> bool:
    """Run what compiles to a file, apart from this process's terminal; return whether it ended well."""
    import subprocess  # this and other modules above are imported where they are used: each takes milliseconds

    paths = os.pathsep.join(map(os.path.abspath, sys.path))
    # Intel's functions are in no library that is here when the code is used
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_DISABLE_INTEL_SVML": "1"}
    try:
        with open(note(path), "wb", opener=_own) as log:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=path.parent,
                env=environment,
                start_new_session=True,
            )
    except OSError:
        return False
    return ended.returncode == 0


def _own(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, OWN)
