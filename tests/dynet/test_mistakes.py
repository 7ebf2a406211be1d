"""Where DyNet crashes, charlm raises; where DyNet is wrong, charlm is right: ``mistakes.py`` holds the programs."""

from __future__ import annotations

from operator import attrgetter

import numpy as np
import pytest

import charlm.dynet as dy
from charlm.errors import CharlmError
from tests.dynet.mistakes import CRASHES, MISTAKES
from tests.dynet.random_programs.oracle import INSTALLED, Oracle
from tests.dynet.random_programs.running import namespace, run


def there(needs: str) -> bool:
    try:
        attrgetter(needs)(dy)
    except AttributeError:
        return not needs
    return True


CRASHES = [c for c in CRASHES if there(c.needs)]
MISTAKES = [m for m in MISTAKES if there(m.needs)]


@pytest.fixture(scope="module")
def dynet():
    if not INSTALLED:
        pytest.skip("DyNet is not installed (the extra 'oracles', Python 3.11 on Linux)")
    oracle = Oracle()
    yield lambda program: oracle(run, program)
    oracle.close()


@pytest.mark.parametrize("crash", CRASHES, ids=lambda c: c.code)
def test_a_crash_is_an_exception(crash):
    dy.renew_cg()
    space = namespace(dy)
    for line in crash.before:
        exec(line, space)
    with pytest.raises(CharlmError):
        exec(crash.code, space)


@pytest.mark.parametrize("crash", CRASHES, ids=lambda c: c.code)
def test_dynet_crashes(crash, dynet):
    notes = dynet([*crash.before, crash.code])
    assert isinstance(notes, str)
    assert "ended its process" in notes


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_what_is_right(mistake):
    np.testing.assert_allclose(run(dy, mistake.program)["y"], mistake.right, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_dynet_is_wrong_there(mistake, dynet):
    notes = dynet(mistake.program)
    if isinstance(notes, dict) and "y" in notes:  # else it crashed, or refused
        assert not np.allclose(notes["y"], mistake.right, rtol=1e-3)
