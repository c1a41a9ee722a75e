"""A real browser without a window, told what to do over its debugging protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 30.0
NAMES = "MAP plain.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--no-proxy-server",
    "--remote-debugging-port=0",
    # whatever a page might ask for, nothing leaves this host
    f"--host-resolver-rules={NAMES}",
)
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Space": ("Space", 32, " "),
}


@contextmanager
def a_chromium() -> Iterator[str]:
    """Start the browser; yields the address of its debugger."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _debugger_of(browser)
        finally:
            browser.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                browser.communicate(timeout=PATIENCE_S)
            browser.kill()
            browser.wait()


def _debugger_of(browser: subprocess.Popen[str]) -> str:
    assert browser.stderr is not None
    for line in browser.stderr:
        if "DevTools listening on " in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError("the browser did not start")


class Page:
    """One tab, and everything it asked for or complained about."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.session = ""
        self.requests: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.loaded = asyncio.Event()

    async def listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            else:
                self._note(said["method"], said["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"])
        elif method == "Page.loadEventFired":
            self.loaded.set()
        elif method == "Log.entryAdded":
            if params["entry"]["level"] in {"warning", "error"}:
                self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(params["args"]))

    async def tell(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        command = {"id": number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        await self._socket.send_json(command)
        said = await asyncio.wait_for(answer, PATIENCE_S)
        assert "error" not in said, said["error"]
        return dict(said["result"])

    async def open(self, url: str) -> None:
        self.loaded.clear()
        await self.tell("Page.navigate", url=url)
        await self.until_loaded()

    async def until_loaded(self) -> None:
        await asyncio.wait_for(self.loaded.wait(), PATIENCE_S)

    async def value(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited."""
        result = await self.tell(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def text(self, selector: str) -> str:
        """Return what a person sees of an element."""
        quoted = json.dumps(selector)
        return str(await self.value(f"document.querySelector({quoted}).innerText"))

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.value(expression):
                await asyncio.sleep(0.05)

    async def press(self, key: str) -> None:
        code, number, text = KEYS[key]
        event = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        await self.tell("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        await self.tell("Input.dispatchKeyEvent", type="keyUp", **event)

    async def write(self, text: str) -> None:
        """Type a text into what has the focus."""
        await self.tell("Input.insertText", text=text)

    async def focused(self) -> str:
        """Return the id of what has the focus, or its text."""
        element = "document.activeElement"
        return str(await self.value(f"{element}.id || {element}.innerText"))

    async def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Be a screen of this size."""
        await self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.tell("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, path: Path) -> None:
        """Save what the whole page looks like."""
        result = await self.tell(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True
        )
        path.write_bytes(base64.b64decode(result["data"]))


@asynccontextmanager
async def a_page(debugger: str) -> AsyncIterator[Page]:
    """Open a tab with a profile of its own."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(debugger, max_msg_size=64 * 1024 * 1024) as socket,
        asyncio.TaskGroup() as group,
    ):
        page = Page(socket)
        listening = group.create_task(page.listen())
        context = (await page.tell("Target.createBrowserContext"))["browserContextId"]
        target = await page.tell(
            "Target.createTarget", url="about:blank", browserContextId=context
        )
        attached = await page.tell(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        page.session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            await page.tell(f"{domain}.enable")
        try:
            yield page
        finally:
            page.session = ""
            await page.tell("Target.disposeBrowserContext", browserContextId=context)
            listening.cancel()
