"""``python -m charlm`` is the ``charlm`` command, for where that is not on the path."""

from __future__ import annotations

from charlm.cli import main

if __name__ == "__main__":
    main()
