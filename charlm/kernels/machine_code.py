"""Compiled code that is made once for each user, kept in a file, and used without importing numba.

A file fits one state of the sources, one version of llvmlite and one processor; its name has all three. It
holds a digest, a line of names, and an object file, which llvmlite maps into memory in a few milliseconds. As its
code runs, a file is used only if the user owns it, if no other user may write to it, and if its digest is right.

numba's version is not in the name: so a user who has only llvmlite can load the file too. A new numba needs a new
llvmlite, or compiles the same sources to the same meaning.
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
"""A compiled function: takes the address of an array of int64."""

ENTRIES = "charlm.kernels.compiled.entries"
"""The module whose ``ENTRIES`` are compiled: names and functions."""
SAMPLING = "charlm.kernels.compiled.sampling"
"""The module with those that sample. They have a file of their own, which is made in a few seconds."""
OWN = 0o600
MOST = 64 << 20
"""The most bytes that a file may have."""
PATIENCE = 24 * 3600
"""Seconds after a failed compilation until the next try."""
_DIGEST = hashlib.sha256().digest_size
_HERE = Path(__file__).parent


class UnfitError(Exception):
    """A file of compiled code cannot be used."""


@functools.cache
def entries(
    wait: bool = False, module: str = ENTRIES, later: bool = True
) -> dict[str, Entry] | None:
    """Return the compiled functions by name; None if there are none for this processor and these sources.

    In that case this process keeps numpy.

    Args:
        wait: whether to compile missing functions now, and wait.
        module: the module that has them.
        later: whether else to compile them in the background, for later processes.
    """
    if find_spec("llvmlite") is None:
        return None
    from llvmlite import binding

    name = f"{_state(binding, module)}.code"
    folder = cache_folder("machine-code")
    loaded = _loaded(folder / name) if folder else None
    if loaded or find_spec("numba") is None:
        return loaded
    if wait:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() if folder is None else nullcontext(folder) as place:
            return _compiled(Path(place, name), module)
    if folder and later:
        _compile_later(folder / name, module)
    return None


def mapped(data: bytes, name: str) -> dict[str, Entry]:
    """Return the functions in the data that ``packed`` made.

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
    # the interpreter's lock is kept: releasing it takes as long as the whole call, 0.17 us
    kind = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    return {entry: kind(engine.get_function_address(symbol(entry))) for entry in names[1:]}


def concurrent(entry: Entry) -> Entry:
    """Return the same function for long calls and for waiting: other threads of Python go on meanwhile."""
    function: Any = entry
    where = ctypes.cast(function, ctypes.c_void_p).value
    assert where is not None
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(where)


def packed(name: str, names: list[str], code: bytes) -> bytes:
    """Return a file's content: a digest of the rest, a line of names, and an object file with the named entries."""
    rest = " ".join([name, *names]).encode() + b"\n" + code
    return hashlib.sha256(rest).digest() + rest


def sources() -> list[Path]:
    """Return the source files of compiled code."""
    shared = [_HERE / name for name in ("sampler.py", "tapes.py", "team.py")]
    shared.append(_HERE / "reference" / "updates.py")
    return [*shared, *sorted((_HERE / "compiled").glob("*.py"))]


def symbol(entry: str) -> str:
    """Return the name of an entry in its object file."""
    return f"charlm_{entry}"


def note(path: Path) -> Path:
    """Return the log file of a compilation; it is removed if the compilation succeeds."""
    return path.with_suffix(".note")


_ENGINES: list[Any] = []
"""They own the memory of the code, which must stay until the process ends."""


def _engine(code: bytes) -> Any:
    """Return an object file mapped into memory. A reference to a missing function would end this process."""
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
    """Return a name for everything that the machine code depends on."""
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


def _loaded(path: Path) -> dict[str, Entry] | None:
    """Return the functions of a file; None if there is no file, or if it cannot be used, which a message says."""
    try:
        return mapped(_read(path), path.stem)
    except FileNotFoundError:
        return None
    except (OSError, UnfitError) as problem:
        progress.say(f"{path}: this compiled code is not used: {problem}")
        return None


def _read(path: Path) -> bytes:
    """Return the content of a file that only the user can have written."""
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
        progress.say(f"Compiling failed, so numpy is used: {log[-1] if log else 'it was ended'}")
    return _loaded(path)


def _compile_later(path: Path, module: str) -> None:
    """Start compiling in the background, unless that has begun, or has failed within a day."""
    with suppress(OSError):
        if note(path).stat().st_mtime > time.time() - PATIENCE:
            return
    # the shell ends at once, so its child has no parent that waits for it, and no terminal
    if _run(["/bin/sh", "-c", 'nice "$@" &', "sh", *_command(path, module)], path):
        progress.say(
            "Compiling the kernels in the background, once on this machine: this takes one or two minutes. "
            "numpy is used until then"
        )


def _command(path: Path, module: str) -> list[str]:
    """Return the command that compiles to a file, unless another process does so before it begins."""
    return [sys.executable, "-m", "charlm.kernels.build", str(path), module, str(time.time())]


def _run(command: list[str], path: Path) -> bool:
    """Run a command that compiles to a file, without this process's terminal; return whether it succeeded."""
    import subprocess  # this and other modules are imported where they are used: each takes milliseconds

    paths = os.pathsep.join(map(os.path.abspath, sys.path))
    # Intel's functions are in a library that is missing when the code is used
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
