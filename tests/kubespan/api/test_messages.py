from ipaddress import ip_address, ip_interface, ip_network

from kubespan.api import messages
from kubespan.api.yaml_form import plain_from_message
from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    LocalAffiliate,
    MachineType,
)
from kubespan.model.config import Config, DiscoveryService, DiscoverySettings
from kubespan.model.endpoint import Endpoint
from kubespan.model.identity import MeshIdentity
from kubespan.model.keys import PublicKey, SecretKey
from kubespan.model.peer import PeerSpec
from kubespan.model.registry import PublicAddress

SECRET = SecretKey(bytes(range(32)))
CONFIG = Config(
    discovery=DiscoverySettings(
        cluster_id="abc",
        cluster_secret=SECRET,
        services=(DiscoveryService("primary", "192.0.2.1:443", plaintext=False),),
    )
)


def test_no_message_ever_carries_a_secret():
    identity = MeshIdentity(
        address=ip_interface("fd00::1/128"),
        subnet=ip_network("fd00::/64"),
        private_key=SECRET,
        public_key=PublicKey(bytes(32)),
        cluster_id="abc",
        from_hardware=True,
    )

    shown = [
        messages.kubespan_config(CONFIG),
        messages.discovery_config(CONFIG),
        messages.kubespan_identity(identity),
    ]

    for message in shown:
        data = message.SerializeToString()
        assert SECRET.raw not in data
        assert SECRET.to_base64().encode() not in data


def test_discovery_config_lists_services_and_mirrors_the_first():
    plain = plain_from_message(messages.discovery_config(CONFIG))

    assert plain["serviceEndpoint"] == "192.0.2.1:443"
    assert plain["serviceClusterID"] == "abc"
    assert plain["serviceEndpoints"] == [
        {"name": "primary", "endpoint": "192.0.2.1:443", "insecure": False}
    ]


def test_affiliate_keeps_host_bits_and_order():
    affiliate = Affiliate(
        node_id="n",
        addresses=(ip_address("10.0.0.1"),),
        nodename="cp-1",
        machine_type=MachineType.CONTROL_PLANE,
        kubespan=KubeSpanAffiliate(
            public_key="key",
            address=ip_address("fd00::1"),
            additional_addresses=(ip_interface("10.244.3.1/24"),),
            endpoints=(Endpoint(ip_address("2001:db8::1"), 51820),),
        ),
        control_plane=ControlPlane(6443),
    )

    plain = plain_from_message(messages.affiliate(LocalAffiliate(affiliate)))

    assert plain["nodename"] == "cp-1"
    assert plain["machineType"] == "controlplane"
    assert plain["controlPlane"] == {"port": 6443}
    assert plain["kubespan"]["additionalAddresses"] == ["10.244.3.1/24"]
    assert plain["kubespan"]["endpoints"] == ["[2001:db8::1]:51820"]


def test_public_address_is_a_single_address_prefix():
    public = PublicAddress("primary", ip_address("192.0.2.7"))

    plain = plain_from_message(messages.address_status(public))

    assert plain == {"address": "192.0.2.7/32"}


def test_peer_spec_lists_networks():
    spec = PeerSpec(
        public_key=PublicKey(bytes(32)),
        node_id="n",
        address=ip_address("fd00::1"),
        allowed_ips=(ip_network("10.244.1.0/24"), ip_network("fd00::1/128")),
        endpoints=(),
        label="w-1",
    )

    plain = plain_from_message(messages.peer_spec(spec))

    assert plain["allowedIPs"] == ["10.244.1.0/24", "fd00::1/128"]


def test_time_zero_is_never():
    assert messages.timestamp_from_ns(0) is None
    assert messages.timestamp_from_ns(1_000_000_001).nanos == 1
