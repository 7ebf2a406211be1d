"""DyNet's Python interface on charlm's engine: ``import charlm.dynet as dy``.

    >>> import charlm.dynet as dy
    >>> dy.init(random_seed=1)
    >>> pc = dy.ParameterCollection()
    >>> W = pc.add_parameters((1, 2), init=0.5)
    >>> trainer = dy.SimpleSGDTrainer(pc)
    >>> for _ in range(20):
    ...     graph = dy.renew_cg()
    ...     error = W * dy.inputVector([1, 2]) - 1.0
    ...     loss = dy.dot_product(error, error)
    ...     loss.backward()
    ...     trainer.update()
    >>> loss.value() < 1e-6
    True

A program written for DyNet runs after a change of its import lines, that of ``dynet_config`` too, or unchanged with
``python -m charlm.dynet PROGRAM``. Node ids, shapes, numbers and exception types are DyNet's; the random stream gives
DyNet's numbers for the same seed.
"""

# ``from dynet import *`` also imports these names, and programs use them.
from __future__ import print_function  # noqa: UP010

import os as os
import pickle as pickle
import sys as sys
from types import ModuleType as _ModuleType

import numpy as np  # noqa: F401

from charlm import dynet_config as dynet_config
from charlm.dynet.builders import *
from charlm.dynet.devices import *
from charlm.dynet.files import *
from charlm.dynet.functions import *
from charlm.dynet.graphs import *
from charlm.dynet.holders import *
from charlm.dynet.initializers import *
from charlm.dynet.parameters import *
from charlm.dynet.session import *
from charlm.dynet.settings import *
from charlm.dynet.softmaxes import *
from charlm.dynet.trainers import *
from charlm.engine.expression import Expression as Expression
from charlm.engine.ops.catalogue import *
from charlm.engine.rnn import RNNState as RNNState
from charlm.engine.tensor import Tensor as Tensor

# The names for ``import *``. Type checkers reject a computed ``__all__``, so it is hidden from them: they follow the
# imports above.
globals()["__all__"] = [
    name
    for name, value in vars().items()
    if not (name.startswith("_") or isinstance(value, _ModuleType))
    or name in ("dynet_config", "np", "os", "pickle", "sys")
]

if dynet_config.get() is not None:
    init()  # noqa: F405 - of settings
