"""The flags in docs/discovery.md, as the program prints them.

``python -m tests.deploy.help_page`` writes them; a test keeps them true.
"""

import os
import re
import subprocess
import sys

from tests.deploy.manifests import ROOT

PAGE = ROOT / "docs/discovery.md"
_PLACE = re.compile(r"(<!-- help -->\n).*?(<!-- /help -->)", re.DOTALL)


def render(page: str) -> str:
    """Return the page with today's flags in it."""
    printed = subprocess.run(
        [sys.executable, "-m", "discovery", "--help"],
        env={**os.environ, "COLUMNS": "90"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    block = f"```text\n{printed}```\n"
    return _PLACE.sub(lambda place: place[1] + block + place[2], page)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
