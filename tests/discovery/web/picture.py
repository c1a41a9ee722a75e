"""The picture: ``python -m tests.discovery.web.picture docs/inspect.png``."""

import asyncio
import sys
from pathlib import Path

from tests.builders import a_secret
from tests.discovery.web.a_site import World, pages
from tests.discovery.web.chromium import Page, a_chromium, a_page
from tests.discovery.web.sealed_cluster import (
    PATH,
    SECRET_TEXT,
    a_stranger,
    put,
    put_all,
)


async def show_opened(page: Page, url: str, width: int, *, dark: bool = False) -> None:
    """Look at the cluster and open it."""
    await page.look(width, 900, dark=dark)
    await page.open(url + PATH)
    await page.value("document.getElementById('cluster-secret').focus()")
    await page.write(SECRET_TEXT)
    await page.press("Enter")
    await page.until(
        "document.getElementById('unseal-status').innerText.includes('open')"
    )


async def make_picture(debugger: str, path: Path, width: int, *, dark: bool) -> None:
    world = World()
    put_all(world)
    put(world, a_stranger(), a_secret("another"), life_s=240)
    async with pages(world) as url, a_page(debugger) as page:
        await show_opened(page, url, width, dark=dark)
        await page.value("document.activeElement.blur()")
        await page.picture(path)


if __name__ == "__main__":
    with a_chromium() as debugger:
        asyncio.run(
            make_picture(
                debugger,
                Path(sys.argv[1]),
                int(sys.argv[2]) if len(sys.argv) > 2 else 800,
                dark="dark" in sys.argv,
            )
        )
