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
    """An open page, of a file or an address; closing it ends the browser."""

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
        self._requested: list[str] = []
        self._problems: list[str] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for part in ("Page", "Network", "Log", "Runtime"):
            self(f"{part}.enable")
        address = place if isinstance(place, str) else place.resolve().as_uri()
        self("Page.navigate", url=address)
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
        method, params = message.get("method", ""), message.get("params", {})
        self._seen.append(method)
        if method == "Network.requestWillBeSent":
            self._requested.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self._problems.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self._problems.append(str(params["args"]))
        elif method == "Runtime.exceptionThrown":
            self._problems.append(str(params["exceptionDetails"]))
        return message

    def requested(self) -> list[str]:
        """Return the addresses that were asked for until now; `data:` is a part of the page."""
        self.evaluate("0")  # which reads all messages before its result
        return [address for address in self._requested if not address.startswith("data:")]

    def problems(self) -> list[str]:
        """Return what the console has said until now."""
        self.evaluate("0")
        return self._problems

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in JavaScript."""
        found = self("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def promised(self, script: str) -> Any:
        """Return what a promise in JavaScript gives."""
        found = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
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
