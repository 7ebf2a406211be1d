"""Every error that charlm raises on purpose.

The text of an error says what was given, what the rule is and what to do. Errors of the engine also inherit the
built-in type that DyNet raises for the same mistake, so the ``except`` clauses of a DyNet program still work. The
command line prints the text on stderr and exits with ``exit_code``.
"""

from __future__ import annotations

import shlex
import sys
from importlib import import_module
from typing import Any

from charlm.wording import cut, dotted


class CharlmError(Exception):
    """An expected failure; ``exit_code`` is the exit code of the command line (1: the run failed)."""

    exit_code = 1


class InputError(CharlmError):
    """Something given to charlm is wrong (exit code 2)."""

    exit_code = 2


class ConfigError(InputError, ValueError):
    """A configuration file, or a ``--set`` on the command line, breaks the schema."""


class SettingError(ConfigError):
    """A setting, of a config or of ``charlm.dynet``, has a wrong value.

    Args:
        reason: what is wrong.
        path: the keys that lead to the value from the object that was being made.
    """

    def __init__(self, reason: str, *path: str | int) -> None:
        super().__init__(f"{dotted(path)}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


class TextError(InputError, ValueError):
    """A text cannot be read or used."""


class MissingTextError(TextError):
    """There is no text at ``path``."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path


class UndecodableTextError(TextError):
    """A text has bytes that do not fit its encoding.

    Attributes:
        reason: the problem.
        choice: the encodings to choose from, in words.
        convert: how to convert the text.
        encodings: those that decode all of the text, the most plausible first.
    """

    def __init__(
        self, reason: str, choice: str, convert: str, encodings: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{reason}{choice}: {convert}")
        self.reason = reason
        self.choice = choice
        self.convert = convert
        self.encodings = encodings


class StoredError(InputError, ValueError):
    """A file that charlm reads back is damaged, or charlm did not write it."""


class CheckpointError(InputError, ValueError):
    """A checkpoint is missing, is damaged or has another format."""


class RunExistsError(InputError):
    """The run directory already exists."""


class RunBusyError(InputError):
    """Another process is training in the run directory."""


class OutputError(CharlmError):
    """Something could not be written (disk full, no permission)."""


class RankError(CharlmError):
    """The work of a rank failed.

    Args:
        rank: its number.
        place: the name of its machine.
        reason: what went wrong there.
        exit_code: that of the error there.
    """

    def __init__(self, rank: int, place: str, reason: str, exit_code: int = 1) -> None:
        super().__init__(f"rank {rank} on {place}: {reason}")
        self.exit_code = exit_code


class StandardOutputError(CharlmError):
    """Standard output cannot be written."""


class ClusterError(CharlmError):
    """A Dask cluster cannot be reached, cannot do the work, or was lost."""


class ReaderGoneError(StandardOutputError):
    """The reader of standard output (``| head``) has closed it, which is not a failure."""

    exit_code = 0


class ModelFileError(InputError, RuntimeError):
    """A DyNet model file is damaged, or does not fit the parameters to be loaded."""


class MissingModelFileError(ModelFileError, FileNotFoundError):
    """A model file does not exist."""


class ModelKeyError(InputError, ValueError):
    """A key in a model file is empty or contains forbidden characters."""


class ClusterFileError(InputError, ValueError):
    """A file of word clusters cannot be read, or does not fit the dictionary."""


class MissingExtraError(InputError, ImportError):
    """A feature needs an optional package.

    The advice names the package and this Python, which works for every installation of charlm. An extra's name does
    not: pip cannot find it for a checkout, and `pip install .` would replace an editable installation.

    Args:
        what: the feature.
        package: the package's name on the package index.
        otherwise: what to do without it.

    Example:
        >>> str(MissingExtraError("a plot", "matplotlib"))
        'a plot needs matplotlib, which is not installed; to install it: ...python... -m pip install matplotlib'
    """

    def __init__(self, what: str, package: str, otherwise: str = "") -> None:
        super().__init__(
            f"{what} needs {package}, which is not installed; {how_to_install(package)}{otherwise}"
        )


def import_extra(module: str, what: str) -> Any:
    """Import a module of an optional package.

    Raises:
        MissingExtraError: it cannot be imported; ``what`` needs it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(what, module.partition(".")[0]) from None


def how_to_install(package: str) -> str:
    """Return the command that installs a package for this charlm, as a part of a sentence."""
    return f"to install it: {shlex.quote(sys.executable or 'python')} -m pip install {package}"


class ShapeError(CharlmError, ValueError):
    """Shapes, batch sizes or indices do not fit the operation."""


class ArgumentError(CharlmError, TypeError):
    """An argument has the wrong type."""


class MisuseError(CharlmError, AssertionError):
    """The function cannot use this argument (DyNet has an assertion for it)."""


class EmptyListError(CharlmError, AssertionError):
    """A list argument is empty (DyNet has an assertion for it)."""


class StaleArgumentError(CharlmError, ValueError):
    """A new node uses an expression of an earlier graph."""


class StaleExpressionError(CharlmError, RuntimeError):
    """A value, gradient or dimension is read from an expression of an earlier graph."""


class DeviceError(InputError, RuntimeError):
    """A device other than the CPU is requested."""


class EvaluationError(CharlmError, RuntimeError):
    """The graph cannot be evaluated or differentiated."""


class NegativeIndexError(CharlmError, OverflowError):
    """A number is negative or too large where DyNet needs an unsigned one."""


class OutOfRangeError(CharlmError, IndexError):
    """The index in ``x[i]`` is outside the axis."""


class UnsupportedOperandError(CharlmError, NotImplementedError):
    """An operator is not defined for these types."""


class StaleBuilderError(CharlmError, ValueError):
    """An input is added to an RNN state of an earlier graph."""


class BadGradientError(CharlmError, RuntimeError):
    """The gradient is NaN or infinite."""


class DivergedError(CharlmError, RuntimeError):
    """The loss or gradient of a training is repeatedly not finite, also after rollbacks."""


class GradientCheckError(CharlmError, AssertionError):
    """A gradient differs from central differences."""


def require(name: str, value: object, kinds: type | tuple[type, ...], expected: str) -> None:
    """Raise ArgumentError if an argument has a wrong type.

    A bool does not count as a number.

    >>> require("prime", None, str, "text")
    Traceback (most recent call last):
    charlm.errors.ArgumentError: prime: expected text, got None
    """
    if not isinstance(value, kinds) or isinstance(value, bool):
        shown = cut(repr(value))
        got = shown if value is None else f"{shown} ({type(value).__name__})"
        raise ArgumentError(f"{name}: expected {expected}, got {got}")
