"""Which discovery service the tests of this folder talk to.

By default one of ours, started by each test as it needs it. Another one, such as the
official service, is put in its place by hand:

    KUBESPAN_DISCOVERY_UNDER_TEST=host:port   where it listens
    KUBESPAN_DISCOVERY_UNDER_TEST_TLS=1       it speaks TLS
    KUBESPAN_DISCOVERY_UNDER_TEST_CA=FILE     and this is whom to trust
    KUBESPAN_DISCOVERY_UNDER_TEST_TUNED=1     it was started as discovery.md 6.6 says:
        5,000 calls a second, a sweep every second, address headers trusted, the
        caller's address reported, no redirect

Tests that need more than an address are skipped then, and say what they need.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from tests.discovery.running import a_service

NAME = "KUBESPAN_DISCOVERY_UNDER_TEST"
# The same as discovery.md 6.6 asks of a foreign service.
TUNED: Mapping[str, Any] = {
    "rate_limit_per_s": 5000.0,
    "gc_interval_s": 0.5,
    "trust_x_real_ip": True,
    "trust_first_x_forwarded_for": True,
}


class Need(StrEnum):
    """What a test needs of the service besides its address."""

    NOTHING = ""
    TUNED = (
        "a high rate limit, a short sweep interval and trusted address headers"
        f" ({NAME}_TUNED=1 says that it has them)"
    )
    CONTROL = "settings of its own: starting, stopping, redirecting or limiting it"


@dataclass(frozen=True, slots=True)
class Server:
    """A service to talk to.

    Attributes:
        address: ``host:port``.
        ca: PEM file of whom to trust; empty: the system's roots.
        ours: whether it is this project's.
    """

    address: str
    tls: bool = False
    ca: str = ""
    ours: bool = True


def foreign_server() -> Server | None:
    """The service named by the environment; None if it names none."""
    address = os.environ.get(NAME, "")
    if not address:
        return None
    return Server(
        address,
        tls=bool(os.environ.get(f"{NAME}_TLS")),
        ca=os.environ.get(f"{NAME}_CA", ""),
        ours=False,
    )


def skip_if_foreign(need: Need) -> None:
    """Skip the test if a foreign service is under test that cannot have this."""
    tuned = need is Need.TUNED and os.environ.get(f"{NAME}_TUNED")
    if foreign_server() is not None and need and not tuned:
        pytest.skip(f"the service at ${NAME} is not ours to change; needs {need}")


@asynccontextmanager
async def a_server(need: Need = Need.NOTHING, **settings: Any) -> AsyncIterator[Server]:
    """Yield the foreign service, or one of ours with ``settings``.

    Ours is tuned where ``need`` says so; without a need it has the default limits.
    """
    skip_if_foreign(need)
    if (foreign := foreign_server()) is not None:
        yield foreign
        return
    defaults = {} if need is Need.CONTROL else {"rate_limit_per_s": 15.0}
    tuned = TUNED if need is Need.TUNED else {}
    async with a_service(**defaults | dict(tuned) | settings) as address:
        certificate = settings.get("certificate_path")
        yield Server(address, tls=certificate is not None, ca=str(certificate or ""))
