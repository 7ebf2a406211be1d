"""The functions with DyNet's names, also those of ``charlm.dynet``: the ``__all__`` of each file."""

from charlm.engine.ops.activations import *
from charlm.engine.ops.arithmetic import *
from charlm.engine.ops.chosen_gradients import *
from charlm.engine.ops.contractions import *
from charlm.engine.ops.convolution import *
from charlm.engine.ops.distances import *
from charlm.engine.ops.elementwise import *
from charlm.engine.ops.extrema import *
from charlm.engine.ops.joining import *
from charlm.engine.ops.linear import *
from charlm.engine.ops.lists import *
from charlm.engine.ops.log_losses import *
from charlm.engine.ops.losses import *
from charlm.engine.ops.lstm_gates import *
from charlm.engine.ops.margin_losses import *
from charlm.engine.ops.matrices import *
from charlm.engine.ops.noise import *
from charlm.engine.ops.normalising import *
from charlm.engine.ops.picking import *
from charlm.engine.ops.reductions import *
from charlm.engine.ops.shaping import *
from charlm.engine.ops.simplex import *
from charlm.engine.ops.slicing import *
from charlm.engine.ops.special import *
from charlm.engine.ops.trigonometry import *
from charlm.engine.ops.windows import *
