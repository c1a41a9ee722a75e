"""What the tests of this folder share."""

from pathlib import Path

import pytest

from tests.interop.go_program import build


@pytest.fixture(scope="session")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in Go."""
    return build(tmp_path_factory.mktemp("client"))
