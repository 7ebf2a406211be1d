"""The keys of a run's config by their dotted names: their fields, allowed words and common other names."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs

from charlm.config.schema import CELLS, SECTIONS, RunConfig

SYNONYMS = {
    "model.cell": "arch architecture cell_type model model_type rnn rnn_type type unit",
    "model.layers": "depth layer n_layer n_layers num_layers",
    "model.embed_dim": "emb emb_dim emb_size embed embed_size embedding embedding_dim embedding_size emsize n_embd",
    "model.hidden_dim": "dim hid hidden hidden_dims hidden_size hidden_units n_hid n_hidden num_hidden num_units "
    "rnn_size size state_size units width",
    "model.tied": "share_embeddings tie tie_embeddings tie_weights tied_weights weight_tying",
    "model.layer_norm": "ln norm use_layer_norm",
    "model.forget_bias": "forget_gate_bias",
    "model.dropout": "drop drop_rate dropout_p dropout_prob dropout_rate",
    "model.input_dropout": "dropout_i embed_dropout embedding_dropout",
    "model.output_dropout": "dropout_o",
    "model.recurrent_dropout": "weight_drop weight_dropout wdrop",
    "model.variational": "locked_dropout variational_dropout",
    "data.text": "corpus data data_path dataset file filename input input_file path texts train_file",
    "data.encoding": "charset codec",
    "data.separator": "delimiter sep",
    "data.normalize": "normalisation normalise normalization unicode",
    "data.alphabet": "characters chars vocab vocabulary",
    "data.min_count": "min_freq min_frequency unk_threshold",
    "data.val_frac": "dev_frac dev_split val val_fraction val_ratio val_size val_split valid_frac validation_split",
    "data.test_frac": "test_fraction test_ratio test_size test_split",
    "data.val_file": "dev_file val_path val_text valid_file validation_file",
    "data.batch_size": "batch bs mini_batch mini_batch_size",
    "data.seq_length": "block_size bptt bptt_len chunk_len context context_length max_len seq seq_len sequence_length "
    "tbptt unroll window",
    "train.trainer": "algorithm opt optim optimiser optimizer",
    "train.learning_rate": "alpha eta initial_lr lr rate step_size",
    "train.weight_decay": "l2 wd",
    "train.warmup": "warmup_iters warmup_steps",
    "train.schedule": "annealing lr_schedule lr_scheduler scheduler",
    "train.decay": "gamma lr_decay",
    "train.decay_at": "milestones",
    "train.decay_patience": "lr_patience",
    "train.schedule_from": "restart_schedule",
    "train.clip_norm": "clip clip_grad clip_grad_norm clip_threshold clipping grad_clip grad_norm gradient_clip "
    "gradient_clipping max_grad_norm max_norm",
    "train.accumulate": "accum accumulation accumulation_steps grad_accum grad_accumulation "
    "gradient_accumulation_steps",
    "train.average": "averaging ema ema_decay swa",
    "train.freeze": "fix fixed freeze_layers frozen frozen_layers",
    "train.steps": "iter iterations iters max_iters max_steps n_iter n_steps num_steps step total_steps updates",
    "train.epochs": "epoch max_epochs n_epochs num_epochs passes",
    "train.max_time": "max_seconds time time_limit timeout",
    "train.patience": "early_stop early_stopping early_stopping_patience",
    "train.log_every": "log_freq log_interval logging_steps print_every print_freq report_every",
    "train.sample_every": "generate_every sample_freq sample_interval",
    "train.eval_every": "eval_freq eval_interval eval_steps val_every validate_every",
    "train.checkpoint_every": "save_every save_freq save_interval save_steps",
    "train.seed": "manual_seed random_seed rng_seed",
    "train.kernels": "backend",
    "train.threads": "cores cpus jobs n_jobs n_threads num_threads num_workers workers",
}
"""Names of the keys in other programs."""


@cache
def keys() -> dict[str, attrs.Attribute[Any]]:
    """Return every key with its field in the schema; the metadata has its description.

    >>> keys()["model.layers"].metadata["doc"]
    'number of recurrent layers'
    """
    sections = {section: type(getattr(RunConfig(), section)) for section in SECTIONS}
    below = {
        f"{s}.{field.name}": field for s, cls in sections.items() for field in attrs.fields(cls)
    }
    return {"name": attrs.fields(RunConfig).name, **below}


def words(key: str) -> tuple[str, ...]:
    """Return the allowed words of a key; nothing if it takes numbers or free text.

    >>> words("data.framing"), words("model.tied"), words("model.layers")
    (('lines', 'documents', 'stream'), ('false', 'true'), ())
    """
    if key == "model.cell":
        return CELLS
    section, _, name = key.rpartition(".")
    kind = _types(section)[name] if section else str
    if kind is bool:
        return ("false", "true")
    return get_args(kind) if get_origin(kind) is Literal else ()


def number_of(key: str) -> type[int] | type[float] | None:
    """Return the kind of number that a key takes; None if it takes words, lists or free text only.

    >>> number_of("model.hidden_dim"), number_of("model.dropout"), number_of("model.tied")
    (<class 'int'>, <class 'float'>, None)
    """
    section, _, name = key.rpartition(".")
    kind = _types(section)[name] if section else str
    taken = get_args(kind) or (kind,)
    return int if int in taken else float if float in taken else None


@cache
def _types(section: str) -> dict[str, Any]:
    return get_type_hints(type(getattr(RunConfig(), section)))


def key_meant(word: str) -> str | None:
    """Return the key that a word means: the name of a key without its section, or a synonym.

    >>> key_meant("lr"), key_meant("num-layers"), key_meant("batchSize"), key_meant("nonsense")
    ('train.learning_rate', 'model.layers', 'data.batch_size', None)
    """
    return _MEANT.get(_bare(word))


def _bare(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


_MEANT = {_bare(word): key for key, words in SYNONYMS.items() for word in words.split()}
_MEANT |= {_bare(key.rpartition(".")[2]): key for key in keys()}
