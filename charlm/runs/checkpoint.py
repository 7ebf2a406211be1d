"""The checkpoint file: tensors, configuration, vocabulary and training state.

It is one safetensors file that needs no other. It contains only data, so loading runs no code. The same
content always gives the same bytes, and any change to the file is detected. The meaning of the
configuration and the state is not known here.

The file's one metadata entry, ``charlm``, is JSON with sorted keys, no spaces and only ASCII:
``config``, ``format``, ``format_version``, ``sha256``, ``state``, ``vocab``. (It is one entry, because
the serializer does not fix the order of several.) The checksum covers that JSON without ``sha256``,
then for each tensor, in order of names, the JSON ``[name,dtype,shape]`` and the bytes (little-endian,
C order).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as unpack_tensors
from safetensors.numpy import save as pack_tensors

from charlm.errors import ArgumentError, CheckpointError
from charlm.files import (
    home_expanded,
    path_of,
    read_whole,
    regular,
    why_unreadable,
    write_atomically,
)

LAST_NAME, BEST_NAME = "last.safetensors", "best.safetensors"
"""The checkpoints in a run directory: the latest, and the one with the best held-out score."""

FORMAT = "charlm-checkpoint"
FORMAT_VERSION = 2
MOST_HEADER = 64 << 20
"""The maximum size of a header in bytes; the symbols take most of it."""

_ENTRY = "charlm"
_FIELDS = {"config", "format", "format_version", "sha256", "state", "vocab"}
_GIVE_A_RUN = "give a run directory, or a checkpoint that `charlm train` wrote"
_USE_A_COPY = "use a copy from before the damage, or train again"

Tensor = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The content of a checkpoint.

    ``tensors`` may have any shape (also 0-d and empty) and hold bool, integers, float16, float32 or
    float64. ``config`` and ``state`` are JSON data: dicts with string keys, lists, strings, numbers,
    bools, None. Floats are read back exactly, NaN and infinities too. ``source`` is its name in
    messages: the file.
    """

    tensors: Mapping[str, Tensor]
    config: dict[str, Any]
    vocab: list[str]
    state: dict[str, Any]
    source: str = "checkpoint"

    def damaged(self, what: str) -> CheckpointError:
        """Return the error for a damaged checkpoint; ``what`` is the damage."""
        return _damaged(self.source, what)


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to the file `path`, atomically; equal checkpoints give equal bytes.

    Raises:
        ArgumentError: the format cannot represent something in the checkpoint; nothing was written.
        OutputError: the file cannot be written; an existing file is unchanged.
    """
    try:
        content = _encode(checkpoint)
    except (SafetensorError, TypeError, ValueError) as error:
        raise ArgumentError(f"{path}: a checkpoint cannot hold this: {error}") from error
    write_atomically(Path(path), content)


def load_checkpoint(path: str | os.PathLike[str], which: str | None = None) -> Checkpoint:
    """Return the checkpoint in the file `path`, or one of those in the run directory `path`.

    ``which`` is ``last`` or ``best``; the default is the best if there is one. The tensors are
    writable arrays, in order of names.

    Raises:
        CheckpointError: there is none, it is damaged, or it has another format.
        ArgumentError: ``path`` is not a path.
    """
    file = path_of(path, "run")
    try:
        file = checkpoint_file(path, which)
        if not file.is_file():
            raise _missing(file if file.exists() else Path(path))
        with open(file, "rb", opener=regular) as stream:
            length = _checked_length(file, stream)
        return _decode(file, read_whole(file, length))
    except MemoryError as error:
        raise CheckpointError(f"{file}: cannot be read: it does not fit in memory") from error
    except OSError as error:
        raise CheckpointError(f"{file}: {why_unreadable(error)}") from error


def checkpoint_file(path: str | os.PathLike[str], which: str | None = None) -> Path:
    """Return the file that ``load_checkpoint`` reads.

    Raises:
        CheckpointError: the run has no best checkpoint, or ``which`` is another word.
    """
    run = Path(home_expanded(str(path_of(path, "run"))))
    if which not in (None, "last", "best"):
        raise CheckpointError(f"{run}: checkpoint is 'last' or 'best', or None, got {which!r}")
    if not run.is_dir():
        return run
    best = run / BEST_NAME
    if which is None:
        return best if best.is_file() else run / LAST_NAME
    if which == "best" and not best.is_file() and (run / LAST_NAME).is_file():
        raise CheckpointError(
            f"{run}: no best checkpoint ({BEST_NAME}), because no held-out text was scored; "
            "take the last one"
        )
    return best if which == "best" else run / LAST_NAME


def _encode(checkpoint: Checkpoint) -> bytes:
    """Return the file's bytes; content that the format cannot represent raises one of several errors."""
    tensors = {name: _little_endian(tensor) for name, tensor in checkpoint.tensors.items()}
    for name, tensor in tensors.items():
        if tensor.dtype.kind not in "biuf" or name == "__metadata__":
            raise TypeError(f"a tensor of {tensor.dtype} named {name!r}")
    fields = {
        "config": checkpoint.config,
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "state": checkpoint.state,
        "vocab": checkpoint.vocab,
    }
    fields["sha256"] = _digest(fields, tensors)
    return pack_tensors(tensors, {_ENTRY: _canonical(fields)})


