import asyncio
import time
from pathlib import Path

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from kubespan.model.affiliate import RegistryAffiliate
from kubespan.model.peer import HarvestedEndpoint
from kubespan.model.registry import PublicAddress, RegistryStatus
from tests.builders import (
    a_mesh_part,
    a_public_key,
    a_secret,
    an_affiliate,
    endpoints,
)
from tests.discovery.running import a_service
from tests.discovery_builders import (
    a_node,
    a_plain_service,
    a_sealed_record,
    until,
)
from tests.fakes.discovery_service import FakeDiscoveryService

REGISTRY_KINDS = {RegistryAffiliate, RegistryStatus, PublicAddress}


async def test_two_nodes_find_each_other_through_a_real_service(tmp_path: Path):
    (a, local_a), (b, local_b) = (a_node(name, tmp_path) for name in "ab")
    async with a_service() as endpoint, a.running(), b.running():
        a.deliver(a_plain_service(endpoint), local=local_a)
        b.deliver(a_plain_service(endpoint), local=local_b)

        await until(lambda: a.known and b.known)

        assert a.known == {"default/b": "listed"}
        assert a.affiliate("b") == local_b
        assert b.affiliate("a") == local_a
        assert a.public_addresses == {"default": "127.0.0.1"}
        assert a.status().connected
        assert a.status().affiliates == 1


async def test_change_of_an_endpoint_reaches_the_other_node(tmp_path: Path):
    (a, local_a), (b, local_b) = (a_node(name, tmp_path) for name in "ab")
    moved = an_affiliate(
        "a", kubespan=a_mesh_part("a", endpoints=endpoints("[2001:db8::7]:51820"))
    )
    async with a_service() as endpoint, a.running(), b.running():
        a.deliver(a_plain_service(endpoint), local=local_a)
        b.deliver(a_plain_service(endpoint), local=local_b)
        await until(lambda: b.known)

        a.deliver(a_plain_service(endpoint), local=moved)

        await until(lambda: len(b.affiliate("a").kubespan.endpoints) == 2)
        # Services add endpoints and forget the old ones when they run out.
        assert b.affiliate("a").kubespan.endpoints[1] == moved.kubespan.endpoints[0]


async def test_node_that_stops_is_removed_when_its_time_is_up(tmp_path: Path):
    a, local_a = a_node("a", tmp_path)
    b, local_b = a_node("b", tmp_path, ttl_s=1.0)
    async with a_service(gc_interval_s=0.1) as endpoint, a.running():
        a.deliver(a_plain_service(endpoint), local=local_a)
        async with b.running():
            b.deliver(a_plain_service(endpoint), local=local_b)
            await until(lambda: a.known)
            await asyncio.sleep(1.5)
            refreshed = dict(a.known)

        await until(lambda: not a.known)

        assert refreshed == {"default/b": "listed"}


@pytest.mark.checklist(31)
async def test_service_that_restarts_empty_makes_peers_missing_until_they_return(
    tmp_path: Path,
):
    service = FakeDiscoveryService()
    node, local = a_node("a", tmp_path)
    async with node.running():
        await service.start()
        service.records["b"] = a_sealed_record(an_affiliate("b"))
        node.deliver(a_plain_service(service.endpoint), local=local)
        await until(lambda: node.known)
        await service.stop()
        await until(lambda: not node.status().connected)
        during = dict(node.known)
        service.records.clear()
        await service.start()

        await until(lambda: node.known == {"default/b": "missing"})
        service.put(a_sealed_record(an_affiliate("b")))
        await until(lambda: node.known == {"default/b": "listed"})

        assert during == {"default/b": "listed"}
        await service.stop()


@pytest.mark.checklist(28)
async def test_redirect_is_followed(tmp_path: Path):
    async with (
        FakeDiscoveryService().serving() as first,
        FakeDiscoveryService().serving() as second,
    ):
        first.redirect = second.endpoint
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(first.endpoint), local=local)

            await node.until_connected()

            assert node.status().endpoint == second.endpoint
            assert first.calls == ["Hello"]
            assert set(second.records) == {"a"}


