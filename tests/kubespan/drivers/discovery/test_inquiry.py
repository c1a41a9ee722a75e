from pathlib import Path
from typing import Any

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery.channel import CallFailed, Failure
from kubespan.drivers.discovery.inquiry import Inquirer, Inquiry
from kubespan.drivers.discovery.service import Received
from kubespan.model.config import DiscoveryService
from kubespan.protocol.discovery_records import SealedRecord
from tests.builders import ips
from tests.discovery.running import a_client, a_service, an_update
from tests.fakes.discovery_service import FakeDiscoveryService
from tests.fakes.tls_service import a_tls_service

RECORD = SealedRecord("af1", b"sealed", (b"e" * 16,))


def an_inquirer(endpoint: str, **changes: Any) -> Inquirer:
    plaintext = changes.pop("plaintext", True)
    service = DiscoveryService("default", endpoint, plaintext=plaintext)
    inquiry = Inquiry(service, "c", **changes)
    return Inquirer(inquiry, {}, SystemClock(), "v1.0.0")


async def test_greeting_tells_our_address_and_how_long_it_takes():
    async with a_service() as endpoint:
        greeting = await an_inquirer(endpoint).greet()

    assert greeting.address == ips("127.0.0.1")[0]
    assert greeting.redirect == ""
    assert 0 < greeting.round_trip_s < 5
    assert 0 < greeting.connect_s < 5


async def test_greeting_tells_where_clients_are_sent():
    async with a_service(redirect_endpoint="there.example:443") as endpoint:
        greeting = await an_inquirer(endpoint).greet()

    assert greeting.redirect == "there.example:443"


async def test_greeting_without_an_address_has_none():
    async with FakeDiscoveryService().serving() as service:
        service.client_ip = b"junk!"
        greeting = await an_inquirer(service.endpoint).greet()

    assert greeting.address is None


async def test_everything_of_a_cluster_is_listed():
    async with a_service() as endpoint, a_client(endpoint) as client:
        update = an_update(
            "af1", b"e" * 16, ttl_ns=60 * 10**9, affiliate_data=b"sealed"
        )
        await client.AffiliateUpdate(update)

        assert await an_inquirer(endpoint).list_all() == Received((RECORD,))


async def test_watch_yields_a_snapshot_then_changes_until_the_service_ends_it():
    async with FakeDiscoveryService().serving() as service:
        heard = []
        async for received in an_inquirer(service.endpoint).watch():
            heard.append(received)
            if len(heard) == 1:
                service.put(
                    pb.Affiliate(id="af1", data=b"sealed", endpoints=[b"e" * 16])
                )
            else:
                service.end_watches()

    assert heard == [Received(()), Received((RECORD,))]


async def test_token_is_shown_with_every_call_and_to_nobody_else():
    async with FakeDiscoveryService().serving() as service:
        inquirer = an_inquirer(service.endpoint, token="opensesame")
        await inquirer.greet()
        await inquirer.list_all()
        watch = inquirer.watch()
        await anext(watch)
        await watch.aclose()

        await an_inquirer(service.endpoint).list_all()

    *shown, without = service.shown
    assert shown == ["Bearer opensesame"] * 5
    assert without is None


def test_token_is_not_in_any_text():
    service = DiscoveryService("default", "127.0.0.1:1", plaintext=True)

    assert "opensesame" not in repr(Inquiry(service, "c", token="opensesame"))


async def test_unchecked_certificate_will_do_if_wanted(tmp_path: Path):
    async with a_tls_service(tmp_path, "elsewhere.example") as (endpoint, _):
        with pytest.raises(CallFailed, match=r"not trusted|another host"):
            await an_inquirer(endpoint, plaintext=False).greet()

        wanted = an_inquirer(endpoint, plaintext=False, unchecked=True)
        assert (await wanted.greet()).redirect == ""


@pytest.mark.parametrize("call", ["greet", "list_all"])
async def test_refusal_is_told(call: str):
    async with FakeDiscoveryService().serving() as service:
        service.refuse = dict.fromkeys(
            ("Hello", "List"), grpc.StatusCode.PERMISSION_DENIED
        )
        with pytest.raises(CallFailed) as caught:
            await getattr(an_inquirer(service.endpoint), call)()

    assert caught.value.kind is Failure.REFUSED
    assert caught.value.reason == "permission denied: as told"
