"""The client that Talos nodes run, and the reference's own tests, against a service.

The scenarios are those of discovery.md 6.1 and 6.2, with their time budgets.
"""

from pathlib import Path

import pytest

from tests.discovery.certificates import make_certificate, write_pair
from tests.interop.go_program import play
from tests.interop.server_under_test import (
    Need,
    Server,
    a_server,
    skip_if_foreign,
)
from tests.interop.service_pair import a_pair
from tests.interop.service_process import ServiceProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

RESTARTED_FIRST = "kill the first service; start it again, redirecting to the second"


# Checklist 86: SmokeTest is TwoClients, see discovery.md 6.5.
async def test_two_clients_meet_change_and_leave(go_client: Path) -> None:
    async with a_server() as server:
        await play(go_client, server, "TwoClients")


# Checklist 86, 55.
async def test_two_clients_meet_over_tls(go_client: Path, tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, make_certificate("service"))
    pair = {"certificate_path": certificate, "key_path": key}

    async with a_server(Need.CONTROL, **pair) as server:
        await play(go_client, server, "TwoClients")


# Checklist 87, 89: five, fifteen and fifty converge within 5 s.
@pytest.mark.parametrize(
    "scenario", ["AffiliateExpire", "Cluster1", "Cluster2", "Cluster3"]
)
async def test_clients_converge_as_with_the_reference(
    go_client: Path, scenario: str
) -> None:
    async with a_server(Need.TUNED) as server:
        await play(go_client, server, scenario)


# Checklist 87.
@pytest.mark.parametrize(
    ("scenario", "need"),
    [
        ("ServerAPI/Hello", Need.NOTHING),
        ("ServerAPI/HelloWithRealIP", Need.TUNED),
        ("ServerAPI/HelloWithForwardedFor", Need.TUNED),
        ("ServerAPI/AffiliateUpdate", Need.NOTHING),
        ("ServerAPI/AffiliateDelete", Need.NOTHING),
        ("Validation/Hello", Need.NOTHING),
        ("Validation/AffiliateUpdate", Need.NOTHING),
        ("Validation/AffiliateUpdateTooMany", Need.TUNED),
        ("Validation/AffiliateUpdateTooManyEndpoints", Need.TUNED),
        ("Validation/AffiliateDelete", Need.NOTHING),
        ("Validation/List", Need.NOTHING),
        ("Validation/Watch", Need.NOTHING),
    ],
)
async def test_api_answers_as_the_reference(
    go_client: Path, scenario: str, need: Need
) -> None:
    async with a_server(need) as server:
        await play(go_client, server, scenario)


# Checklist 87; what has no lifetime must not be swept meanwhile.
async def test_watch_tells_as_the_reference(go_client: Path) -> None:
    async with a_server(gc_interval_s=3600.0) as server:
        await play(go_client, server, "ServerAPI/Watch")


# Checklist 87.
async def test_61st_call_within_a_second_is_refused(go_client: Path) -> None:
    limits = {"rate_limit_per_s": 1.0, "rate_burst": 60}
    trust = {"trust_x_real_ip": True, "trust_first_x_forwarded_for": True}

    async with a_server(Need.CONTROL, **limits, **trust) as server:
        await play(go_client, server, "ServerRateLimit")


# Checklist 87.
async def test_redirect_is_told_as_configured(go_client: Path) -> None:
    wanted = "new.example.com:443"

    async with a_server(Need.CONTROL, redirect_endpoint=wanted) as server:
        await play(go_client, server, "ServerRedirect", "-redirect", wanted)


# Checklist 87.
async def test_address_is_not_reported_where_that_is_off(go_client: Path) -> None:
    async with a_server(Need.CONTROL, report_client_ip=False) as server:
        await play(go_client, server, "HelloClientIPReporting/disabled")


# Checklist 33: an expired endpoint is no deletion; the reference says it is one.
async def test_a_thousand_endpoints_come_and_go_and_no_node_does(
    go_client: Path,
) -> None:
    async with a_server(Need.TUNED) as server:
        said = await play(go_client, server, "Churn")

    assert not server.ours or "\n0 times a living node was not known" in said


# Checklist 90: to the service under test, from one of ours.
async def test_clients_follow_when_their_service_comes_back_to_redirect(
    go_client: Path, tmp_path: Path
) -> None:
    async with a_pair(tmp_path) as (first, second):

        async def come_back() -> None:
            await first.kill()
            redirect = ("--redirect-endpoint", second.address)
            await first.start("--snapshots-enabled=false", *redirect)

        async def go_away() -> None:
            assert await first.stop() == 0

        said = await play(
            go_client,
            Server(first.address),
            "ClientRedirect",
            *("-other", second.address),
            orders={RESTARTED_FIRST: come_back, "stop the first service": go_away},
        )

    assert "an update still arrives" in said


async def test_clients_of_a_service_that_drains_go_where_it_sends_them(
    go_client: Path, tmp_path: Path
) -> None:
    async with a_pair(tmp_path) as (first, second):
        await first.kill()
        draining = ("--drain-time=2s", f"--drain-redirect={second.address}")
        await first.start("--snapshots-enabled=false", *draining)

        async def drain() -> None:
            assert await first.stop() == 0

        await play(
            go_client,
            Server(first.address),
            "Drain",
            *("-other", second.address),
            orders={"drain the first service": drain},
        )


# Checklist 91.
@pytest.mark.parametrize(
    ("end", "interval", "farewell"),
    [
        pytest.param("stop", "10m", "the watch ended: OK", id="told to stop"),
        pytest.param("kill", "0s", "the watch ended: rpc error", id="killed"),
    ],
)
async def test_fifty_clients_are_back_within_ten_seconds_of_a_restart(
    go_client: Path, tmp_path: Path, end: str, interval: str, farewell: str
) -> None:
    skip_if_foreign(Need.CONTROL)
    service = ServiceProcess(tmp_path / "log")
    snapshot = f"--snapshot-path={tmp_path / 'state.binpb'}"
    options = (snapshot, f"--snapshot-interval={interval}")

    async def restart() -> None:
        await (service.stop() if end == "stop" else service.kill())
        await service.start(*options)

    await service.start(*options)
    try:
        orders = {"restart the service": restart}
        said = await play(go_client, Server(service.address), "Restart", orders=orders)
    finally:
        await service.kill()

    assert farewell in said
    assert "remembers whom nobody publishes again" in said
    assert "\n0 times a living node was not known" in said