@pytest.mark.checklist(36)
async def test_services_are_independent_and_one_dying_takes_nothing_along(
    tmp_path: Path,
):
    one, two = FakeDiscoveryService(), FakeDiscoveryService()
    node, local = a_node("a", tmp_path)
    async with one.serving(), two.serving(), node.running():
        one.records["b"] = two.records["b"] = a_sealed_record(an_affiliate("b"))
        two.records["c"] = a_sealed_record(an_affiliate("c"))
        node.deliver(
            a_plain_service(one.endpoint, "one"),
            a_plain_service(two.endpoint, "two"),
            local=local,
        )
        await until(lambda: len(node.known) == 3)

        await two.stop()
        await until(lambda: node.status("two").error == "connection refused")

        assert node.known == {
            "one/b": "listed",
            "two/b": "listed",
            "two/c": "listed",
        }
        assert node.status("one").connected
        assert node.publisher.notices.keys() == {"two connection"}
        assert set(one.records) == {"a", "b"}


@pytest.mark.parametrize(
    ("really", "expected"),
    [
        pytest.param(True, {}, id="confirmed"),
        pytest.param(False, {"default/b": "listed"}, id="not confirmed"),
    ],
)
async def test_deletion_is_believed_once_list_confirms_it(
    tmp_path: Path, really: bool, expected: dict[str, str]
):
    async with FakeDiscoveryService().serving() as service:
        service.records["b"] = a_sealed_record(an_affiliate("b"))
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)
            await until(lambda: node.known)

            service.announce_deletion("b", really=really)
            await until(lambda: "List" in service.calls)
            await asyncio.sleep(0.1)

            assert node.known == expected


@pytest.mark.checklist(37)
async def test_it_stops_within_two_seconds_and_deletes_nothing(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)
            await node.until_connected()
            await until(lambda: service.updates)
            stopping_s = time.monotonic()

        assert time.monotonic() - stopping_s < 2
        assert "AffiliateDelete" not in service.calls


async def test_it_stops_within_two_seconds_while_nobody_answers(tmp_path: Path):
    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        await asyncio.sleep(0)
        silent.append(writer)

    silent: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    node, local = a_node("a", tmp_path)
    async with node.running():
        node.deliver(a_plain_service(f"127.0.0.1:{port}"), local=local)
        await until(lambda: silent)
        stopping_s = time.monotonic()

    assert time.monotonic() - stopping_s < 2
    for writer in silent:
        writer.close()
    server.close()
    await server.wait_closed()


@pytest.mark.checklist(37)
async def test_reset_deletes_our_affiliate_on_every_service(tmp_path: Path):
    one, two = FakeDiscoveryService(), FakeDiscoveryService()
    node, local = a_node("a", tmp_path)
    async with one.serving(), two.serving(), node.running():
        node.deliver(
            a_plain_service(one.endpoint, "one"),
            a_plain_service(two.endpoint, "two"),
            local=local,
        )
        await until(lambda: one.records and two.records)
        two.refuse["AffiliateDelete"] = grpc.StatusCode.INVALID_ARGUMENT

        unconfirmed = await node.clients.delete_local(timeout_s=0.5)

        assert unconfirmed == ("two",)
        assert one.records == {}


