"""Reading the weights of PyTorch programs: tensors, and the symbols beside them. Nothing in a file is executed.

A safetensors file has no code. A file of ``torch.save`` is a pickle: PyTorch itself reads it, with
``weights_only=True``, which refuses everything but tensors and plain data.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from charlm.engine.arrays import Array
from charlm.errors import ModelFileError, import_extra
from charlm.exports.content import NAME
from charlm.files import read_whole, why_unreadable
from charlm.runs.checkpoint import FORMAT

MOST = 16 << 30
"""The largest file in bytes."""
RECURRENT = re.compile(r"(?:.*\.)?weight_hh_l0")
SAVED_BY_TORCH = (b"PK\x03\x04", b"\x80")
"""The first bytes of a file of ``torch.save``: an archive, and before PyTorch 1.6 a pickle."""
_SAVE_AS = (
    "save the state_dict as safetensors: safetensors.torch.save_file(model.state_dict(), FILE)"
)


@dataclass(frozen=True)
class TorchFile:
    """The content of a file.

    Attributes:
        path: of the file.
        tensors: float32, by the names of a ``state_dict``.
        facts: the other entries, plain data that may have the symbols.
        description: of the model, if charlm exported the file.
    """

    path: Path
    tensors: Mapping[str, Array]
    facts: Mapping[str, Any]
    description: Mapping[str, Any]


def read_torch_file(path: Path) -> TorchFile:
    """Read a safetensors file, or one of ``torch.save``.

    Raises:
        ModelFileError: it cannot be read, is of another kind, is damaged, or has anything but data.
        MissingExtraError: it needs PyTorch, which is not installed.
    """
    try:
        content = read_whole(path, MOST)
    except OSError as error:
        raise ModelFileError(f"{path}: {why_unreadable(error)}") from error
    if content[8:9] == b"{":  # first: the length before it may begin like a pickle
        return _safetensors(path, content)
    if content.startswith(SAVED_BY_TORCH):
        return _saved_by_torch(path)
    raise ModelFileError(f"{path}: neither a safetensors file nor a file of torch.save; {_SAVE_AS}")


def _safetensors(path: Path, content: bytes) -> TorchFile:
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    # KeyError: a number type that numpy lacks
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{path}: the safetensors file is damaged, or has numbers of a type that numpy lacks ({error}); use a "
            "copy, and save the weights as float32"
        ) from error
    metadata = header.get("__metadata__") or {}
    facts = {key: _plain(value) for key, value in metadata.items()}
    about = facts.pop(NAME, {})
    description = about if isinstance(about, dict) else {}
    if description.get("format") == FORMAT:
        raise ModelFileError(
            f"{path} is a checkpoint of charlm already: give it to charlm sample, eval or score as it is"
        )
    return TorchFile(path, _floats(path, tensors), facts, description)


def _plain(text: str) -> Any:
    """Return the data in a text of JSON; the text itself if it is something else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _saved_by_torch(path: Path) -> TorchFile:
    torch = import_extra("torch", f"{path}, a file of torch.save,")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle of a damaged file
            content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # PyTorch has no base class for what it finds in a damaged file
        reason = str(error).strip().partition("\n")[0][:200]
        raise ModelFileError(
            f"{path}: PyTorch cannot read it as weights and plain data ({reason}). A file with a whole module, or "
            f"with other objects, has code, which charlm never runs; where you trust the program, {_SAVE_AS}"
        ) from error
    state = _state_dict(content)
    if state is None:
        raise ModelFileError(
            f"{path}: it has no state_dict with the weights of an nn.RNN, nn.LSTM or nn.GRU; {_SAVE_AS}"
        )
    facts = {} if state is content else content
    return TorchFile(path, _floats(path, _arrays(path, state, torch)), facts, {})


def _arrays(path: Path, state: Mapping[str, Any], torch: Any) -> dict[str, Array]:
    """Return the tensors of a ``state_dict``; a forged one may claim to be larger than the file."""
    tensors = {str(name): t for name, t in state.items() if isinstance(t, torch.Tensor)}
    if sum(tensor.numel() for tensor in tensors.values()) > path.stat().st_size:
        raise ModelFileError(f"{path}: its tensors have more numbers than the file has bytes")
    arrays = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.layout != torch.strided:
            raise ModelFileError(f"{path}: {name} has the type {tensor.type()}, floats are needed")
        arrays[name] = tensor.detach().to("cpu", torch.float32).numpy()
    return arrays


def _state_dict(content: Any) -> Mapping[str, Any] | None:
    """Return the ``state_dict`` in the content of a file: all of it, or an entry of it."""
    if not isinstance(content, Mapping):
        return None
    for candidate in (content, *content.values()):
        if isinstance(candidate, Mapping) and any(RECURRENT.fullmatch(str(n)) for n in candidate):
            return candidate
    return None


def _floats(path: Path, tensors: Mapping[str, Array]) -> dict[str, Array]:
    for name, tensor in tensors.items():
        if tensor.dtype.kind != "f":
            raise ModelFileError(
                f"{path}: {name} has numbers of type {tensor.dtype}, floats are needed"
            )
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
