"""Settings every test shares: the repository on the path, root where it is needed."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# fixtures ``namespace`` and ``new_namespace``, for tests marked netns
pytest_plugins = ["tests.netns_support"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "checklist(*numbers): proves these lines of the KubeSpan checklist"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="not root: network namespaces cannot be made")
    for item in items:
        if "netns" in item.keywords:
            item.add_marker(skip)
