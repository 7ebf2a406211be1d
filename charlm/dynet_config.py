"""DyNet's settings, set before ``charlm.dynet`` is imported: ``import charlm.dynet_config as dynet_config``.

    >>> import charlm.dynet_config as dynet_config
    >>> dynet_config.set(random_seed=7, weight_decay=1e-6)
    >>> dynet_config.get()["seed"]
    7

``charlm.dynet`` reads them when it is imported, and in ``init()``. If nothing is set here, DyNet reads ``sys.argv``;
charlm does so only in ``charlm.dynet.DynetParams.from_args``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_config: dict[str, Any] | None = None
_gpu: bool | None = None


def set(
    mem: int | str = "512",
    random_seed: int = 0,
    autobatch: int = 0,
    profiling: int = 0,
    weight_decay: float = 0,
    shared_parameters: int = 0,
    requested_gpus: int = 0,
    gpu_mask: Sequence[int] | None = None,
) -> None:
    """Replace all settings; the defaults are DyNet's.

    Args:
        mem: no effect: memory is allocated when it is needed.
        random_seed: 0 takes a seed from the operating system.
        autobatch: no effect: graphs are never batched automatically.
        profiling: no effect: there is nothing to print.
        weight_decay: lambda of later collections, see ``ParameterCollection.set_weight_decay``.
        shared_parameters: must be 0, because parameters are not shared between processes; ``init`` checks it.
        requested_gpus: no effect, as in a DyNet that was built without them.
        gpu_mask: no effect, likewise.
    """
    global _config
    _config = {
        "mem": mem,
        "seed": random_seed,
        "autobatch": autobatch,
        "profiling": profiling,
        "weight_decay": weight_decay,
        "shared_params": shared_parameters,
        "requested_gpus": requested_gpus,
        "gpu_mask": list(gpu_mask or ()),
    }


def set_gpu(flag: bool = True) -> None:
    """Ask for a GPU; there is none, and everything runs on the CPU."""
    global _gpu
    _gpu = flag
    if _config is None:
        set(requested_gpus=1)
    else:
        _config["requested_gpus"] = 1


def gpu() -> bool | None:
    """Return what ``set_gpu`` was given; None if it was not called."""
    return _gpu


def get() -> dict[str, Any] | None:
    """Return the settings; None if nothing was set."""
    return _config