def _decode(file: Path, content: bytes) -> Checkpoint:
    fields, tensors = _unpack(file, content)
    if fields.pop("sha256") != _digest(fields, tensors):
        raise _damaged(file, "its content does not fit its checksum")
    config, vocab, state = fields["config"], fields["vocab"], fields["state"]
    if fields["format_version"] == 1 and isinstance(state, dict):
        state = _of_today(state)
    if not (
        isinstance(config, dict)
        and isinstance(state, dict)
        and isinstance(vocab, list)
        and all(isinstance(symbol, str) for symbol in vocab)
    ):
        raise _foreign(file, "its config, state or vocab is of the wrong type")
    owned = {name: tensors.pop(name).copy() for name in sorted(tensors)}
    return Checkpoint(owned, config, vocab, state, str(file))


def _of_today(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a version 1 under today's names."""
    place = state.pop("place", None)
    if isinstance(place, dict) and "stale" in place:
        place["evals_since_best"] = place.pop("stale")
    return state if place is None else {**state, "progress": place}


def _checked_length(file: Path, stream: BinaryIO) -> int:
    """Return the length of a file after comparing it with the header: a damaged file may be too large to read."""
    start = stream.read(9)
    if start[8:] not in (b"{", b""):
        raise _foreign(file, "it is not a safetensors file")
    length = int.from_bytes(start[:8], "little")
    if length > MOST_HEADER:
        raise _damaged(file, "its header is too large")
    try:
        tensors = json.loads(start[8:] + stream.read(max(0, length - 1)))
        ends = [t["data_offsets"][1] for name, t in tensors.items() if name != "__metadata__"]
        whole = 8 + length + max([0, *ends])
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(file, "its header cannot be read") from error
    size = os.fstat(stream.fileno()).st_size
    if size != whole:
        raise _damaged(file, f"it has {size:,} bytes, but its header says {whole:,}")
    return size


def _unpack(file: Path, content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the metadata's fields and the tensors; the checksum is compared later.

    The checksum covers the meaning of the header. Its spelling is compared here, so that a changed
    byte without a meaning (a space that became a line end, an escape in upper case) is detected too.
    """
    try:
        tensors = unpack_tensors(content)
        header_end = 8 + int.from_bytes(content[:8], "little")
        text = content[8:header_end].rstrip(b" ").decode()
        header = json.loads(text)
        metadata = header.get("__metadata__") or {}
        entry = metadata.get(_ENTRY, "null")
        fields = json.loads(entry)
        as_written = (
            text == json.dumps(header, separators=(",", ":"), ensure_ascii=False)
            and entry == _canonical(fields)
            and metadata.keys() == {_ENTRY}
        )
    # KeyError: a tensor type that numpy lacks. ValueError: not JSON or UTF-8, or an impossible shape.
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise _damaged(file, str(error)) from error
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise _foreign(file, f"its metadata does not name the format {FORMAT}")
    _check_version(file, fields.get("format_version"))
    if not as_written or fields.keys() != _FIELDS:
        raise _damaged(file, "its header is not as it was written")
    return fields, tensors


def _check_version(file: Path, version: object) -> None:
    if type(version) is not int or version < 1:
        raise _damaged(file, f"its format version is {version!r}")
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{file}: a checkpoint of format version {version}, from a newer charlm; this one "
            f"reads up to version {FORMAT_VERSION}: install a newer charlm"
        )


def _digest(fields: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return the checksum defined in the module's docstring; `fields` does not contain ``sha256``."""
    digest = hashlib.sha256(_canonical(fields).encode())
    for name in sorted(tensors):
        tensor = _little_endian(tensors[name])
        digest.update(_canonical([name, tensor.dtype.str, tensor.shape]).encode())
        digest.update(tensor.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _little_endian(tensor: Tensor) -> Tensor:
    return np.asarray(tensor, dtype=tensor.dtype.newbyteorder("<"), order="C")


def _damaged(file: str | Path, what: str) -> CheckpointError:
    return CheckpointError(f"{file}: the checkpoint is damaged: {what}; {_USE_A_COPY}")


def _foreign(file: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{file}: not a charlm checkpoint: {what}; {_GIVE_A_RUN}")


def _missing(path: Path) -> CheckpointError:
    """Return the error for a path without a checkpoint; it names runs that exist."""
    if path.is_dir():
        what = f"no checkpoint ({LAST_NAME}) in this folder"
    elif path.exists():
        what = "not a regular file"
    else:
        what = "no such run or checkpoint"
    return CheckpointError(f"{path}: {what}; {suggested_run(path)}")


def no_run(path: Path) -> CheckpointError:
    """Return the error for a path that is not a run; it names runs that exist."""
    return CheckpointError(
        f"{path}: no run is there (a folder with a config.yaml); {suggested_run(path)}"
    )


def suggested_run(path: Path) -> str:
    """Return advice for a path without a run: a similar name, the runs that exist, or how to make one."""
    folders = (path.parent, Path("runs"))
    last = [file for folder in folders for file in folder.glob(f"*/{LAST_NAME}")]
    runs = sorted({file.resolve(): file.parent for file in last if file.is_file()}.values())
    close = difflib.get_close_matches(path.name, [run.name for run in runs], n=1)
    if close:
        return f"did you mean {next(run for run in runs if run.name == close[0])}?"
    if runs:
        return f"runs that exist: {', '.join(map(str, runs[:5]))}{', ...' if runs[5:] else ''}"
    return "`charlm train` makes a run"
