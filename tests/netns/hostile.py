"""A stranger who speaks to the discovery service of a lab, and knows everything.

It has the cluster's ID and secret, so what it publishes opens; or it has not, and
publishes noise. It stands on the internet of the lab, not on a node::

    stranger = Stranger(lab)
    assert stranger.make(stranger.node(affiliate("~bad"))) == ["OK"]

The calls are made by this very file as a program, because gRPC keeps threads that
cannot change their namespace. It takes JSON, ``[[method, request in hex], ...]``, and
prints status and answer of every call as JSON.
"""

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Any

import grpc

from discovery.api import cluster_pb2 as pb
from kubespan.lab.documents import DISCOVERY_ENDPOINT
from kubespan.lab.lab import Lab
from kubespan.lab.place import python_module
from kubespan.model.affiliate import Affiliate, KubeSpanAffiliate
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.wire.affiliate import encode_affiliate, encode_endpoint
from kubespan.wire.sealing import NONCE_BYTES, Sealer

SERVICE = "/sidero.discovery.server.Cluster/"
TIMEOUT_S = 10.0
TTL_S = 600
ULA = bytes.fromhex("fd00000000000002")  # not the lab's, but as good as


@dataclass(frozen=True, slots=True)
class Call:
    """One call: name and bytes of the request."""

    method: str
    request: bytes


class Stranger:
    """Makes calls in the name of the lab's own cluster."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.cluster_id = lab.record.cluster_id
        self.sealer = Sealer(SecretKey.from_base64(lab.record.cluster_secret))

    def seal(self, plain: bytes) -> bytes:
        """Return bytes sealed as an affiliate's data, whatever they are."""
        return self.sealer.seal_data(plain, os.urandom(NONCE_BYTES))

    def record(
        self, envelope: str, data: bytes, endpoints: Iterable[bytes] = ()
    ) -> Call:
        """Return the call that publishes these very bytes."""
        request = pb.AffiliateUpdateRequest(
            cluster_id=self.cluster_id,
            affiliate_id=envelope,
            affiliate_data=data or None,
            affiliate_endpoints=list(endpoints),
        )
        request.ttl.FromSeconds(TTL_S)
        return Call("AffiliateUpdate", request.SerializeToString())

    def node(self, affiliate: Affiliate, envelope: str = "") -> Call:
        """Return the call that publishes a node, sealed as it should be."""
        endpoints = affiliate.kubespan.endpoints
        blobs = [self.sealer.seal_endpoint(encode_endpoint(one)) for one in endpoints]
        data = self.seal(encode_affiliate(affiliate))
        return self.record(envelope or affiliate.node_id, data, blobs)

    def deletion(self, envelope: str) -> Call:
        """Return the call that removes what is published under an ID."""
        request = pb.AffiliateDeleteRequest(
            cluster_id=self.cluster_id, affiliate_id=envelope
        )
        return Call("AffiliateDelete", request.SerializeToString())

    def make(self, *calls: Call) -> list[str]:
        """Make calls one after the other; return the name of each one's status."""
        return [status for status, _ in self._make(calls)]

    def list_ids(self) -> set[str]:
        """Return the IDs of all affiliates the service has."""
        request = pb.ListRequest(cluster_id=self.cluster_id)
        ((_, answer),) = self._make([Call("List", request.SerializeToString())])
        listed = pb.ListResponse.FromString(bytes.fromhex(answer))
        return {affiliate.id for affiliate in listed.affiliates}

    def _make(self, calls: Iterable[Call]) -> list[tuple[str, str]]:
        words = json.dumps([[call.method, call.request.hex()] for call in calls])
        program = python_module("tests.netns.hostile")
        said = self.lab.internet.run(program, text=words).stdout
        return [(status, answer) for status, answer in json.loads(said)]


def affiliate(node_id: str, name: str = "", **kubespan: Any) -> Affiliate:
    """Return a node that would make a good peer but for what is given.

    Nobody has the private key of its key, nobody is at its endpoint.

    Args:
        node_id: low ones win what several claim.
        name: as Kubernetes and as host.
        kubespan: fields of its KubeSpan part.
    """
    digest = hashlib.sha256(node_id.encode()).digest()
    plausible = KubeSpanAffiliate(
        public_key=base64.b64encode(digest).decode(),
        address=IPv6Address(ULA + digest[:8]),
        endpoints=(Endpoint.from_text("198.51.100.7:51820"),),
    )
    name = name or node_id
    return Affiliate(
        node_id=node_id,
        hostname=name,
        nodename=name,
        kubespan=replace(plausible, **kubespan),
    )


def main() -> None:
    """Make the calls that standard input names."""
    host = DISCOVERY_ENDPOINT.removeprefix("http://")
    answers = []
    with grpc.insecure_channel(host) as channel:
        for method, request in json.load(sys.stdin):
            call: Any = channel.unary_unary(SERVICE + method)
            try:
                answers.append(("OK", call(bytes.fromhex(request), timeout=TIMEOUT_S)))
            except grpc.RpcError as error:
                answers.append((error.code().name, b""))
    shown = [(status, answer.hex()) for status, answer in answers]
    print(json.dumps(shown))  # noqa: T201 - that is its answer


if __name__ == "__main__":
    main()
