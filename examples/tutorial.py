"""DyNet's RNN tutorial, through charlm.dynet: only the import line differs from a DyNet program."""

import random
from itertools import pairwise

import charlm.dynet as dy

random.seed(1)
dy.reset_random_seed(1)
LAYERS, INPUT_DIM, HIDDEN_DIM = 1, 50, 50
characters = [*"abcdefghijklmnopqrstuvwxyz ", "<EOS>"]
char2int = {c: i for i, c in enumerate(characters)}
VOCAB_SIZE = len(characters)

pc = dy.ParameterCollection()
srnn = dy.SimpleRNNBuilder(LAYERS, INPUT_DIM, HIDDEN_DIM, pc)
params = {
    "lookup": pc.add_lookup_parameters((VOCAB_SIZE, INPUT_DIM)),
    "R": pc.add_parameters((VOCAB_SIZE, HIDDEN_DIM)),
    "bias": pc.add_parameters(VOCAB_SIZE),
}


def next_char(state):
    return dy.softmax(params["R"] * state.output() + params["bias"])


def sentence_loss(rnn, sentence):
    dy.renew_cg()
    symbols = [char2int[c] for c in ["<EOS>", *sentence, "<EOS>"]]
    state = rnn.initial_state()
    losses = []
    for now, after in pairwise(symbols):
        state = state.add_input(params["lookup"][now])
        losses.append(-dy.log(dy.pick(next_char(state), after)))
    return dy.esum(losses)


def generate(rnn):
    dy.renew_cg()
    state = rnn.initial_state().add_input(params["lookup"][char2int["<EOS>"]])
    text = ""
    while len(text) < 400:
        drawn = random.choices(characters, next_char(state).vec_value())[0]
        if drawn == "<EOS>":
            break
        text += drawn
        state = state.add_input(params["lookup"][char2int[drawn]])
    return text


trainer = dy.SimpleSGDTrainer(pc)
for i in range(100):
    loss = sentence_loss(srnn, "a quick brown fox jumped over the lazy dog")
    value = loss.value()
    loss.backward()
    trainer.update()
    if i % 5 == 0:
        print(f"{value:.10f}", generate(srnn), sep="\t")
