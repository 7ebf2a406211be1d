"""When a training samples and scores."""

from __future__ import annotations

from charlm.config import TrainConfig
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.training.state import Progress


def reports_due(
    progress: Progress,
    settings: TrainConfig,
    corpus: LineCorpus | StreamCorpus,
    ended: bool,
    score_wanted: bool,
) -> tuple[bool, bool]:
    """Return whether to sample and whether to score at this step, unless that is done already.

    A score comes with a sample, and so does the end: a short run shows more than its first steps. As in the
    tutorial, a run on single lines without a held-out part ends without a sample.
    """
    step, every, scored = progress.step, settings.sample_every, corpus.has_held_out
    regular = step > 0 and step % settings.eval_every == 0
    reports = ended or (scored and (regular or score_wanted))
    samples = step > 0 and every > 0 and (step - 1) % every == 0
    if every and (scored or not corpus.by_line):
        samples = samples or reports
    scores = reports and scored
    return samples and progress.sampled != step, scores and progress.evaluated != step
