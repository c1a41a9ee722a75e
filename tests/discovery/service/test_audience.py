import asyncio

from discovery.api import cluster_pb2 as pb
from discovery.metrics.metrics import Metrics
from discovery.service.audience import MESSAGE_BYTES_MAX, Audience, Watch
from discovery.service.pace import Pace
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change
from tests.fakes.timer import FakeTimer


class Hall:
    """An audience, and a clock that stands still until told."""

    def __init__(self, delay_s: float = 0.1) -> None:
        self.timer = FakeTimer()
        self.metrics = Metrics()
        self.audience = Audience(Pace(delay_s), self.timer, self.metrics)

    def watch(self, *affiliates: Affiliate) -> Watch:
        watch = self.audience.join()
        watch.begin(affiliates)
        return watch

    def change(self, *affiliate_ids: str, data: bytes = b"d") -> None:
        for affiliate_id in affiliate_ids:
            affiliate = Affiliate(affiliate_id, data, 0, ())
            self.audience.announce(Change(affiliate_id, affiliate))

    def tell(self) -> None:
        self.timer.pass_time(0.1)

    def read(self, watch: Watch) -> list[str]:
        """Everything a watch can read now; ``-a`` is the deletion of a."""
        told = []
        while messages := self.audience.read(watch):
            for message in map(pb.WatchResponse.FromString, messages):
                sign = "-" if message.deleted else ""
                told += [sign + affiliate.id for affiliate in message.affiliates]
        return told


def test_batch_is_encoded_once_and_shared() -> None:
    hall = Hall()
    watches = [hall.watch() for _ in range(3)]
    hall.change("a", "b", "a")
    hall.tell()

    messages = [hall.audience.read(watch) for watch in watches]

    assert messages[0] is messages[1] is messages[2]
    (message,) = map(pb.WatchResponse.FromString, messages[0])
    assert [affiliate.id for affiliate in message.affiliates] == ["b", "a"]


def test_watches_are_those_that_joined_and_did_not_leave() -> None:
    hall = Hall()
    stays, leaves = hall.watch(), hall.watch()

    hall.audience.leave(leaves)

    assert hall.audience.watches == (stays,)
    assert len(hall.audience) == 1


def test_snapshot_is_encoded_once_for_a_herd_until_something_changes() -> None:
    hall, affiliates = Hall(), (Affiliate("a", b"d", 0, ()),)

    one, two = (hall.audience.join().begin(affiliates) for _ in range(2))
    hall.change("b")
    three = hall.audience.join().begin((*affiliates, Affiliate("b", b"d", 0, ())))

    assert one is two
    assert len(pb.WatchResponse.FromString(three[0]).affiliates) == 2


def test_snapshot_is_not_kept_for_long() -> None:
    hall = Hall()
    first = hall.watch(), hall.audience.snapshot((Affiliate("a", b"d", 0, ()),))

    hall.timer.pass_time(1.0)

    assert hall.audience.snapshot((Affiliate("b", b"d", 0, ()),)) != first[1]


def test_change_in_a_quiet_cluster_is_told_after_milliseconds() -> None:
    hall = Hall()
    watch = hall.watch()
    hall.change("a")

    hall.timer.pass_time(0.0049)
    too_early = hall.read(watch)
    hall.timer.pass_time(0.0002)

    assert too_early == []
    assert hall.read(watch) == ["a"]


def test_sustained_change_is_told_by_the_number_of_watchers() -> None:
    hall = Hall()
    watches = [hall.watch() for _ in range(100)]

    for number in range(1000):  # a change each millisecond, for a second
        hall.change(f"af{number}")
        hall.timer.pass_time(0.001)
        for watch in watches:
            hall.audience.read(watch)

    # every 20 ms, or 21 as the clock of this test has it
    _, batches = hall.metrics.batch.buckets()[-1]
    assert 47 <= batches <= 51
    assert hall.metrics.lag_s.sum <= 0.0211 * batches


def test_change_is_told_at_once_if_nothing_may_wait() -> None:
    hall = Hall(delay_s=0.0)
    watch = hall.watch()

    hall.change("a")

    assert hall.read(watch) == ["a"]


