"""Settings of a program, such as seed and weight decay: ``init``, and DyNet's class ``DynetParams``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from charlm import dynet_config
from charlm.dynet import session
from charlm.dynet.devices import check_device
from charlm.engine.ops.arguments import unsigned
from charlm.engine.parameters import decay_rate
from charlm.errors import ArgumentError, SettingError

__all__ = ["DynetParams", "init", "init_from_params"]


def init(
    random_seed: int | None = None,
    dtype: str = "float32",
    *,
    mem: int | str | None = None,
    autobatch: bool | None = None,
    weight_decay: float | None = None,
    kernels: str | None = None,
) -> None:
    """Start again: a new graph, a new random stream. ``charlm.dynet_config`` has the defaults.

    Args:
        random_seed: the seed; 0 takes one from the operating system.
        dtype: the number type of new collections and graphs: "float32", as in DyNet, or "float64" for gradient checks.
        mem: no effect: memory is allocated when it is needed.
        autobatch: no effect, as in ``renew_cg``.
        kernels: "numpy"; "numba" (the extra ``fast``), which may have to compile first; or "auto", compiled code
            for graphs if there is any and numpy for the rest. The default is ``CHARLM_KERNELS``, else "auto".
        weight_decay: lambda of new collections, see ``ParameterCollection.set_weight_decay``.
    """
    params = DynetParams()
    params.from_config(dynet_config.get() or params.settings)
    if random_seed is not None:
        params.set_random_seed(random_seed)
    if mem is not None:
        params.settings["mem"] = _memory(mem)
    if autobatch is not None:
        params.set_autobatch(autobatch)
    if weight_decay is not None:
        params.set_weight_decay(weight_decay)
    session.start(params.settings, dtype, kernels)


def init_from_params(params: DynetParams) -> None:
    """Start again with these settings."""
    if not isinstance(params, DynetParams):
        raise ArgumentError(f"init_from_params: a DynetParams is needed, got {params!r}")
    params.init()


class DynetParams:
    """Settings for ``init()``; ``charlm.dynet_config.set`` explains them.

    Example:
        >>> params = DynetParams()
        >>> params.set_random_seed(3)
        >>> params.set_weight_decay(1e-6)
        >>> params.init()
    """

    before_program: ClassVar[Sequence[str]] = ()
    """Options of ``python -m charlm.dynet`` before the program's name, which the program does not see."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {
            "mem": "512",
            "seed": 0,
            "autobatch": False,
            "profiling": 0,
            "weight_decay": 0.0,
            "shared_params": False,
            "requested_gpus": 0,
            "gpu_mask": [],
        }

    def from_args(self, shared_parameters: bool | None = None) -> None:
        """Read DyNet's options from ``sys.argv``, and leave the options of the program there.

        Args:
            shared_parameters: see ``set_shared_parameters``.

        Raises:
            SettingError: an option has no value, or a wrong one.
            DeviceError: an option asks for a GPU.
        """
        self.read([*self.before_program, *sys.argv[1:]])
        if shared_parameters is not None:
            self.set_shared_parameters(shared_parameters)

    def read(self, arguments: Sequence[str]) -> None:
        """Read DyNet's options from a list of arguments, like ``from_args``."""
        setters: dict[str, Callable[[str], None]] = {
            "--dynet-mem": lambda text: self.settings.update(mem=_memory(text)),
            "--dynet-seed": lambda text: self.set_random_seed(int(text)),
            "--dynet-autobatch": lambda text: self.set_autobatch(bool(int(text))),
            "--dynet-profiling": lambda text: self.set_profiling(int(text)),
            "--dynet-weight-decay": lambda text: self.set_weight_decay(float(text)),
            "--dynet-devices": check_device,
        }
        for place, argument in enumerate(arguments, 1):
            name, equals, value = argument.partition("=")
            name = name.replace("_", "-")
            if name in ("--dynet-gpu", "--dynet-gpus"):
                check_device("GPU")
            if name not in setters:
                continue
            if not equals:
                value = arguments[place] if place < len(arguments) else "--"
            if value.startswith("--"):
                raise SettingError(f"{name} has no value; give one, or leave the option out")
            try:
                setters[name](value)
            except (ValueError, OverflowError) as error:
                raise SettingError(f"{name} {value}: {error}") from error

    def from_config(self, conf: Mapping[str, Any]) -> None:
        """Read all settings from a dictionary like that of ``charlm.dynet_config.get()``."""
        for key in self.settings:
            if key not in conf:
                raise SettingError(
                    f"from_config: {key!r} is missing; the keys are {list(self.settings)}"
                )
        self.settings["mem"] = _memory(conf["mem"])
        self.set_random_seed(conf["seed"])
        self.set_autobatch(conf["autobatch"])
        self.set_profiling(conf["profiling"])
        self.set_weight_decay(conf["weight_decay"])
        self.set_shared_parameters(conf["shared_params"])
        self.set_requested_gpus(conf["requested_gpus"])
        self.set_gpu_mask(conf["gpu_mask"])

    def init(self) -> None:
        """Start again with these settings: a new graph, a new random stream.

        In DyNet only the first call has an effect, and its import is one; here each call has.
        """
        session.start(self.settings)

    def set_mem(self, mem: int) -> None:
        """Store a number of megabytes; it has no effect, because memory is allocated when it is needed."""
        self.settings["mem"] = str(unsigned(mem, "set_mem"))

    def set_random_seed(self, random_seed: int) -> None:
        """Set the seed; 0 takes one from the operating system."""
        self.settings["seed"] = unsigned(random_seed, "set_random_seed")

    def set_autobatch(self, autobatch: bool) -> None:
        """Store the setting; it has no effect, as in ``renew_cg``."""
        self.settings["autobatch"] = bool(autobatch)

    def set_profiling(self, profiling: int) -> None:
        """Store a level; it has no effect."""
        self.settings["profiling"] = unsigned(profiling, "set_profiling")

    def set_weight_decay(self, weight_decay: float) -> None:
        """Set lambda of new collections, 0 or more and less than 1."""
        self.settings["weight_decay"] = decay_rate(weight_decay, "set_weight_decay")

    def set_shared_parameters(self, shared_parameters: bool) -> None:
        """Raise SettingError for True: in DyNet, forked processes then train the same parameters."""
        if shared_parameters:
            raise SettingError(
                "shared_parameters: charlm's parameters are not shared between processes: a forked process would train "
                "a copy that the others never see. Leave it out to train in one process"
            )
        self.settings["shared_params"] = False

    def set_requested_gpus(self, requested_gpus: int) -> None:
        """Store a number; it has no effect, as in a DyNet without GPUs."""
        self.settings["requested_gpus"] = unsigned(requested_gpus, "set_requested_gpus")

    def set_gpu_mask(self, gpu_mask: Sequence[int]) -> None:
        """Store which GPUs to use; it has no effect, as in a DyNet without GPUs."""
        self.settings["gpu_mask"] = list(gpu_mask)

    def set_cpu_mode(self) -> None:
        """Request no GPU."""
        self.settings["requested_gpus"] = 0


def _memory(mem: Any) -> str:
    """Return a number of megabytes, or four with commas between them as in DyNet, as text."""
    parts = str(mem).split(",")
    if len(parts) not in (1, 4) or not all(part.isdecimal() for part in parts):
        raise SettingError(
            f"mem: a number of megabytes is needed, or four such as 1,2,3,4; got {mem!r}"
        )
    return str(mem)
