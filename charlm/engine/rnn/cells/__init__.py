"""The cells: a file for each, called as configs call the cell. Whatever lies here is imported, and so registered."""

from importlib import import_module
from pkgutil import iter_modules

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")
