"""A network with one hidden layer learns exclusive or."""

from __future__ import annotations

from typing import Any

CASES = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]


def losses(dy: Any, updates: int) -> list[float]:
    model = dy.ParameterCollection()
    W = model.add_parameters((8, 2))
    b = model.add_parameters(8)
    V = model.add_parameters((1, 8))
    a = model.add_parameters(1)
    trainer = dy.SimpleSGDTrainer(model, 0.5)

    dy.renew_cg()
    x = dy.vecInput(2)
    y = dy.scalarInput(0)
    prediction = dy.logistic(V * dy.tanh(W * x + b) + a)
    loss = dy.binary_log_loss(prediction, y)
    found = []
    for i in range(updates):
        question, answer = CASES[i % len(CASES)]
        x.set(question)
        y.set(answer)
        found.append(loss.scalar_value())
        loss.backward()
        trainer.update()
    return found
