"""Runs an unchanged DyNet program on charlm: ``python -m charlm.dynet [OPTIONS] PROGRAM [ARGUMENTS]``."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TypeAlias

import charlm.dynet
from charlm import dynet_config
from charlm.errors import CharlmError

_Hook: TypeAlias = "Callable[[type[BaseException], BaseException, TracebackType | None], object]"

_OPTIONS = {
    "--dynet-seed": "the seed of all random numbers; 0, the default: a different one each time",
    "--dynet-autobatch": "no effect",
    "--dynet-weight-decay": "the fraction by which each update reduces every value",
    "--dynet-mem": "megabytes; no effect",
    "--dynet-profiling": "a level; no effect",
    "--dynet-devices": "CPU, the only device",
}


class DynetModules(MetaPathFinder, Loader):
    """Imports ``dynet``, ``_dynet`` and ``dynet_config`` from charlm, even if DyNet is installed.

    As in DyNet, importing ``dynet`` starts it with the settings of ``dynet_config``, or else with the options of the
    command line; with ``_dynet`` the program does that.
    """

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        """Return this loader for the three names."""
        ours = fullname in ("dynet", "_dynet", "dynet_config")
        return ModuleSpec(fullname, self) if ours else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with charlm's names, and start DyNet."""
        source = dynet_config if module.__name__ == "dynet_config" else charlm.dynet
        vars(module).update(
            {
                name: value
                for name, value in vars(source).items()
                if not name.startswith("__") or name == "__all__"
            }
        )
        if module.__name__ == "dynet":
            vars(module)["__version__"] = "2.1"
            params = charlm.dynet.DynetParams()
            if (settings := dynet_config.get()) is not None:
                params.from_config(settings)
            else:
                params.from_args()
            params.init()


def main() -> None:
    """Run the program of the command line. Its exceptions and its exit code are not changed."""
    program, arguments, charlm.dynet.DynetParams.before_program = _read(sys.argv[1:])
    sys.meta_path.insert(0, DynetModules())
    sys.argv = [program, *arguments]
    sys.path[0] = str(Path(program).resolve().parent)
    sys.excepthook = _without_this_module(program)
    runpy.run_path(program, run_name="__main__")


def _read(words: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Return the program, its arguments, and the options from before it."""
    parser = argparse.ArgumentParser(
        prog="python -m charlm.dynet",
        usage="python -m charlm.dynet [OPTIONS] PROGRAM [ARGUMENTS]",
        description="Run an unchanged DyNet program on charlm: its imports of dynet, _dynet and dynet_config are "
        "charlm's. DyNet may be installed too.",
        epilog="The options may also be among the program's arguments, where the program sees them, as with DyNet. In "
        "a program that calls dynet_config.set() they have no effect.",
        allow_abbrev=False,
    )
    parser.add_argument("program", metavar="PROGRAM", help="the file to run")
    arguments = parser.add_argument(
        "arguments",
        metavar="ARGUMENTS",
        nargs=argparse.REMAINDER,
        help="the program's arguments, in sys.argv",
    )
    arguments.required = False  # the default from Python 3.13 on
    for name, what in _OPTIONS.items():
        parser.add_argument(
            name, name.replace("-", "_").replace("__", "--", 1), metavar="VALUE", help=what
        )
    parsed = vars(parser.parse_args(words))
    options = [
        f"{name}={value}"
        for name in _OPTIONS
        if (value := parsed[name[2:].replace("-", "_")]) is not None
    ]
    try:
        charlm.dynet.DynetParams().read(options)
    except CharlmError as error:
        parser.error(str(error))
    if not Path(parsed["program"]).exists():
        parser.error(f"{parsed['program']}: there is no such file")
    return parsed["program"], parsed["arguments"], options


def _without_this_module(program: str) -> _Hook:
    """Return a hook that shows a traceback from the program's first line on, as Python itself does."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        while trace is not None and trace.tb_frame.f_code.co_filename != program:
            trace = trace.tb_next
        sys.__excepthook__(kind, error.with_traceback(trace), trace)

    return show


if __name__ == "__main__":
    main()
