"""The softmax as a path down a tree, with a small distribution at each inner node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from charlm.dynet import session
from charlm.dynet.parameters import ParameterCollection
from charlm.dynet.softmaxes import clusters
from charlm.dynet.softmaxes.base import AffineLayer, SoftmaxBuilder, drawn
from charlm.engine import ops
from charlm.engine.expression import Expression
from charlm.engine.ops.arguments import sizes, unsigned
from charlm.errors import ShapeError


@dataclass
class _Branching:
    """A cluster: its outcomes are words and smaller clusters, in the order of the file."""

    outcomes: list[_Branching | int] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    scores: AffineLayer | None = None

    def below(self, name: str) -> tuple[int, _Branching]:
        """Return the cluster of this name and its place, adding it if it is new."""
        if name not in self.named:
            self.named[name] = len(self.outcomes)
            self.outcomes.append(_Branching())
        place = self.named[name]
        branching = self.outcomes[place]
        assert isinstance(branching, _Branching)
        return place, branching

    def clusters(self) -> Iterator[_Branching]:
        """Yield this cluster and those below it, each before its own clusters."""
        waiting = [self]
        while waiting:
            cluster = waiting.pop()
            yield cluster
            waiting += [o for o in reversed(cluster.outcomes) if isinstance(o, _Branching)]

    def log_distribution(self, x: Expression, update: bool) -> Expression:
        """Return ln p of each outcome."""
        if self.scores is None:
            return ops.fill(session.cg(), 1, 0.0)
        logits = self.scores.logits(x, update)
        if len(self.outcomes) == 2:
            return ops.log_sigmoid(ops.concatenate([logits, -logits]))
        return ops.log_softmax(logits)


_Path: TypeAlias = "list[tuple[_Branching, int]]"


class HierarchicalSoftmaxBuilder(SoftmaxBuilder):
    """p(word | x) is the product of p(outcome | cluster, x) on the path to it  (Morin and Bengio, 2005).

    Two outcomes of a cluster have the probabilities s(w x + b) and s(-(w x + b)), more outcomes softmax(W x + b).
    A loss needs only the scores of the clusters on the path, about log n in a balanced tree. DyNet has this builder in
    C++ only.

    Args:
        input_dim: size of ``x``.
        cluster_file: a line ``NAME ... NAME WORD`` for each word: its clusters, the largest first.
        dic: the words' numbers, 0 to n-1.
        pc: where the parameters are added, in a sub-collection of their own: W and b of a cluster before those below.

    Raises:
        ClusterFileError: the file cannot be read, or a line cannot be used; the message names it.
    """

    collection_name = "hierarchical-softmax-builder"

    def __init__(
        self,
        input_dim: int,
        cluster_file: str | Path,
        dic: Mapping[str, int],
        pc: ParameterCollection,
    ) -> None:
        (size,) = sizes(input_dim, type(self).__name__)
        ids = clusters.word_ids(dic, type(self).__name__)
        self._root = _Branching()
        self._paths: dict[int, _Path] = {}
        self._word_count = len(ids)
        for names, word in clusters.read(cluster_file, ids, word_at=-1):
            path: _Path = []
            cluster = self._root
            for name in names:
                place, inner = cluster.below(name)
                path.append((cluster, place))
                cluster = inner
            self._paths[word] = [*path, (cluster, len(cluster.outcomes))]
            cluster.outcomes.append(word)
        super().__init__(pc)
        for cluster in self._root.clusters():
            count = len(cluster.outcomes)
            if count > 1:
                rows = 1 if count == 2 else count
                cluster.scores = AffineLayer(self._collection, size, rows, bias=True)

    def neg_log_softmax(self, x: Expression, c: int, update: bool = True) -> Expression:
        """Return -ln p(c | x): the sum of the losses on the path to it."""
        steps = [
            ops.pick_batch(cluster.log_distribution(x, update), [place])
            for cluster, place in self._path(unsigned(c, "neg_log_softmax"))
        ]
        return -ops.esum(steps)

    def sample(self, x: Expression) -> int:
        """Return a word drawn from p(. | x) by the current random stream: a draw for each cluster on the path."""
        outcome: _Branching | int = self._root
        while isinstance(outcome, _Branching):
            single = outcome.scores is None
            place = 0 if single else drawn(ops.exp(outcome.log_distribution(x, update=True)))
            outcome = outcome.outcomes[place]
        return outcome

    def full_logits(self, x: Expression, update: bool = True) -> Expression:
        """Return ln p(c | x) of every word c: these are logits too."""
        paths = [self._path(word) for word in range(self._word_count)]
        steps: dict[int, Expression] = {}  # one distribution for each cluster
        for cluster, _ in (step for path in paths for step in path):
            if id(cluster) not in steps:
                steps[id(cluster)] = cluster.log_distribution(x, update)
        words = [
            ops.esum([ops.pick(steps[id(cluster)], place) for cluster, place in path])
            for path in paths
        ]
        return ops.concatenate(words)

    def _path(self, word: int) -> _Path:
        if word not in self._paths:
            raise ShapeError(
                f"{type(self).__name__}: word {word} is in no cluster; there are {len(self._paths)} words in the file"
            )
        return self._paths[word]
