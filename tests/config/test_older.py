"""Configs of an older charlm mean what they meant: lines were read one by one, in order, whatever the batch size."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlm.config import DataConfig, RunConfig, from_dict, load_config, to_dict, to_yaml

LINES = RunConfig(data=DataConfig(framing="lines", batch_size=32, val_frac=0.1))
STREAM = RunConfig(data=DataConfig(framing="stream", batch_size=32))


def stored(config: RunConfig) -> dict[str, object]:
    data = to_dict(config)
    del data["data"]["shuffle"]
    return data


def written(config: RunConfig, folder: Path, *without: str) -> Path:
    keys = ("  shuffle:", *without)
    kept = [line for line in to_yaml(config).splitlines() if not line.startswith(keys)]
    file = folder / "config.yaml"
    file.write_text("\n".join(kept) + "\n", "utf-8")
    return file


def in_order(config: RunConfig) -> bool:
    return (config.data.shuffle, config.data.batch_size) == (False, 1)


def test_a_stored_config(tmp_path):
    assert in_order(from_dict(stored(LINES)))
    assert in_order(load_config(written(LINES, tmp_path)))
    assert from_dict(stored(STREAM)) == STREAM
    assert load_config(written(STREAM, tmp_path)).data.batch_size == 32


def test_settings_on_the_line_replace_what_was_meant(tmp_path):
    overrides = ["data.shuffle=true", "data.batch_size=9"]
    data = load_config(written(LINES, tmp_path), overrides=overrides).data
    assert (data.shuffle, data.batch_size) == (True, 9)


def test_a_config_of_today_is_what_it_says(tmp_path):
    assert from_dict(to_dict(LINES)) == LINES
    assert load_config(written(LINES, tmp_path, "  min_count:")).data == LINES.data


@pytest.mark.parametrize("data", [{"data": None}, {"data": []}, [], None])
def test_what_is_no_config_is_refused_as_before(data):
    with pytest.raises(ValueError, match="expected keys"):
        from_dict(data)
