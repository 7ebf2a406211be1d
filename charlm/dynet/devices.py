"""DyNet's devices: the CPU is the only one."""

from __future__ import annotations

from charlm.engine.expression import Expression, Operand
from charlm.engine.ops import scale_gradient
from charlm.errors import ArgumentError, DeviceError

_CPU = "CPU"

__all__ = ["ERRMSG", "HAVE_CUDA", "DeviceInfo", "available_devices", "get_device_info", "to_device"]

HAVE_CUDA = False

ERRMSG = "charlm computes on the CPU: there is no GPU support to install"


class DeviceInfo:
    """A device as DyNet describes it: its name as bytes, its number, and its kind (-1: a CPU)."""

    def __init__(self, name: bytes, id: int, dtype: int) -> None:
        self.name = name
        self.id = id
        self.type = dtype


def available_devices() -> list[bytes]:
    """Return the names of the devices, which DyNet gives as bytes."""
    return [_CPU.encode()]


def get_device_info(name: str) -> DeviceInfo:
    """Return the description of a device; an empty name is the CPU's."""
    check_device(name)
    return DeviceInfo(_CPU.encode(), 0, -1)


def to_device(e: Operand, device_str: str) -> Expression:
    """Return the same numbers on a device, as a new node."""
    check_device(device_str)
    return scale_gradient(e, 1.0)


def check_device(name: str) -> None:
    """Raise DeviceError unless the name is the CPU's or empty."""
    if not isinstance(name, str):
        raise ArgumentError(f"the name of a device is a string, got {name!r}")
    if name not in ("", _CPU):
        raise DeviceError(f"device {name!r}: the only device is {_CPU!r}; leave it out")
