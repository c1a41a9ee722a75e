"""Bounds how much one client can have lying in our memory unread.

A full cluster is a reply of 4.6 MB. Whoever asks for it again and again and never reads
would have as many copies wait here as it likes, at the price of some bytes each. So a
client has a few outlets for large messages; one more waits until one is free.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from discovery.service.client_address import Address, client_from_address
from discovery.service.refusal import Exhausted

# For one client; times the largest message this is some 70 MB.
OUTLETS = 16
# What is smaller needs no outlet; a batch of changes is.
LARGE_BYTES = 256 * 1024


@dataclass(slots=True)
class _Client:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(OUTLETS))
    users: int = 0  # who have an outlet or wait for one


class Outlet:
    """One outlet that somebody has.

    Args:
        release: gives it back; called once.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._is_held = True

    def release(self) -> None:
        """Give it back; again is harmless."""
        if self._is_held:
            self._is_held = False
            self._release()


class Outlets:
    """The outlets of every client that uses one now.

    Args:
        patience_s: how long to wait for one.
        ipv6_prefix_bits: how many bits of an IPv6 address make one client.
    """

    def __init__(self, patience_s: float, ipv6_prefix_bits: int = 64) -> None:
        self._patience_s = patience_s
        self._ipv6_prefix_bits = ipv6_prefix_bits
        self._by_client: dict[Hashable, _Client] = {}

    def __len__(self) -> int:
        return len(self._by_client)

    async def take(self, address: Address | None) -> Outlet:
        """Wait for an outlet, to be given back when the message has left our memory.

        Those without an address share theirs.

        Raises:
            Exhausted: none became free in time.
        """
        key: Hashable = None
        if address is not None:
            key = client_from_address(address, self._ipv6_prefix_bits)
        client = self._by_client.setdefault(key, _Client())
        client.users += 1
        try:
            async with asyncio.timeout(self._patience_s):
                await client.free.acquire()
        except BaseException as error:
            self._leave(key)
            if isinstance(error, TimeoutError):
                raise Exhausted("this client leaves too much unread") from None
            raise
        return Outlet(lambda: self._give_back(key))

    def _give_back(self, key: Hashable) -> None:
        self._by_client[key].free.release()
        self._leave(key)

    def _leave(self, key: Hashable) -> None:
        client = self._by_client[key]
        client.users -= 1
        if not client.users:
            del self._by_client[key]
