"""Every operation, and the functions that make expressions with them.

The catalogue has the functions with DyNet's names. The other functions take the graph as their first argument,
implement an operator such as ``+``, or are for charlm's language models.
"""

from charlm.engine.ops.catalogue import *
from charlm.engine.ops.elementwise import negate as negate
from charlm.engine.ops.inputs import fill as fill
from charlm.engine.ops.inputs import input_tensor as input_tensor
from charlm.engine.ops.inputs import input_tensor_transposed as input_tensor_transposed
from charlm.engine.ops.inputs import input_vector as input_vector
from charlm.engine.ops.inputs import one_hot as one_hot
from charlm.engine.ops.inputs import scalar_input as scalar_input
from charlm.engine.ops.inputs import sparse_input_tensor as sparse_input_tensor
from charlm.engine.ops.leaves import lookup as lookup
from charlm.engine.ops.linear import matmul as matmul
from charlm.engine.ops.operators import add as add
from charlm.engine.ops.operators import sub as sub
from charlm.engine.ops.random_inputs import random_bernoulli as random_bernoulli
from charlm.engine.ops.random_inputs import random_gumbel as random_gumbel
from charlm.engine.ops.random_inputs import random_normal as random_normal
from charlm.engine.ops.random_inputs import random_uniform as random_uniform
from charlm.engine.ops.sequences import lookup_sequence as lookup_sequence
from charlm.engine.ops.sequences import sequence_neg_log_softmax as sequence_neg_log_softmax
