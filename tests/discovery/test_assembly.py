"""The parts; the whole of them is served by the tests beside this one."""

from dataclasses import replace
from pathlib import Path

import pytest

from discovery.api import cluster_pb2 as pb
from discovery.assembly import (
    admission_from_settings,
    bind_server,
    opened_store,
    parts_from_settings,
    service_from_parts,
    site_from_parts,
)
from discovery.drivers.listening_socket import CannotListen
from discovery.drivers.watched_file import FileError
from discovery.service.call import Call
from discovery.service.refusal import NotAdmitted
from tests.discovery.running import QUIET, an_update


async def test_levels_tell_what_there_is_now() -> None:
    parts = parts_from_settings(QUIET)
    async with opened_store(parts) as store:
        service = service_from_parts(parts, store)
        update = an_update("af1", b"e", affiliate_data=b"d", ttl_ns=10**9)
        await service.affiliate_update(update.SerializeToString(), Call("any", None))
        parts.limiter.find_bucket("somebody", 0)

        with parts.watchers.opened("c"):
            levels = parts.metrics.read_levels()

    stored = levels.stored
    assert (stored.clusters, stored.affiliates, stored.endpoints) == (1, 1, 1)
    assert (levels.watches, levels.store_ready) == (1, True)


async def test_service_is_ready_once_it_listens_and_its_store_is_open() -> None:
    parts = parts_from_settings(QUIET)
    site = site_from_parts(parts)
    before = site.readiness()

    async with opened_store(parts):
        parts.lifetime.listening = True
        after = site.readiness()

    assert (before.listening, before.store.ready) == (False, False)
    assert (after.listening, after.store.ready) == (True, True)


async def test_address_that_is_taken_is_refused() -> None:
    parts = parts_from_settings(QUIET)
    async with opened_store(parts) as store:
        service = service_from_parts(parts, store)
        first, address = bind_server(parts, service)
        await first.start()

        taken = replace(parts, settings=replace(QUIET, addr=address))
        with pytest.raises(CannotListen, match=address):
            bind_server(taken, service)
        await first.stop(None)


def test_admission_reads_the_files_it_is_given(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text("mine\n")
    admission = admission_from_settings(replace(QUIET, allowed_clusters_path=allowed))

    admission.admit(pb.ListRequest(cluster_id="mine").SerializeToString(), ())

    with pytest.raises(NotAdmitted):
        admission.admit(pb.ListRequest(cluster_id="other").SerializeToString(), ())


@pytest.mark.parametrize("field", ["allowed_clusters_path", "cluster_tokens_path"])
def test_file_that_is_not_there_is_told_at_the_start(
    field: str, tmp_path: Path
) -> None:
    settings = replace(QUIET, **{field: tmp_path / "missing"})

    with pytest.raises(FileError, match="missing"):
        admission_from_settings(settings)
