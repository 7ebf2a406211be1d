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

Programs written for DyNet run after changing the import line, that of ``dynet_config`` too. Node ids, shapes, numbers
and exception types are DyNet's; the random stream gives DyNet's numbers for the same seed.
"""

from charlm import dynet_config
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
from charlm.dynet.devices import DeviceInfo, available_devices, get_device_info, to_device
from charlm.dynet.files import load, load_generator, save
from charlm.dynet.functions import (
    const_parameter,
    constant,
    forward,
    inputMatrix,
    inputTensor,
    inputTensorTranspose,
    inputVector,
    lookup,
    lookup_batch,
    matInput,
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
from charlm.dynet.graphs import (
    ComputationGraph,
    cg,
    cg_checkpoint,
    cg_revert,
    dump_cg,
    print_graphviz,
    print_text_graphviz,
    renew_cg,
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
from charlm.dynet.session import cg_version, reset_random_seed
from charlm.dynet.settings import DynetParams, init, init_from_params
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
    "DeviceInfo",
    "DynetParams",
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
    "available_devices",
    "cg",
    "cg_checkpoint",
    "cg_revert",
    "cg_version",
    "const_parameter",
    "constant",
    "dump_cg",
    "dynet_config",
    "forward",
    "get_device_info",
    "init",
    "init_from_params",
    "inputMatrix",
    "inputTensor",
    "inputTensorTranspose",
    "inputVector",
    "load",
    "load_generator",
    "lookup",
    "lookup_batch",
    "matInput",
    "npvalues",
    "one_hot",
    "ones",
    "parameter",
    "print_graphviz",
    "print_text_graphviz",
    "random_bernoulli",
    "random_gumbel",
    "random_normal",
    "random_uniform",
    "renew_cg",
    "reset_random_seed",
    "save",
    "scalarInput",
    "sparse_inputTensor",
    "to_device",
    "values",
    "vecInput",
    "zeroes",
    "zeros",
]
__all__ += operations.__all__

if dynet_config.get() is not None:
    init()