@pytest.mark.checklist(37)
async def test_reset_right_after_the_start_deletes_our_affiliate(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        service.records["a"] = a_sealed_record(an_affiliate("a"))
        node, _ = a_node("a", tmp_path)
        node.deliver(a_plain_service(service.endpoint))
        async with node.running():
            unconfirmed = await node.clients.delete_local()

        assert unconfirmed == ()
        assert service.records == {}


async def test_reset_names_services_that_cannot_be_reached(tmp_path: Path):
    node, _ = a_node("a", tmp_path)
    node.deliver(a_plain_service("127.0.0.1:1", "one"))
    async with node.running():
        assert await node.clients.delete_local(timeout_s=0.2) == ("one",)


async def test_everything_is_published_at_once_without_any_service(tmp_path: Path):
    node, _ = a_node("a", tmp_path)
    node.deliver()

    async with node.running():
        await until(lambda: node.publisher.said.keys() >= REGISTRY_KINDS, 0.5)

        assert not any(node.publisher.said.values())


async def test_everything_is_published_soon_though_nobody_says_what_is_wanted(
    tmp_path: Path,
):
    node, _ = a_node("a", tmp_path)

    async with node.running():
        await until(lambda: node.publisher.said.keys() >= REGISTRY_KINDS, 2)


async def test_last_known_peers_are_published_from_disk_before_any_contact(
    tmp_path: Path,
):
    service = FakeDiscoveryService()
    before, local = a_node("a", tmp_path)
    async with service.serving(), before.running():
        service.records["b"] = a_sealed_record(an_affiliate("b"))
        before.deliver(a_plain_service(service.endpoint), local=local)
        await until(lambda: before.known)
    after, _ = a_node("a", tmp_path)
    after.deliver(a_plain_service(service.endpoint), local=local)

    async with after.running():
        await until(lambda: RegistryAffiliate in after.publisher.said)

        assert after.known == {"default/b": "listed"}
        assert after.affiliate("b") == an_affiliate("b")
        assert not after.status().synced


async def test_first_snapshot_after_a_restart_tells_who_is_missing(tmp_path: Path):
    service = FakeDiscoveryService()
    before, local = a_node("a", tmp_path)
    async with service.serving(), before.running():
        service.records["b"] = a_sealed_record(an_affiliate("b"))
        before.deliver(a_plain_service(service.endpoint), local=local)
        await until(lambda: before.known)
    service.records.clear()
    after, _ = a_node("a", tmp_path)
    after.deliver(a_plain_service(service.endpoint), local=local)

    async with after.running():
        await service.start()

        await until(lambda: after.status().synced)

        assert after.known == {"default/b": "missing"}
        await service.stop()


@pytest.mark.checklist(29)
async def test_equal_content_is_not_pushed_again(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)
            await until(lambda: service.updates)

            node.deliver(a_plain_service(service.endpoint), local=an_affiliate("a"))
            await asyncio.sleep(0.2)

            assert len(service.updates) == 1


@pytest.mark.checklist(29)
async def test_refresh_sends_the_same_bytes(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        node, local = a_node("a", tmp_path, ttl_s=0.4)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)

            await until(lambda: len(service.updates) >= 3)

            assert len({update.affiliate_data for update in service.updates}) == 1
            assert service.updates[0].ttl.ToMilliseconds() == 400


@pytest.mark.checklist(10)
async def test_without_kubespan_no_endpoints_are_sent(tmp_path: Path):
    local = an_affiliate("a", kubespan=a_mesh_part("a", public_key=""))
    async with FakeDiscoveryService().serving() as service:
        node, _ = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)

            await until(lambda: service.updates)

            assert list(service.updates[0].affiliate_endpoints) == []


@pytest.mark.checklist(60)
async def test_harvested_endpoints_follow_our_own_record(tmp_path: Path):
    seen = endpoints("198.51.100.9:51820")[0]
    harvested = tuple(
        HarvestedEndpoint(a_public_key(name), name, seen) for name in ("c", "b")
    )
    async with FakeDiscoveryService().serving() as service:
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(
                a_plain_service(service.endpoint), local=local, harvested=harvested
            )

            await until(lambda: len(service.updates) == 3)

            order = sorted(harvested, key=lambda item: item.key)
            assert [update.affiliate_id for update in service.updates] == [
                "a",
                *(item.affiliate_id for item in order),
            ]
            assert not service.updates[1].HasField("affiliate_data")


async def test_nothing_to_announce_pushes_nothing_but_still_watches(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        node, _ = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint))

            await node.until_connected()

            assert service.updates == []


async def test_changed_service_restarts_its_client_alone(tmp_path: Path):
    one, two, new = (FakeDiscoveryService() for _ in range(3))
    node, local = a_node("a", tmp_path)
    async with one.serving(), two.serving(), new.serving(), node.running():
        keep = a_plain_service(one.endpoint, "one")
        two.records["b"] = a_sealed_record(an_affiliate("b"))
        node.deliver(keep, a_plain_service(two.endpoint, "two"), local=local)
        await until(lambda: one.records and "two/b" in node.known)

        node.deliver(keep, a_plain_service(new.endpoint, "two"), local=local)
        await until(lambda: new.watches and node.status("two").synced)

        assert node.status("two").endpoint == new.endpoint
        assert node.known == {"two/b": "missing"}
        assert one.calls.count("Hello") == 1
        await until(lambda: two.watches == 0)


