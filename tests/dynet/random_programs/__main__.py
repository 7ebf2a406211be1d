"""Compare many random programs with DyNet, or store DyNet's numbers for some.

Usage: python -m tests.dynet.random_programs [--numpy] [COUNT [FIRST_SEED]] | --store
"""

from __future__ import annotations

import sys
import time

from tests.dynet.random_programs import stored
from tests.dynet.random_programs.checking import KINDS, Count
from tests.dynet.random_programs.oracle import Oracle
from tests.dynet.random_programs.running import ABSOLUTE, RELATIVE, run


def main(arguments: list[str]) -> None:
    if arguments == ["--store"]:
        print(f"{stored.write()} programs in {stored.PATH}")
        return
    kernels = "numpy" if "--numpy" in arguments else "auto"
    arguments = [a for a in arguments if a != "--numpy"]
    count, first = [*map(int, arguments), *[500, 0][len(arguments) :]]
    oracle = Oracle()
    for kind, make in KINDS.items():
        begin, agreed = time.perf_counter(), Count(kernels)
        for seed in range(first, first + count):
            agreed.check(make(seed), lambda program: oracle(run, program))
        seconds = time.perf_counter() - begin
        print(
            f"{kind}: {agreed.programs} programs and {agreed.undetermined} that rounding decides, "
            f"{agreed.notes} results, {seconds:.0f} s; largest difference {agreed.largest.size:.3f} "
            f"of what is tolerated ({RELATIVE} relative + {ABSOLUTE})"
        )
    oracle.close()


if __name__ == "__main__":
    main(sys.argv[1:])
