"""A page in headless Chromium, driven through its debugging pipe: real keys, sizes, colour schemes, screenshots."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
REASON = "there is no chromium here (Debian's package of this name)"
KEYS = {"Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39}
KEYS |= {"ArrowDown": 40, "Enter": 13, "Escape": 27, " ": 32}
TEXT = {"Enter": "\r", " ": " "}
"""What a key types: without it, a key presses no button."""


class Page:
    """An open page; closing it ends the browser.

    Attributes:
        requests: the addresses that were asked for, the page's own included.
        messages: what the page wrote to the console, with errors and warnings.
    """

    def __init__(self, place: Path | str, profile: Path) -> None:
        into, self._to = os.pipe()
        self._from, out = os.pipe()

        def descriptors() -> None:  # the browser reads from 3 and writes to 4
            high = [os.dup(into), os.dup(out)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._browser = subprocess.Popen(
            [
                str(PROGRAM),
                "--headless=new",
                "--no-sandbox",  # which a container may not allow
                "--disable-gpu",
                "--remote-debugging-pipe",
                f"--user-data-dir={profile}",
            ],
            preexec_fn=descriptors,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(into)
        os.close(out)
        self._number = 0
        self._session: str | None = None
        self._rest = b""
        self._seen: list[str] = []
        self.requests: list[str] = []
        self.messages: list[Any] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for part in ("Page", "Runtime", "Log", "Network"):
            self(f"{part}.enable")
        self.open(place)

    def open(self, place: Path | str) -> None:
        """Open a file or an address in the place of the page before, and wait until it is loaded."""
        self._seen.clear()
        self("Page.navigate", url=place if isinstance(place, str) else place.resolve().as_uri())
        while "Page.loadEventFired" not in self._seen:
            self._message()

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol, and return its result."""
        self._number += 1
        sent = {"id": self._number, "method": method, "params": params}
        if self._session:
            sent["sessionId"] = self._session
        os.write(self._to, json.dumps(sent).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._from, 1 << 16)
            assert read, "the browser has ended"
            self._rest += read
        first, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(first)
        method, params = message.get("method", ""), message.get("params")
        self._seen.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.messages.append(params)
        return message

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in JavaScript, after a promise is kept."""
        options = {"returnByValue": True, "awaitPromise": True}
        found = self("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def violations(self, serious: bool = False) -> list[list[str]]:
        """Return what axe-core finds, all or the serious part: the rule, how serious it is, and the first element."""
        axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
        self.evaluate(f"{Path(axe.__file__).with_name('axe.min.js').read_text('utf-8')};0")
        each = "(found) => [found.id, found.impact, found.nodes[0].html]"
        found = self.evaluate(f"axe.run().then((all) => all.violations.map({each}))")
        return [each for each in found if not serious or each[1] in ("serious", "critical")]

    def press(self, key: str, control: bool = False) -> None:
        """Press a key, with or without the control key, and let it go."""
        about = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        about |= {"modifiers": 2 if control else 0}
        typed = {"text": TEXT[key]} if key in TEXT and not control else {}
        self("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", **about, **typed)
        self("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self("Input.insertText", text=text)

    def hover(self, selector: str) -> None:
        """Move the pointer to an element."""
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self.evaluate(f"(b => [b.left + b.width / 2, b.top + b.height / 2])({box})")
        self("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def settle(self, width: int, scheme: str, media: str = "") -> None:
        """Give the page a width and a colour scheme, and ``print`` as its medium."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self("Emulation.setEmulatedMedia", features=[feature], media=media)

    def screenshot(self, path: Path) -> None:
        """Write what is shown as a PNG file."""
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._browser.terminate()
        self._browser.wait(30)
        os.close(self._to)
        os.close(self._from)
