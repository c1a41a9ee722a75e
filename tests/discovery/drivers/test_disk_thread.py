import asyncio
import threading

import pytest

from discovery.drivers.disk_thread import DiskThread


async def test_functions_run_beside_the_loop_in_the_order_asked() -> None:
    disk = DiskThread("test")
    done: list[int] = []

    disk.submit(done.append, 1)
    await disk.run(done.append, 2)
    thread = await disk.run(threading.current_thread)

    assert done == [1, 2]
    assert thread.name.startswith("test")
    disk.close()


async def test_error_comes_to_who_asked() -> None:
    disk = DiskThread("test")

    with pytest.raises(FileNotFoundError):
        await disk.run(open, "/none")

    disk.close()


async def test_what_was_begun_ends_before_what_comes_after_a_cancellation() -> None:
    disk = DiskThread("test")
    begun, may_end = threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        begun.set()
        may_end.wait(10)
        done.append("slow")

    waiting = asyncio.ensure_future(disk.run(slow))
    await asyncio.to_thread(begun.wait, 10)
    waiting.cancel()
    disk.submit(done.append, "after")
    may_end.set()
    await disk.run(done.append, "last")

    assert done == ["slow", "after", "last"]
    disk.close()
