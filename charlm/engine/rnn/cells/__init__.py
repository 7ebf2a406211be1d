"""The cells: a file for each, with the cell's name in configs. This package imports, and so registers, all of them."""

from importlib import import_module
from pkgutil import iter_modules

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")
