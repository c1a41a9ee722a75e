from pathlib import Path

import pytest

from discovery.metrics.metrics import Metrics
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.stores.memory import MemoryStore
from discovery.stores.opening import open_store
from tests.discovery.records import a_submission


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "not kept"])
async def test_memory_is_opened_with_what_the_operator_wants_kept(
    tmp_path: Path, kept: bool
) -> None:
    path = tmp_path / "state.binpb"
    settings = Settings(snapshot_path=path, snapshots_enabled=kept)
    found = []
    for _ in range(2):
        clusters = Clusters()
        async with open_store(
            settings, clusters, lambda *_: None, Metrics(), lambda _: False
        ) as store:
            found.append(len(clusters))
            await store.update("c", a_submission("a"), patience_s=10.0)

    assert isinstance(store, MemoryStore)
    assert found == ([0, 1] if kept else [0, 0])
    assert path.exists() is kept
