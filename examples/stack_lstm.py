"""A stack LSTM: any earlier state can be continued, so a pop returns to the previous state.

The network reads brackets. At "(" it pushes, at ")" it pops; its output then describes the open brackets.
"""

import charlm.dynet as dy

dy.reset_random_seed(1)
pc = dy.ParameterCollection()
lstm = dy.LSTMBuilder(1, 4, 8, pc)
embedding = pc.add_lookup_parameters((2, 4))

dy.renew_cg()
state = lstm.initial_state().add_input(embedding[0])  # the empty stack
empty = state
for bracket in "(()(()))":
    state = state.add_input(embedding[1]) if bracket == "(" else state.prev()
    print(bracket, [round(x, 3) for x in state.output().vec_value()[:4]])

assert state is empty, "every bracket is closed"
print("all closed: the state is that of the empty stack again")
