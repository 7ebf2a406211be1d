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

from charlm.dynet import operations
from charlm.dynet.builders import (
    BiRNNBuilder,
    CompactVanillaLSTMBuilder,
    CoupledLSTMBuilder,
    FastLSTMBuilder,
    GRUBuilder,
    LSTMBuilder,
    SimpleRNNBuilder,
    SparseLSTMBuilder,
    StackedRNNState,
    VanillaLSTMBuilder,
)
from charlm.dynet.files import load, load_generator, save
from charlm.dynet.functions import (
    const_parameter,
    constant,
    forward,
    inputTensor,
    inputTensorTranspose,
    inputVector,
    lookup,
    lookup_batch,
    npvalues,
    one_hot,
    ones,
    parameter,
    random_bernoulli,
    random_gumbel,
    random_normal,
    random_uniform,
    scalarInput,
    sparse_inputTensor,
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
from charlm.dynet.operations import *  # noqa: F403 - the names in its __all__
from charlm.dynet.parameters import LookupParameters, Model, ParameterCollection, Parameters
from charlm.dynet.session import cg, cg_version, init, renew_cg, reset_random_seed
from charlm.dynet.softmaxes import (
    ClassFactoredSoftmaxBuilder,
    HierarchicalSoftmaxBuilder,
    SoftmaxBuilder,
    StandardSoftmaxBuilder,
)
from charlm.dynet.trainers import (
    AdadeltaTrainer,
    AdagradTrainer,
    AdamTrainer,
    AmsgradTrainer,
    CyclicalSGDTrainer,
    MomentumSGDTrainer,
    RMSPropTrainer,
    SimpleSGDTrainer,
    Trainer,
)
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.rnn import RNNState
from charlm.engine.tensor import Tensor

__all__ = [
    "AdadeltaTrainer",
    "AdagradTrainer",
    "AdamTrainer",
    "AmsgradTrainer",
    "BiRNNBuilder",
    "ClassFactoredSoftmaxBuilder",
    "CompactVanillaLSTMBuilder",
    "ComputationGraph",
    "ConstInitializer",
    "CoupledLSTMBuilder",
    "CyclicalSGDTrainer",
    "Expression",
    "FastLSTMBuilder",
    "FromFileInitializer",
    "GRUBuilder",
    "GlorotInitializer",
    "HierarchicalSoftmaxBuilder",
    "IdentityInitializer",
    "LSTMBuilder",
    "LookupParameters",
    "Model",
    "MomentumSGDTrainer",
    "NormalInitializer",
    "NumpyInitializer",
    "ParameterCollection",
    "Parameters",
    "PyInitializer",
    "RMSPropTrainer",
    "RNNState",
    "SaxeInitializer",
    "SimpleRNNBuilder",
    "SimpleSGDTrainer",
    "SoftmaxBuilder",
    "SparseLSTMBuilder",
    "StackedRNNState",
    "StandardSoftmaxBuilder",
    "Tensor",
    "Trainer",
    "UniformInitializer",
    "VanillaLSTMBuilder",
    "cg",
    "cg_version",
    "const_parameter",
    "constant",
    "forward",
    "init",
    "inputTensor",
    "inputTensorTranspose",
    "inputVector",
    "load",
    "load_generator",
    "lookup",
    "lookup_batch",
    "npvalues",
    "one_hot",
    "ones",
    "parameter",
    "random_bernoulli",
    "random_gumbel",
    "random_normal",
    "random_uniform",
    "renew_cg",
    "reset_random_seed",
    "save",
    "scalarInput",
    "sparse_inputTensor",
    "values",
    "vecInput",
    "zeroes",
    "zeros",
]
__all__ += operations.__all__
