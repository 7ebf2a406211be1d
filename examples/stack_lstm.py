"""A stack LSTM: every state can be continued again, so popping is going back to the state before.

The network reads brackets. At "(" it pushes, at ")" it pops; its output then summarises what is still open.
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
print("all closed: the state is the empty stack's again")
