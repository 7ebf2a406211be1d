"""The ``charlm`` command, also as ``python -m charlm``."""

from __future__ import annotations

from charlm import interrupts


def main() -> None:
    """Run the command line and exit; from here on, Ctrl-C prints one line and gives exit code 130."""
    interrupts.handle()
    try:
        from charlm.cli import main as run  # its imports may be interrupted too

        run()
    finally:
        interrupts.ignore()


if __name__ == "__main__":
    main()
