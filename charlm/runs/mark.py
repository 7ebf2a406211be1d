"""What makes a folder a run: its ``config.yaml`` begins with a mark. Needs no numpy, so that every command may ask."""

from __future__ import annotations

from pathlib import Path

from charlm.files import regular

CONFIG = "config.yaml"
MARK = "# The complete configuration of a charlm run.\n"


def is_run(path: Path) -> bool:
    """Tell whether a run has begun in the folder `path`; a configuration without the mark may be the user's.

    Raises:
        PermissionError: the configuration may not be read.
    """
    try:
        with open(path / CONFIG, "rb", opener=regular) as file:
            return file.read(len(MARK)) == MARK.encode()
    except PermissionError:
        raise
    except (OSError, ValueError):  # nothing, a pipe, or a path that the system does not accept
        return False
