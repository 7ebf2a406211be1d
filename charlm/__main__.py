"""The ``charlm`` command, and ``python -m charlm`` for where that is not on the path."""

from __future__ import annotations

from charlm import interrupts


def main() -> None:
    """Run the command line and exit; from here to the exit, Ctrl-C is one line and exit code 130."""
    interrupts.handle()
    try:
        from charlm.cli import main as run  # its imports may be interrupted too

        run()
    finally:
        interrupts.ignore()


if __name__ == "__main__":
    main()
