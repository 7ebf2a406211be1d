"""The tutorial as a notebook, in a real kernel, and Ctrl-C in a cell."""

from __future__ import annotations

import base64
import gc
import io
from pathlib import Path

import pytest

from tests.notebook.kernel import TUTORIAL, environment, executed, outputs

pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries that talk to the kernel


@pytest.fixture(autouse=True)
def _collected():
    """Free what these libraries leave open here, where their warnings are ignored."""
    yield
    gc.collect()


def pictures(cell) -> list[str]:
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [shown["image/png"] for shown in data if "image/png" in shown]


def test_the_notebook_shows_what_is_stored_in_it(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    stored, now = nbformat.read(TUTORIAL, as_version=4), executed(tmp_path)
    assert sum(cell.cell_type == "code" for cell in now.cells) > 20
    for before, after in zip(stored.cells, now.cells, strict=True):
        (words, numbers), (words_now, numbers_now) = outputs(before), outputs(after)
        assert words == words_now
        assert numbers == pytest.approx(numbers_now, rel=0.01, abs=2e-4)
        assert len(pictures(before)) == len(pictures(after))
    said = [o["text"] for cell in now.cells for o in cell.get("outputs", []) if "text" in o]
    assert not [text for text in said if "Warning" in text]
    [picture] = [p for cell in now.cells for p in pictures(cell)]
    assert "C0" in colours(picture)
    assert (tmp_path / "runs" / "tutorial" / "last.safetensors").is_file()


def colours(picture: str) -> set[str]:
    """Return those of matplotlib's colours that are in a picture."""
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(base64.b64decode(picture)))[..., :3]
    named = {name: to_rgb(name) for name in ("C0", "C1")}
    return {name for name, rgb in named.items() if (abs(pixels - rgb).max(axis=-1) < 0.01).any()}


class Kernel:
    """A running kernel, with this charlm, in a folder."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(cwd=str(folder), env=environment())

    def start(self, code: str) -> None:
        self.client.execute(code)

    def wait_until_shown(self, kind: str) -> None:
        while self.client.get_iopub_msg(timeout=60)["msg_type"] != kind:
            pass

    def reply(self) -> dict:
        return self.client.get_shell_msg(timeout=60)["content"]

    def value(self, expression: str) -> str:
        reply = self.client.execute_interactive("", user_expressions={"x": expression}, timeout=60)
        return reply["content"]["user_expressions"]["x"]["data"]["text/plain"]


@pytest.fixture
def kernel(tmp_path):
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def test_ctrl_c_in_a_cell_leaves_a_run_that_resumes(kernel):
    kernel.start("import charlm\nrun = charlm.train('srnn', steps=100_000_000, kernels='numpy')")
    kernel.wait_until_shown("update_display_data")
    kernel.manager.interrupt_kernel()
    assert kernel.reply()["status"] == "ok"
    assert kernel.value("run.status.state") == "'stopped'"
    done = int(kernel.value("run.status.step"))
    assert kernel.value(f"run.resume(steps={done + 5}).status.state") == "'finished'"
    assert kernel.value("run.status.step") == str(done + 5)