async def test_removed_service_takes_everything_it_said_along(tmp_path: Path):
    one, two = FakeDiscoveryService(), FakeDiscoveryService()
    node, local = a_node("a", tmp_path)
    async with one.serving(), two.serving(), node.running():
        keep = a_plain_service(one.endpoint, "one")
        two.client_ip = bytes([198, 51, 100, 7])
        two.records["b"] = a_sealed_record(an_affiliate("b"))
        node.deliver(keep, a_plain_service(two.endpoint, "two"), local=local)
        await until(lambda: "two/b" in node.known and node.public_addresses)

        node.deliver(keep, local=local)

        await until(lambda: node.known == {})
        assert node.public_addresses == {}
        assert node.said(RegistryStatus).keys() == {"service/one"}
        assert one.calls.count("Hello") == 1


async def test_other_secret_makes_the_old_peers_unknown(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        service.records["b"] = a_sealed_record(an_affiliate("b"))
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)
            await until(lambda: node.known)

            node.deliver(
                a_plain_service(service.endpoint), local=local, secret=a_secret("new")
            )

            await until(lambda: not node.known)
            await until(lambda: node.status().skipped == 1)


async def test_services_without_a_secret_are_explained(tmp_path: Path):
    node, _ = a_node("a", tmp_path)
    async with node.running():
        node.deliver(a_plain_service("127.0.0.1:1"), secret=None)  # type: ignore[arg-type] # that is the point

        await until(lambda: node.publisher.notices)

        assert "no cluster ID and secret" in node.publisher.notices["settings"]


@pytest.mark.checklist(35)
async def test_too_large_an_affiliate_is_reported_and_the_last_good_one_stays(
    tmp_path: Path,
):
    async with FakeDiscoveryService().serving() as service:
        node, local = a_node("a", tmp_path, ttl_s=0.4)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)
            await until(lambda: service.updates)
            first = service.updates[0].affiliate_data

            node.deliver(
                a_plain_service(service.endpoint),
                local=an_affiliate("a", hostname="x" * 2100),
            )
            await until(lambda: "announcement" in node.publisher.notices)
            await until(lambda: len(service.updates) > 2)

            assert service.updates[-1].affiliate_data == first
            assert "2048" in node.publisher.notices["announcement"]


@pytest.mark.checklist(21, 25)
async def test_bad_blobs_are_counted_and_the_rest_of_the_message_counts(
    tmp_path: Path,
):
    good = a_sealed_record(an_affiliate("b"))
    odd = a_sealed_record(an_affiliate("c"))
    odd.endpoints.extend([b"", b"short", bytes(16), bytes(48)])
    junk = pb.Affiliate(id="d", data=bytes(100))
    foreign = a_sealed_record(an_affiliate("e"), secret=a_secret("foreign"))
    async with FakeDiscoveryService().serving() as service:
        service.records.update(b=good, c=odd, d=junk, e=foreign)
        service.records["f"] = pb.Affiliate(id="f", endpoints=[bytes(16)])
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)

            await node.until_connected()

            assert node.known.keys() == {"default/b", "default/c"}
            assert node.affiliate("c") == an_affiliate("c")
            assert node.status().skipped == 2
            assert node.status().skipped_endpoints == 4


@pytest.mark.checklist(26)
async def test_two_envelopes_of_one_node_are_reported(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        service.records["b"] = a_sealed_record(an_affiliate("b"))
        service.records["x"] = a_sealed_record(an_affiliate("b", hostname="x"), "x")
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)

            await node.until_connected()

            assert node.affiliate("b") == an_affiliate("b")
            assert "1 node ID" in node.publisher.notices["default claims"]


async def test_our_own_record_under_another_name_is_not_believed(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        service.records["x"] = a_sealed_record(an_affiliate("a"), "x")
        node, local = a_node("a", tmp_path)
        async with node.running():
            node.deliver(a_plain_service(service.endpoint), local=local)

            await node.until_connected()

            assert node.known == {}
            assert node.status().skipped == 1


@pytest.mark.checklist(34)
async def test_empty_or_odd_public_address_is_tolerated(tmp_path: Path):
    async with FakeDiscoveryService().serving() as service:
        node, local = a_node("a", tmp_path)
        async with node.running():
            for client_ip in (b"", b"odd", bytes([198, 51, 100, 7]), b""):
                service.client_ip = client_ip
                before = service.calls.count("Watch")
                node.deliver(a_plain_service(service.endpoint), local=local)
                service.end_watches()
                await until(lambda seen=before: service.calls.count("Watch") > seen)
                await node.until_connected()

            assert node.public_addresses == {"default": "198.51.100.7"}
