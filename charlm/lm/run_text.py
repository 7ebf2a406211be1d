"""The text of a run that was trained before."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from charlm.config import DataConfig
from charlm.errors import MissingTextError, TextError, UndecodableTextError
from charlm.lm.evaluation import WARM_UP
from charlm.lm.saved import config_of, model_state
from charlm.runs.checkpoint import Checkpoint
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import corpus_of, ids_of
from charlm.text.sizes import NO_SIZES, Sizes, unknown_sizes
from charlm.text.vocab import Ids, Vocab

Split: TypeAlias = Literal["val", "test"]
"""A part of a text: held out for validation, or for the test at the end."""


def corpus_of_run(
    run: str | Path,
    checkpoint: Checkpoint,
    data: DataConfig | None = None,
    moved: str | None = None,
) -> LineCorpus | StreamCorpus:
    """Read the text of a run again, and split it as in the training.

    Args:
        run: its name in messages.
        checkpoint: a checkpoint of it.
        data: the data section of its config, if its text was moved; by default from the checkpoint.
        moved: a command that takes the new place of a moved text; by default `charlm eval`. Empty: none does.

    Raises:
        TextError: the text is missing, or it has changed.
    """
    data = config_of(checkpoint).data if data is None else data
    try:
        corpus = corpus_of(data)
    except MissingTextError as error:
        val_file = " --val-file PATH" if data.val_file else ""
        command = f"charlm eval {run} --text PATH{val_file}" if moved is None else moved
        remedy = f"give its new place: {command}" if command else "put it there again"
        raise TextError(
            f"the text of {run} cannot be read again: {error}; if it was moved, {remedy}"
        ) from error
    except UndecodableTextError as error:
        raise TextError(f"the text of {run} has changed: {error.reason}") from error
    except TextError as error:
        raise TextError(f"the text of {run} cannot be read again: {error}") from error
    was = model_state(checkpoint).text_sha256 or corpus.sha256
    if corpus.sha256 != was or corpus.vocab.to_list() != checkpoint.vocab:
        names = ", ".join(data.texts if data.val_file is None else (*data.texts, data.val_file))
        raise TextError(
            f"{names}: not the text that {run} was trained on (its SHA-256 is {corpus.sha256[:12]}..., "
            f"the run's was {was[:12]}...), so its held-out part is not known: restore the old text"
            + (", or name a text to score: charlm eval RUN TEXT" if moved is None else "")
        )
    return corpus


def text_ids(data: DataConfig, vocab: Vocab) -> tuple[Ids, Sizes]:
    """Return the ids of the text that a section names, and the sizes of its characters that are ``<UNK>``.

    The first id is the symbol with which every text of the model begins.
    """
    ids = ids_of(data, vocab)
    has_unknown = vocab.unknown is not None and (ids == vocab.unknown).any()
    unknown = unknown_sizes(data, vocab) if has_unknown else NO_SIZES
    return np.append(np.full(1, vocab.start, ids.dtype), ids), unknown


def part_of(corpus: LineCorpus | StreamCorpus, split: Split, data: DataConfig) -> tuple[Ids, Ids]:
    """Return the text that a model reads first, and then a part of the run's text that was not trained on."""
    held_out, before = corpus.held_out_ids, corpus.train_ids[-WARM_UP - 1 :]
    if split == "val":
        return before, held_out
    if data.val_file is None:
        before = np.append(before, held_out[-WARM_UP - 1 :])
    return before, corpus.test_ids
