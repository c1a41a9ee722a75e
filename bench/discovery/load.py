"""The calls of a load, phase by phase, and what watchers must know after each; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.discovery.frames import Call
from bench.discovery.messages import (
    ENDPOINTS,
    SERVICE,
    data_of,
    delete_request,
    endpoint_of,
    update_request,
)
from bench.discovery.shape import Shape

CHURNS = 2


@dataclass(slots=True)
class Load:
    """Makes calls in the order they are to be sent and keeps the newest versions.

    Attributes:
        shape: how much of everything.
        run: goes into the cluster IDs; no two loads on a server may share it.
        authority: ``host:port`` of the server.
        spoofed: whether each affiliate claims an address of its own (``x-real-ip``).
        newest: version by index of affiliate, by cluster ID.
    """

    shape: Shape
    run: str
    authority: str
    spoofed: bool = False
    newest: dict[str, list[int]] = field(default_factory=dict)
    _last: int = 0
    _refreshed: list[tuple[int, Call]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number in range(self.shape.clusters):
            cluster_id = f"{self.run}-{number}"
            self.newest[cluster_id] = [0] * self.shape.affiliates

    def watches(self) -> list[str]:
        """Cluster ID of each watcher; neighbours watch different clusters."""
        return list(self.newest) * self.shape.watchers

    def metadata_of_watches(self) -> list[dict[str, str]]:
        """Headers of each watch."""
        return [self._metadata(at) for at in range(self.shape.watchers_in_all)]

    def join(self) -> list[tuple[int, Call]]:
        """Data and endpoints of every affiliate, the first time."""
        self._refreshed = [
            self._whole(cluster_id, index) for cluster_id, index in self._everybody()
        ]
        return self._refreshed

    def refresh(self) -> list[tuple[int, Call]]:
        """The same once more, to the byte."""
        return [(-1, call) for _, call in self._refreshed]

    def burst(self) -> list[tuple[int, Call]]:
        """Other data and one other endpoint of every affiliate."""
        return [
            self._whole(cluster_id, index) for cluster_id, index in self._everybody()
        ]

    def churn(self) -> list[tuple[int, Call]]:
        """New endpoints of every affiliate, one a call, as peers report them."""
        return [
            self._endpoint(cluster_id, index)
            for _ in range(CHURNS)
            for cluster_id, index in self._everybody()
        ]

    def delete(self) -> list[tuple[int, Call]]:
        """Removal of everything."""
        return [
            (-1, self._call("AffiliateDelete", delete_request(*who), who[1]))
            for who in self._everybody()
        ]

    def _everybody(self) -> Iterator[tuple[str, int]]:
        for index in range(self.shape.affiliates):
            for cluster_id in self.newest:
                yield cluster_id, index

    def _whole(self, cluster_id: str, index: int) -> tuple[int, Call]:
        version = self._next(cluster_id, index)
        endpoints = tuple(
            endpoint_of(index * ENDPOINTS + number, version)
            for number in range(ENDPOINTS)
        )
        request = update_request(cluster_id, index, data_of(version), endpoints)
        return version, self._call("AffiliateUpdate", request, index)

    def _endpoint(self, cluster_id: str, index: int) -> tuple[int, Call]:
        version = self._next(cluster_id, index)
        endpoints = (endpoint_of(index, version),)
        request = update_request(cluster_id, index, b"", endpoints)
        return version, self._call("AffiliateUpdate", request, index)

    def _next(self, cluster_id: str, index: int) -> int:
        self._last += 1
        self.newest[cluster_id][index] = self._last
        return self._last

    def _call(self, method: str, request: bytes, index: int) -> Call:
        metadata = self._metadata(index)
        return Call.to(SERVICE + method, self.authority, request, metadata)

    def _metadata(self, index: int) -> dict[str, str]:
        address = f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}"
        return {"x-real-ip": address} if self.spoofed else {}
