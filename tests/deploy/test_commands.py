"""Every command line of the service in our documents and examples can be run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery.settings.flags import FLAGS
from tests.deploy.manifests import DEPLOY, ROOT, settings

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(path for path in DEPLOY.rglob("*") if path.is_file()),
]
_COMMAND = re.compile(r"(?<![\w/-])kubespan-discovery((?: +-[^\n`\\]*|\s*\\\n)+)")


def commands() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        # a command of several lines within a comment
        text = re.sub(r"\\\n#", "\\\n", page.read_text())
        for match in _COMMAND.finditer(text):
            yield page, match[1].replace("\\\n", " ")


@pytest.mark.parametrize(
    ("page", "text"),
    [pytest.param(page, text, id=page.name) for page, text in commands()],
)
def test_command_of_a_document_has_flags_that_exist(page: Path, text: str):
    arguments = shlex.split(text, comments=True)

    if not {"--help", "--version"} & {*arguments}:
        settings(arguments)


def test_flags_named_in_documents_exist():
    known = {flag.name for flag in FLAGS} | FLAGS_OF_OTHERS
    named = {
        (page.name, name)
        for page in [*(ROOT / "docs").glob("discovery.md"), DEPLOY / "README.md"]
        if page.exists()
        for name in re.findall(r"`--([a-z][a-z0-9-]+)[^`]*`", page.read_text())
    }

    assert {(page, name) for page, name in named if name not in known} == set()


# programs our documents also name
FLAGS_OF_OTHERS = {
    "ca-file",
    "certificate-file",
    "cluster-id",
    "config",
    "help",
    "network",
    "token",
    "version",
}