def test_watch_that_slept_is_told_everything_that_is_new_and_no_more() -> None:
    hall = Hall()
    asleep, awake = hall.watch(), hall.watch()

    for number in range(5):
        hall.change("a", f"b{number}")
        hall.audience.announce(Change(f"b{number}", None))
        hall.tell()
        hall.read(awake)

    assert hall.read(asleep) == [*(f"-b{n}" for n in range(5)), "a"]


def test_watch_that_is_behind_is_told_what_others_still_wait_for() -> None:
    hall = Hall()
    late, punctual = hall.watch(), hall.watch()
    hall.change("a")
    hall.tell()
    told = hall.read(punctual)
    hall.change("b")

    assert told == ["a"]
    assert hall.read(punctual) == []
    assert hall.read(late) == ["a", "b"]


def test_change_that_leaves_nothing_wakes_without_a_message() -> None:
    hall = Hall()
    watch = hall.watch()
    gone = Affiliate("a", b"d", 0, ())

    hall.audience.announce(Change("a", gone, created=True))
    hall.audience.announce(Change("a", None))
    hall.tell()

    assert hall.read(watch) == []


def test_portions_are_bounded() -> None:
    hall = Hall()
    watch = hall.watch()
    hall.change(*(f"af{number}" for number in range(1024)), data=bytes(2048))
    hall.tell()

    sizes = []
    while messages := hall.audience.read(watch):
        sizes.append(sum(map(len, messages)))

    assert len(sizes) == 9
    assert max(sizes) <= MESSAGE_BYTES_MAX


def test_nothing_is_kept_once_everybody_has_read() -> None:
    hall = Hall()
    one, two, gone = hall.watch(), hall.watch(), hall.watch()
    hall.change("a", "b")
    hall.tell()

    hall.read(one)
    hall.read(two)
    kept_for_the_last = len(hall.audience._journal)
    hall.audience.leave(gone)

    assert kept_for_the_last == 2
    assert len(hall.audience._journal) == 0
    assert hall.audience._portion_by_version == {}


def test_bytes_are_kept_only_for_a_few_positions() -> None:
    hall = Hall()
    watches = []
    for number in range(20):
        watches.append(hall.watch())
        hall.change(f"af{number}")
        hall.tell()

    told = [hall.read(watch) for watch in watches]

    assert [len(ids) for ids in told] == list(range(20, 0, -1))
    assert len(hall.audience._portion_by_version) <= 8


def test_churn_of_random_names_beside_a_sleeper_is_bounded() -> None:
    hall = Hall()
    hall.watch()
    awake = hall.watch()

    for number in range(3000):
        fresh = Affiliate(f"af{number}", b"d", 0, ())
        hall.audience.announce(Change(fresh.id, fresh, created=True))
        hall.tell()
        hall.read(awake)
        hall.audience.announce(Change(fresh.id, None))
        hall.tell()
        hall.read(awake)

    assert len(hall.audience._journal) <= 2 * 64 + 1


async def test_sleeping_watch_is_woken() -> None:
    hall = Hall()
    watch = hall.watch()

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(watch.next_messages())
        await asyncio.sleep(0)
        hall.change("a")
        await asyncio.sleep(0)
        assert not reading.done()
        hall.tell()

    (message,) = reading.result() or ()
    assert pb.WatchResponse.FromString(message).affiliates[0].id == "a"


async def test_watch_that_was_cancelled_disturbs_nobody() -> None:
    hall = Hall()
    watch = hall.watch()
    reading = asyncio.create_task(watch.next_messages())
    await asyncio.sleep(0)
    reading.cancel()
    hall.change("a")

    hall.tell()

    assert (await asyncio.gather(reading, return_exceptions=True))[0] is not None


async def test_closing_ends_watches_begun_or_not() -> None:
    hall = Hall()
    begun, fresh = hall.watch(), hall.audience.join()
    reading = asyncio.create_task(begun.next_messages())
    await asyncio.sleep(0)

    hall.audience.close()

    assert await reading is None
    assert fresh.begin(()) == ()
    assert await fresh.next_messages() is None
