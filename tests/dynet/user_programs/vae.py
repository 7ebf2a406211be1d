"""A variational autoencoder of small bit patterns, in minibatches."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

BITS, HIDDEN, LATENT, BATCH = 12, 10, 3, 5


def patterns(count: int) -> np.ndarray:
    """Columns of bits: a block of ones that starts anywhere."""
    rng = random.Random(2)
    columns = np.zeros((BITS, count))
    for i in range(count):
        start = rng.randrange(BITS - 3)
        columns[start : start + rng.randint(2, 4), i] = 1
    return columns


class VAE:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.encode = self.pc.add_parameters((HIDDEN, BITS)), self.pc.add_parameters(HIDDEN)
        self.mean = self.pc.add_parameters((LATENT, HIDDEN)), self.pc.add_parameters(LATENT)
        self.spread = self.pc.add_parameters((LATENT, HIDDEN)), self.pc.add_parameters(LATENT)
        self.decode = self.pc.add_parameters((HIDDEN, LATENT)), self.pc.add_parameters(HIDDEN)
        self.output = self.pc.add_parameters((BITS, HIDDEN)), self.pc.add_parameters(BITS)

    def layer(self, weights: Any, x: Any) -> Any:
        W, b = weights
        return self.dy.affine_transform([b, W, x])

    def loss(self, columns: np.ndarray) -> Any:
        """The mean over the batch of reconstruction and divergence; both are read too."""
        dy = self.dy
        x = dy.inputTensor(columns, batched=True)
        h = dy.rectify(self.layer(self.encode, x))
        mean, log_variance = self.layer(self.mean, h), self.layer(self.spread, h)
        noise = dy.random_normal(LATENT, batch_size=columns.shape[1])
        z = mean + dy.cmult(noise, dy.exp(log_variance * 0.5))
        logits = self.layer(self.output, dy.tanh(self.layer(self.decode, z)))
        reconstruction = dy.sum_elems(-dy.log_sigmoid(logits))
        reconstruction = reconstruction + dy.dot_product(-x + 1, logits)
        terms = dy.exp(log_variance) + dy.square(mean) - log_variance - 1.0
        divergence = dy.sum_elems(terms) * 0.5
        return dy.mean_batches(reconstruction), dy.mean_batches(divergence)


def losses(dy: Any, updates: int) -> list[float]:
    vae = VAE(dy)
    trainer = dy.AdamTrainer(vae.pc, 0.01)
    columns, found = patterns(BATCH * updates), []
    for i in range(updates):
        dy.renew_cg()
        reconstruction, divergence = vae.loss(columns[:, BATCH * i : BATCH * (i + 1)])
        loss = reconstruction + divergence
        found.append(reconstruction.value() + divergence.value())
        loss.backward()
        trainer.update()
    return found
