"""Random graphs: any operations on what is there already, and the gradient of a weighted sum of the last of them."""

from __future__ import annotations

from tests.dynet.random_programs import elementwise, others, shapes  # noqa: F401 - they fill the catalogue
from tests.dynet.random_programs.catalogue import CATALOGUE
from tests.dynet.random_programs.draft import Draft
from tests.dynet.random_programs.running import Program


def graph(seed: int) -> Program:
    """Write a program of some twenty operations. All have their turn within any twenty seeds."""
    d = Draft(seed)
    d.line("pc = dy.ParameterCollection()")
    names = list(CATALOGUE)
    batch = d.rng.randint(1, 3)
    d.leaf((3,), batch)
    d.leaf((4, 2), batch)
    d.leaf((2, 3), 1)
    d.leaf((2,), 1)
    turns = [names[(7 * seed + k) % len(names)] for k in range(7)]
    for name in d.rng.sample(turns + d.rng.choices(names, k=13), 20):
        for _ in range(4):  # None: what it drew does not suit the operation
            if code := CATALOGUE[name](d, name):
                d.node(code)
                break
    last = d.rng.sample(list(d.dims), min(6, len(d.dims))) + list(d.dims)[-4:]
    d.line("_terms = []")  # a variable with such a name is not noted
    for x in dict.fromkeys(last):
        dims, size = d.dims[x]
        weighted = f"dy.sum_elems(dy.cmult({x}, dy.inputTensor({d.array(*dims)})))"
        d.line(f"_terms.append({f'dy.sum_batches({weighted})' if size > 1 else weighted})")
    d.line("loss = dy.esum(_terms)")
    d.line(f"loss.backward({'full=True' if d.flip() else ''})")
    return d.lines
