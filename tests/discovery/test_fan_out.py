"""What watchers of a real service are told, and in how many messages."""

import asyncio
from pathlib import Path

from discovery.api import cluster_pb2 as pb
from discovery.settings import Settings
from tests.discovery.running import AWatch, a_service_and_client, an_update

USUAL_S = Settings().fan_out_delay_s


async def test_burst_is_told_in_few_messages_to_everybody() -> None:
    known: list[set[str]] = [set() for _ in range(20)]
    messages = 0

    async def read(watch: AWatch, number: int) -> None:
        nonlocal messages
        while len(known[number]) < 200:
            message = await watch.next()
            known[number] |= {affiliate.id for affiliate in message.affiliates}
            messages += 1

    async with a_service_and_client(fan_out_delay_s=USUAL_S) as client:
        watches = [AWatch(client) for _ in known]
        for watch in watches:
            await watch.next()
        async with asyncio.TaskGroup() as group:
            for number, watch in enumerate(watches):
                group.create_task(read(watch, number))
            for number in range(200):
                update = an_update(f"af{number}", affiliate_data=b"d")
                group.create_task(_updated(client.AffiliateUpdate(update)))

    # the reference sends 4000
    assert messages < 2000


async def test_only_what_changed_is_told() -> None:
    async with a_service_and_client(fan_out_delay_s=USUAL_S) as client:
        watch = AWatch(client)
        await watch.next()
        for _ in range(3):
            for number in range(20):
                update = an_update(f"af{number}", b"e", affiliate_data=b"d")
                await client.AffiliateUpdate(update)
        told: list[pb.Affiliate] = []
        await client.AffiliateUpdate(an_update("last"))
        while not told or told[-1].id != "last":
            told += (await watch.next()).affiliates

    assert len(told) == 21


async def _updated(call: object) -> None:
    await call


async def test_first_to_come_back_after_a_restart_sees_the_others(
    tmp_path: Path,
) -> None:
    kept = {
        "snapshots_enabled": True,
        "snapshot_path": tmp_path / "state.binpb",
        "warm_up_s": 1.0,
    }
    lasting = an_update("kept", cluster_id="kept", affiliate_data=b"d", ttl_ns=10**12)
    async with a_service_and_client(**kept) as client:
        await client.AffiliateUpdate(lasting)

    loop = asyncio.get_running_loop()
    async with a_service_and_client(**kept) as client:
        opened_s = loop.time()
        lost, found = AWatch(client, "lost"), AWatch(client, "kept")
        at_once = await found.next()
        await asyncio.sleep(0.1)
        other = an_update("other", cluster_id="lost", affiliate_data=b"d")
        await client.AffiliateUpdate(other)
        whole = await lost.next()
        waited_s = loop.time() - opened_s

    assert [affiliate.id for affiliate in at_once.affiliates] == ["kept"]
    assert [affiliate.id for affiliate in whole.affiliates] == ["other"]
    # 0.35 s, and never more than a second but for a busy machine
    assert 0.25 <= waited_s < 3.0
