"""The machine and the versions, without names of hosts, users or folders."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import charlm

PACKAGES = {"numpy": "numpy", "numba": "numba", "PyTorch": "torch", "DyNet": "dyNET38"}


def describe(threads: int) -> dict[str, str]:
    """Return the facts that the numbers depend on."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    packages = [f"{name} {_version(package)}" for name, package in PACKAGES.items()]
    return {
        "processor": f"{_processor()}, {threads} cores used",
        "memory": f"{_memory():.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "packages": f"charlm {charlm.__version__}, {', '.join(packages)}",
        "numpy's matrix product": f"{blas['name']} {blas['version']}",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
