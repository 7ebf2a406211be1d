"""The text of a run that was trained before."""

from __future__ import annotations

from pathlib import Path

from charlm.config import DataConfig
from charlm.errors import MissingTextError, TextError, UndecodableTextError
from charlm.lm.saved import config_of, model_state
from charlm.runs.checkpoint import Checkpoint
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import corpus_of


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
