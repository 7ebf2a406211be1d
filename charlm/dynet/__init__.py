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

Programs written for DyNet run after changing the import line. Node ids, shapes, numbers and exception types are
DyNet's; the random stream gives DyNet's numbers for the same seed.
"""

from charlm.dynet.builders import GRUBuilder, LSTMBuilder, SimpleRNNBuilder, VanillaLSTMBuilder
from charlm.dynet.functions import (
    const_parameter,
    constant,
    forward,
    inputTensor,
    inputVector,
    lookup,
    lookup_batch,
    npvalues,
    ones,
    parameter,
    scalarInput,
    values,
    vecInput,
    zeroes,
    zeros,
)
from charlm.dynet.initializers import (
    ConstInitializer,
    FromFileInitializer,
    GlorotInitializer,
    IdentityInitializer,
    NormalInitializer,
    NumpyInitializer,
    PyInitializer,
    SaxeInitializer,
    UniformInitializer,
)
from charlm.dynet.parameters import LookupParameters, Model, ParameterCollection, Parameters
from charlm.dynet.session import cg, cg_version, init, renew_cg, reset_random_seed
from charlm.dynet.trainers import AdamTrainer, SimpleSGDTrainer, Trainer
from charlm.engine.graph import ComputationGraph, Expression
from charlm.engine.ops import (
    affine_transform,
    cdiv,
    cmult,
    concatenate,
    concatenate_cols,
    concatenate_to_batch,
    dot_product,
    dropout,
    esum,
    exp,
    log,
    log_softmax,
    logistic,
    pick,
    pick_batch,
    pick_batch_elem,
    pick_batch_elems,
    pick_range,
    pickneglogsoftmax,
    pickneglogsoftmax_batch,
    pickrange,
    pow,
    rectify,
    reshape,
    softmax,
    sqrt,
    square,
    sum_batches,
    sum_elems,
    tanh,
    transpose,
)
from charlm.engine.rnn import RNNState

__all__ = [
    "AdamTrainer",
    "ComputationGraph",
    "ConstInitializer",
    "Expression",
    "FromFileInitializer",
    "GRUBuilder",
    "GlorotInitializer",
    "IdentityInitializer",
    "LSTMBuilder",
    "LookupParameters",
    "Model",
    "NormalInitializer",
    "NumpyInitializer",
    "ParameterCollection",
    "Parameters",
    "PyInitializer",
    "RNNState",
    "SaxeInitializer",
    "SimpleRNNBuilder",
    "SimpleSGDTrainer",
    "Trainer",
    "UniformInitializer",
    "VanillaLSTMBuilder",
    "affine_transform",
    "cdiv",
    "cg",
    "cg_version",
    "cmult",
    "concatenate",
    "concatenate_cols",
    "concatenate_to_batch",
    "const_parameter",
    "constant",
    "dot_product",
    "dropout",
    "esum",
    "exp",
    "forward",
    "init",
    "inputTensor",
    "inputVector",
    "log",
    "log_softmax",
    "logistic",
    "lookup",
    "lookup_batch",
    "npvalues",
    "ones",
    "parameter",
    "pick",
    "pick_batch",
    "pick_batch_elem",
    "pick_batch_elems",
    "pick_range",
    "pickneglogsoftmax",
    "pickneglogsoftmax_batch",
    "pickrange",
    "pow",
    "rectify",
    "renew_cg",
    "reset_random_seed",
    "reshape",
    "scalarInput",
    "softmax",
    "sqrt",
    "square",
    "sum_batches",
    "sum_elems",
    "tanh",
    "transpose",
    "values",
    "vecInput",
    "zeroes",
    "zeros",
]
