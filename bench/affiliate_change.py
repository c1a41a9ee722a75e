"""Cost of one changed affiliate, through all controllers, as the mesh grows.

What is measured: one node's advertised network and endpoint change; the time from
putting that into the store until every controller has settled. No driver runs. Beside
it the cost of a look at the device, which happens every second: all counters moved.

Unit: milliseconds, median and worst of the rounds; less is better.
"""

import argparse
import gc
import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface
from time import perf_counter

from bench.conditions import conditions
from kubespan.engine.scheduler import Scheduler
from kubespan.engine.store import Store
from kubespan.model.affiliate import Affiliate, RegistryAffiliate
from kubespan.model.endpoint import Endpoint
from kubespan.model.host import KubernetesNode
from kubespan.model.registry import PublicAddress, RegistryStatus, ServiceAddress
from kubespan.model.wireguard import WireGuardDevice, WireGuardPeerSeen
from kubespan.wiring import CONTROLLERS
from tests.builders import (
    NOW_NS,
    NOW_S,
    a_config,
    a_device,
    a_mesh_of,
    a_node_identity,
    a_public_key,
    host_facts,
    put_all,
    said,
)

SIZES = (10, 100, 1000)
ROUNDS = 30
NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class SteppingClock:
    """Moves one second whenever told to."""

    seconds: int = 0

    def now_s(self) -> float:
        """Return monotonic seconds."""
        return NOW_S + self.seconds

    def now_ns(self) -> int:
        """Return the wall clock."""
        return NOW_NS + self.seconds * NS_PER_S


@dataclass(slots=True)
class Bench:
    """A settled mesh of peers that are up."""

    affiliates: list[Affiliate]
    store: Store = field(default_factory=Store)
    clock: SteppingClock = field(default_factory=SteppingClock)
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.store, CONTROLLERS, self.clock)
        facts = (a_config(), host_facts(), a_node_identity(), self._look())
        put_all(self.store, (*facts, *map(said, self.affiliates)))
        for kind in (PublicAddress, RegistryStatus, KubernetesNode, ServiceAddress):
            self.store.replace(kind, "test", (), NOW_NS)
        self.scheduler.settle()

    def change_affiliate(self) -> None:
        """One node has another pod network and endpoint."""
        self.clock.seconds += 1
        at = self.clock.seconds % len(self.affiliates)
        affiliate = self.affiliates[at]
        step = self.clock.seconds % 250
        mesh = replace(
            affiliate.kubespan,
            additional_addresses=(ip_interface(f"10.200.{step}.0/24"),),
            endpoints=(Endpoint.from_text(f"198.51.100.{step}:51820"),),
        )
        self.affiliates[at] = replace(affiliate, kubespan=mesh)
        changed = said(self.affiliates[at])
        self.store.patch(
            RegistryAffiliate, "test", (changed,), now_ns=self.clock.now_ns()
        )
        self.scheduler.settle()

    def look_at_device(self) -> None:
        """Every peer sent and received something; some shook hands."""
        self.clock.seconds += 1
        device = self._look()
        self.store.replace(WireGuardDevice, "test", (device,), self.clock.now_ns())
        self.scheduler.settle()

    def _look(self) -> WireGuardDevice:
        seen = (
            WireGuardPeerSeen(
                a_public_key(number),
                endpoint=affiliate.kubespan.endpoints[0],
                last_handshake_ns=self._handshake_ns(number),
                receive_bytes=self.clock.seconds * 1000,
                transmit_bytes=self.clock.seconds * 1000,
            )
            for number, affiliate in enumerate(self.affiliates)
        )
        return a_device(*seen, observed_s=self.clock.now_s())

    def _handshake_ns(self, number: int) -> int:
        """Return the latest of handshakes that come every 120 s, spread evenly."""
        ago_s = (self.clock.seconds + number) % 120
        return self.clock.now_ns() - ago_s * NS_PER_S


def time_rounds(step: Callable[[], None]) -> list[float]:
    """Return how long each round took, in milliseconds."""
    step()
    gc.collect()
    times_ms = []
    for _ in range(ROUNDS):
        began = perf_counter()
        step()
        times_ms.append((perf_counter() - began) * 1000)
    return times_ms


def measure() -> Iterator[dict[str, object]]:
    """Yield one row per size and kind of change."""
    for peers in SIZES:
        bench = Bench(a_mesh_of(peers))
        for what in (bench.change_affiliate, bench.look_at_device):
            times_ms = time_rounds(what)
            yield {
                "what": what.__name__.replace("_", " "),
                "peers": peers,
                "median_ms": round(statistics.median(times_ms), 2),
                "worst_ms": round(max(times_ms), 2),
            }


def main() -> None:
    """Measure, print a table, write JSON where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the numbers here too")
    arguments = parser.parse_args()
    rows = list(measure())
    print(f"{'what':<20} {'peers':>6} {'median ms':>10} {'worst ms':>10}")
    for row in rows:
        print(
            f"{row['what']:<20} {row['peers']:>6}"
            f" {row['median_ms']:>10} {row['worst_ms']:>10}"
        )
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"conditions": conditions(ROUNDS), "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
