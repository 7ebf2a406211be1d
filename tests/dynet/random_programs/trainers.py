"""Random training loops: every trainer, tables updated sparsely or not, clipping, restarts, rates that change."""

from __future__ import annotations

import charlm.dynet as dy
from tests.dynet.random_programs.draft import Draft
from tests.dynet.random_programs.running import Program

# class: arguments after the collection
TRAINERS = {
    "SimpleSGDTrainer": ["", ", 0.05", ", learning_rate=0.3"],
    "CyclicalSGDTrainer": [
        "",
        ", learning_rate_min=0.02, learning_rate_max=0.2, step_size=2, gamma=0.9",
    ],
    "MomentumSGDTrainer": ["", ", 0.05", ", learning_rate=0.05, mom=0.5"],
    "AdagradTrainer": ["", ", 0.05, eps=0.01"],
    "AdadeltaTrainer": ["", ", eps=0.001, rho=0.9"],
    "RMSPropTrainer": ["", ", 0.01, eps=0.001, rho=0.8"],
    "AdamTrainer": ["", ", alpha=0.05", ", 0.01, beta_1=0.8, beta_2=0.9, eps=0.001"],
    "AmsgradTrainer": ["", ", alpha=0.05", ", 0.01, beta_1=0.8, beta_2=0.9, eps=0.001"],
}

# what no random program does, and why
LEFT_OUT = {
    "gradients near 0": (
        "some trainers divide by the root of mean squares, which magnifies rounding errors; so the losses avoid minima"
    ),
    "weight decay with a trainer of a sub-collection": "DyNet applies it to a factor that no parameter uses",
}


def trainer(seed: int) -> Program:
    """Write a loop of four to eight updates for each trainer in turn."""
    d = Draft(seed)
    name = list(TRAINERS)[seed % len(TRAINERS)]
    d.line("pc = dy.ParameterCollection()")
    if d.flip(0.3) and hasattr(dy.ParameterCollection, "set_weight_decay"):
        d.line("pc.set_weight_decay(0.1)")
    d.line(f"p0 = pc.parameters_from_numpy({d.array(3, low=-2, high=2)})")
    d.line(f"p1 = pc.parameters_from_numpy({d.array(2, 3, low=-2, high=2)})")
    d.line(f"t0 = pc.lookup_parameters_from_numpy({d.array(4, 3, low=-2, high=2)})")
    where = "pc"
    if d.flip(0.3):
        d.line("sub = pc.add_subcollection('sub')")
        d.line(f"p2 = sub.parameters_from_numpy({d.array(3)})")
        if d.flip(0.3) and "pc.set_weight_decay(0.1)" not in d.lines:
            where = "sub"
    d.line(f"trainer = dy.{name}({where}{d.rng.choice(TRAINERS[name])})")
    if d.flip(0.4):
        d.line(f"trainer.set_clip_threshold({d.rng.choice([0.0, -1.0, 0.5, 20.0])})")
    if d.flip(0.4):
        d.line("trainer.set_sparse_updates(False)")
    for _ in range(d.rng.randint(4, 8)):
        if d.flip(0.4):
            change(d)
        update(d)
    return d.lines


def change(d: Draft) -> None:
    """Do one of the things that happen between updates."""
    choices = [
        f"trainer.learning_rate = {d.rng.choice([0.02, 0.1])}",
        f"trainer.set_learning_rate({d.rng.choice([0.02, 0.1])})",
        "trainer.learning_rate /= 2",
        "trainer.restart()",
        f"trainer.restart({d.rng.choice([0.02, 0.1])})",
        f"p{d.rng.randint(0, 1)}.set_updated({d.flip()})",
        f"t0.set_updated({d.flip(0.7)})",
        f"p0.set_value({d.array(3, low=-2, high=2)})",
        f"t0.init_row(2, {d.array(3)}.tolist())",
        f"t0.init_from_array({d.array(4, 3, low=-2, high=2)})",
        "p1.clip_inplace(-0.8, 0.9)",
        "p1.scale(0.5)",
        "p0.scale_gradient(0.5)",
        "t0.scale_gradient(2.0)",
        "p0.zero()",
        f"trainer.set_clip_threshold({d.rng.choice([1.0, 5.0])})",
        f"trainer.set_sparse_updates({d.flip()})",
        "trainer.update()",
        "trainer.status()",
        "late = pc.parameters_from_numpy(np.ones(3))",
    ]
    d.line(d.rng.choice(choices))


def update(d: Draft) -> None:
    """Compute a loss, once or twice, update, and keep what came out."""
    for _ in range(d.rng.choice([1, 1, 1, 2])):
        d.line("dy.renew_cg()")
        terms = [
            f"dy.squared_distance(p0, {far(d)})",
            f"dy.squared_norm(p1 * {far(d)})",
            f"dy.squared_distance(t0[{d.rng.randrange(4)}], {far(d)})",
            f"dy.squared_distance(dy.lookup_batch(t0, {[d.rng.randrange(4), d.rng.randrange(4)]}), {far(d)})",
            f"dy.sum_elems(dy.sqrt(dy.square(t0 * dy.inputTensor({d.array(4)})) + 0.5))",
            f"dy.dot_product(p0, {far(d)})",
        ]
        terms += [f"dy.squared_distance({p}, p0)" for p in ("p2", "late") if p in d.space]
        chosen = ", ".join(f"dy.sum_batches({t})" for t in d.rng.sample(terms, d.rng.randint(1, 3)))
        d.line(f"loss = dy.esum([{chosen}]) * {d.rng.choice([0.2, 1.0, 5.0])}")
        d.line("loss.backward()")
    d.let("l", "loss.value()")
    d.line("trainer.update()")
    d.let("r", "trainer.learning_rate")
    d.let("v", "[p.as_array() for p in [*pc.parameters_list(), *pc.lookup_parameters_list()]]")


def far(d: Draft) -> str:
    """A target that the parameters do not reach in a few updates."""
    return f"dy.inputTensor({d.array(3, low=3, high=5)})"
