import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from discovery.drivers.etcd.failure import EtcdError
from discovery.metrics.metrics import Metrics
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.stores.etcd.opening import Surroundings, open_etcd_store
from tests.discovery.certificates import make_certificate, write_pair
from tests.etcd_processes import an_etcd, needs_etcd
from tests.etcd_replicas import a_replica
from tests.fakes.etcd import FakeEtcd

SURROUNDINGS = Surroundings(Clusters(), lambda *_: None, Metrics(), lambda _: False)


async def test_file_that_is_of_no_use_is_said_before_anything_begins(
    tmp_path: Path,
) -> None:
    settings = replace(Settings(), etcd_ca_path=tmp_path / "ca.pem")

    with pytest.raises(EtcdError, match=r"ca\.pem"):
        async with open_etcd_store(settings, SURROUNDINGS):
            pass


async def test_opening_waits_for_etcd_and_can_be_given_up() -> None:
    settings = replace(Settings(), etcd_endpoints=("127.0.0.1:1",))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), open_etcd_store(settings, SURROUNDINGS):
            pass


async def test_nothing_runs_on_after_closing() -> None:
    async with a_replica(FakeEtcd()):
        assert len(asyncio.all_tasks()) > 1

    assert len(asyncio.all_tasks()) == 1


@pytest.mark.interop
@needs_etcd
async def test_store_opens_over_tls_with_the_files_of_the_settings(
    tmp_path: Path,
) -> None:
    certificate, key = write_pair(tmp_path, make_certificate("etcd"))

    with an_etcd(tmp_path, tls=(str(certificate), str(certificate), str(key))) as etcd:
        settings = replace(
            Settings(),
            etcd_endpoints=etcd.endpoints,
            etcd_ca_path=certificate,
            etcd_certificate_path=certificate,
            etcd_key_path=key,
        )
        async with (
            asyncio.timeout(10),
            open_etcd_store(settings, SURROUNDINGS) as store,
        ):
            assert store.health().ready
