"""What makes a folder a run: its ``config.yaml`` begins with a mark. Needs no numpy, so that every command may ask."""

from __future__ import annotations

import errno
from pathlib import Path

from charlm.files import regular

CONFIG = "config.yaml"
MARK = "# The complete configuration of a charlm run.\n"


def is_run(path: Path) -> bool:
    """Tell whether a run has begun in the folder `path`; a configuration without the mark may be the user's.

    Raises:
        OSError: the configuration is there, but cannot be read.
    """
    try:
        with open(path / CONFIG, "rb", opener=regular) as file:
            return file.read(len(MARK)) == MARK.encode()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return False
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):  # such a path is no file
            return False
        raise
