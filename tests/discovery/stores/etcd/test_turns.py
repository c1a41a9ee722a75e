import asyncio

import pytest

from discovery.stores.etcd.record_key import RecordKey
from discovery.stores.etcd.turns import Turns

A, B = RecordKey("c", "a"), RecordKey("c", "b")


async def test_one_record_is_written_by_one_at_a_time_in_order() -> None:
    turns = Turns()
    done: list[str] = []

    async def write(name: str, key: RecordKey) -> None:
        async with turns.take(key):
            done.append(f"{name} begins")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            done.append(f"{name} ends")

    async with asyncio.TaskGroup() as group:
        group.create_task(write("one", A))
        group.create_task(write("two", A))

    assert done == ["one begins", "one ends", "two begins", "two ends"]


async def test_other_records_do_not_wait() -> None:
    turns = Turns()

    async with turns.take(A), asyncio.timeout(1), turns.take(B):
        assert len(turns) == 2


async def test_nothing_stays_of_who_is_done_gave_up_or_failed() -> None:
    turns = Turns()

    async with turns.take(A):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), turns.take(A):
                pass
    with pytest.raises(RuntimeError):
        async with turns.take(B):
            raise RuntimeError

    assert len(turns) == 0
