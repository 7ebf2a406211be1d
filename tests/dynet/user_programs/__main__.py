"""Ask DyNet for the losses of the programs, and store them: python -m tests.dynet.user_programs."""

from __future__ import annotations

from tests.dynet.user_programs import running

if __name__ == "__main__":
    print(f"{len(running.write())} programs in {running.PATH}")
