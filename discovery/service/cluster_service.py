"""The five calls, from bytes to bytes; what carries them is not known here.

Nothing awaits between taking a snapshot and beginning a watch, so no change is lost.

Source: discovery.md 2.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from discovery.api import cluster_pb2 as pb
from discovery.metrics.metrics import Metrics
from discovery.service.audience import Messages
from discovery.service.call import Call
from discovery.service.client_address import encode_address
from discovery.service.refusal import Exhausted
from discovery.service.store import Store
from discovery.service.validation import (
    decode_request,
    submission_from_request,
    validate_affiliate_id,
    validate_cluster_id,
)
from discovery.service.watch_messages import encode_list
from discovery.service.watchers import Watchers
from discovery.state.clusters import Clusters
from discovery.state.limits import LimitExceeded

Send = Callable[[bytes], Awaitable[None]]

NOTHING: Final = b""  # an empty message of any kind


class ClusterService:
    """Answers calls from the state, and tells watchers what changed.

    Args:
        clusters: the state; only read here.
        store: changes it and tells the watchers.
        watchers: who is told.
        metrics: counts versions of clients.
        redirect_endpoint: ``host:port`` every Hello is sent to; empty: nowhere.
        report_client_ip: whether Hello tells callers their address.
    """

    def __init__(
        self,
        clusters: Clusters,
        store: Store,
        watchers: Watchers,
        metrics: Metrics | None = None,
        *,
        redirect_endpoint: str = "",
        report_client_ip: bool = True,
    ) -> None:
        self._clusters = clusters
        self._store = store
        self._watchers = watchers
        self._metrics = metrics or Metrics()
        self._redirect_endpoint = redirect_endpoint
        self._report_client_ip = report_client_ip

    def redirect(self, endpoint: str) -> None:
        """Send every Hello from now on to ``host:port``; empty: nowhere."""
        self._redirect_endpoint = endpoint

    async def hello(self, raw: bytes, call: Call) -> bytes:
        """Tell the caller its address and where to go instead; makes no cluster."""
        request = decode_request(pb.HelloRequest, raw)
        self._metrics.hello(request.client_version)
        call.note_cluster(request.cluster_id)
        call.note("client_version", request.client_version)
        validate_cluster_id(request.cluster_id)
        response = pb.HelloResponse()
        if self._report_client_ip:
            response.client_ip = encode_address(call.address)
        if self._redirect_endpoint:
            response.redirect.endpoint = self._redirect_endpoint
        return response.SerializeToString()

    async def affiliate_update(self, raw: bytes, call: Call) -> bytes:
        """Create, change or keep alive one affiliate.

        Raises:
            Refusal: and nothing was changed.
        """
        request = decode_request(pb.AffiliateUpdateRequest, raw)
        call.note_cluster(request.cluster_id)
        call.note("affiliate", request.affiliate_id)
        submission = submission_from_request(request)
        try:
            await self._store.update(request.cluster_id, submission, call.patience_s)
        except LimitExceeded as error:
            raise Exhausted(str(error)) from error
        return NOTHING

    async def affiliate_delete(self, raw: bytes, call: Call) -> bytes:
        """Remove one affiliate; an unknown one is no error and no news."""
        request = decode_request(pb.AffiliateDeleteRequest, raw)
        call.note_cluster(request.cluster_id)
        call.note("affiliate", request.affiliate_id)
        validate_cluster_id(request.cluster_id)
        validate_affiliate_id(request.affiliate_id)
        await self._store.delete(
            request.cluster_id, request.affiliate_id, call.patience_s
        )
        return NOTHING

    async def list(self, raw: bytes, call: Call) -> bytes:
        """Return every affiliate of a cluster; of an unknown one, none."""
        request = decode_request(pb.ListRequest, raw)
        call.note_cluster(request.cluster_id)
        validate_cluster_id(request.cluster_id)
        return encode_list(self._clusters.affiliates(request.cluster_id))

    async def watch(self, raw: bytes, call: Call, send: Send) -> None:
        """Send a snapshot, then every change, until the service stops.

        Args:
            raw: a ``WatchRequest``.
            call: who watches.
            send: awaits until the message is on its way.
        """
        request = decode_request(pb.WatchRequest, raw)
        call.note_cluster(request.cluster_id)
        validate_cluster_id(request.cluster_id)
        with self._watchers.opened(request.cluster_id) as watch:
            await self._open(request.cluster_id)
            affiliates = self._clusters.affiliates(request.cluster_id)
            messages: Messages | None = watch.begin(affiliates)
            while messages is not None:
                for message in messages:
                    await send(message)
                messages = await watch.next_messages()

    async def _open(self, cluster_id: str) -> None:
        """Make sure a cluster exists, and is not about to come back after a restart."""
        try:
            self._clusters.open(cluster_id)
        except LimitExceeded as error:
            raise Exhausted(str(error)) from error
        if not self._store.was_restored(cluster_id):
            await self._watchers.warm_up(cluster_id)
