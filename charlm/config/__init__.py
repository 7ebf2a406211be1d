"""The settings of a run or a comparison: their schema, and their reading and writing as YAML.

Importable by every other part of charlm; imports none of them, and no numpy.
"""

from charlm.config.bundled import (
    bundled_comparisons,
    bundled_folder,
    bundled_runs,
    bundled_texts,
    files_of,
    is_config,
    located_text,
    resolve_text,
)
from charlm.config.comparison_schema import ComparisonConfig, NamedModel, Reference
from charlm.config.comparisons import comparison_of, load_comparison_config, named_models
from charlm.config.dump import to_yaml
from charlm.config.load import Override, load_config, replacing_budget
from charlm.config.presets import (
    LISTS,
    PRESETS,
    TIMED,
    needs_text,
    preset_for,
    trains_as_a_preset,
)
from charlm.config.schema import KERNELS, DataConfig, ModelConfig, RunConfig, TrainConfig
from charlm.config.start import Start
from charlm.config.structure import from_dict, to_dict

__all__ = [
    "KERNELS",
    "LISTS",
    "PRESETS",
    "TIMED",
    "ComparisonConfig",
    "DataConfig",
    "ModelConfig",
    "NamedModel",
    "Override",
    "Reference",
    "RunConfig",
    "Start",
    "TrainConfig",
    "bundled_comparisons",
    "bundled_folder",
    "bundled_runs",
    "bundled_texts",
    "comparison_of",
    "files_of",
    "from_dict",
    "is_config",
    "load_comparison_config",
    "load_config",
    "located_text",
    "named_models",
    "needs_text",
    "preset_for",
    "replacing_budget",
    "resolve_text",
    "to_dict",
    "to_yaml",
    "trains_as_a_preset",
]
