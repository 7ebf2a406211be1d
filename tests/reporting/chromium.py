"""A page in headless Chromium, driven through its debugging pipe: real keys, sizes, colour schemes, screenshots."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
REASON = "there is no chromium here (Debian's package of this name)"
KEYS = {"Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39}
KEYS["ArrowDown"] = 40


class Page:
    """An open page; closing it ends the browser."""

    def __init__(self, path: Path, profile: Path) -> None:
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
        self._seen: list[dict[str, Any]] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self(f"{domain}.enable")
        self("Page.navigate", url=path.resolve().as_uri())
        while not self._told("Page.loadEventFired"):
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
        if "method" in message:
            self._seen.append(message)
        return message

    def _told(self, event: str) -> list[dict[str, Any]]:
        return [message["params"] for message in self._seen if message["method"] == event]

    @property
    def requests(self) -> list[str]:
        """The addresses of all that was loaded."""
        return [told["request"]["url"] for told in self._told("Network.requestWillBeSent")]

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """What the browser has written on its console."""
        events = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [told for event in events for told in self._told(event)]

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in JavaScript."""
        found = self("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        for kind in ("rawKeyDown", "keyUp"):
            code = KEYS[key]
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def hover(self, selector: str) -> None:
        """Move the pointer to an element."""
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self.evaluate(f"(b => [b.left + b.width / 2, b.top + b.height / 2])({box})")
        self("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def settle(self, width: int, scheme: str) -> None:
        """Give the page a width and a colour scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self("Emulation.setEmulatedMedia", features=[feature])

    def screenshot(self, path: Path) -> None:
        """Write what is shown as a PNG file."""
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._browser.terminate()
        self._browser.wait(30)
        os.close(self._to)
        os.close(self._from)
