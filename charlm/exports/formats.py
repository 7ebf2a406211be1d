"""The formats of `charlm export`. This module needs no numpy, because the command line lists them in its help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from charlm.lm.model import Model


class Format(NamedTuple):
    """A format; its module has its name, with ``_`` for ``-``.

    Attributes:
        ending: of its files.
        about: what it is, for the help.
    """

    ending: str
    about: str


FORMATS = {
    "onnx": Format(".onnx", "ONNX, opset 17"),
    "torch": Format(".safetensors", "a state_dict of PyTorch, as safetensors"),
    "npz": Format(".npz", "arrays of numpy"),
    "dynet": Format(".model", "a model file of DyNet"),
    "web": Format(".html", "a page in which the model runs"),
    "hf-tokens": Format(".tokenizer.json", "the symbols, for Hugging Face's tokenizers"),
}


@dataclass(frozen=True)
class Exported:
    """The files of an exported model.

    Attributes:
        data: the file.
        beside: other files in the same folder, by what follows the stem of its name in theirs.
    """

    data: bytes
    beside: Mapping[str, bytes] = field(default_factory=dict)


def exported(model: Model, to: str, **options: Any) -> Exported:
    """Return a model as files of a format, one of ``FORMATS``; the options are those of its ``export``.

    Raises:
        InputError: the format cannot express the model.
        MissingExtraError: the format needs a package that is not installed.
    """
    module = import_module(f"{__package__}.{to.replace('-', '_')}")
    files: Exported = module.export(model, **options)
    return files
