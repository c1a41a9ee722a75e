import pytest

from kubespan.config.parse import parse_config
from kubespan.model.affiliate import MachineType
from kubespan.model.config import Config, DiscoveryService, KubeSpanSettings
from tests.config_texts import DOCUMENTS, LEGACY, MESH, SERVICE, document, host

CLUSTER = (
    "machine: {type: controlplane, kubelet: {registerWithFQDN: true}}\n"
    "cluster: {clusterName: shed, network: {podSubnets: [10.1.0.0/16]}}\n"
)


@pytest.mark.checklist(56)
def test_legacy_and_newer_documents_configure_the_same():
    legacy = parse_config(LEGACY, "f")
    documents = parse_config(DOCUMENTS, "f")

    same = [
        (field, getattr(documents.kubespan, field))
        for field in KubeSpanSettings.__dataclass_fields__
        if field != "extra_endpoints"
    ]
    assert same == [(name, getattr(legacy.kubespan, name)) for name, _ in same]
    assert documents.discovery.cluster_id == legacy.discovery.cluster_id
    assert documents.discovery.cluster_secret == legacy.discovery.cluster_secret
    assert (
        documents.discovery.kubernetes_registry == legacy.discovery.kubernetes_registry
    )
    assert documents.discovery.services[0].endpoint == (
        legacy.discovery.services[0].endpoint
    )


@pytest.mark.checklist(56)
def test_documents_of_the_specification_are_read_whole():
    config = parse_config(DOCUMENTS, "f")

    assert config.kubespan.enabled
    assert config.kubespan.endpoint_filters == ("0.0.0.0/0", "!10.99.0.0/16", "::/0")
    assert [str(p) for p in config.kubespan.exclude_advertised_networks] == [
        "172.20.30.0/24"
    ]
    assert [str(e) for e in config.kubespan.extra_endpoints] == [
        "203.0.113.7:40001",
        "[2001:db8::7]:51820",
    ]
    assert config.discovery.services == (
        DiscoveryService("primary", "discovery.talos.dev:443", plaintext=False),
        DiscoveryService("backup", "discovery.example.org:6443", plaintext=False),
    )


@pytest.mark.checklist(58)
def test_what_is_not_written_has_the_defaults_of_the_specification():
    config = parse_config(document("KubeSpanConfig"), "f")

    assert config == Config()
    assert config.kubespan == KubeSpanSettings(
        enabled=False,
        advertise_kubernetes_networks=False,
        allow_down_peer_bypass=False,
        harvest_extra_endpoints=False,
        mtu_bytes=1420,
    )


def test_every_switch_reaches_the_settings():
    body = (
        "advertiseKubernetesNetworks: true\nallowDownPeerBypass: true\n"
        "harvestExtraEndpoints: true\nmtu: 1300\n"
        "filters: {peerEndpoints: ['!10.0.0.0/8']}"
    )

    kubespan = parse_config(document("KubeSpanConfig", body), "f").kubespan

    assert kubespan == KubeSpanSettings(
        advertise_kubernetes_networks=True,
        allow_down_peer_bypass=True,
        harvest_extra_endpoints=True,
        mtu_bytes=1300,
        peer_endpoint_filters=("!10.0.0.0/8",),
    )


def test_talos_says_what_our_document_does_not():
    config = parse_config(CLUSTER + host("hostname: h"), "f")

    assert config.cluster_name == "shed"
    assert config.host.machine_type is MachineType.CONTROL_PLANE
    assert config.host.register_with_fqdn
    assert [str(n) for n in config.host.pod_networks] == ["10.1.0.0/16"]
    assert [str(n) for n in config.host.service_networks] == ["10.96.0.0/12"]


def test_our_document_wins_over_talos():
    body = (
        "machineType: worker\nregisterWithFQDN: false\npodNetworks: []\n"
        "serviceNetworks: [10.2.0.0/16]"
    )

    config = parse_config(CLUSTER + host(body), "f")

    assert config.host.machine_type is MachineType.WORKER
    assert not config.host.register_with_fqdn
    assert config.host.pod_networks == ()
    assert [str(n) for n in config.host.service_networks] == ["10.2.0.0/16"]


def test_without_a_cluster_section_no_network_is_kubernetes():
    config = parse_config(MESH, "f")

    assert config.host.pod_networks == ()
    assert config.host.service_networks == ()


@pytest.mark.parametrize(
    ("ours", "newer", "legacy", "expected"),
    [
        ("a", "b", "c", "a"),
        ("", "b", "c", "b"),
        ("", "", "c", "c"),
        ("", "", "", ""),
    ],
)
def test_host_name_is_the_most_specific_one(
    ours: str, newer: str, legacy: str, expected: str
):
    text = f"machine: {{network: {{hostname: '{legacy}'}}}}\n" + host(
        f"hostname: '{ours}'"
    )
    text += document("HostnameConfig", f"hostname: '{newer}'") if newer else ""

    assert parse_config(text, "f").host.hostname == expected


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("discoveryCAFiles", "ca_file"),
        ("discoveryCertificateFiles", "certificate_file"),
        ("discoveryTokenFiles", "token_file"),
    ],
)
def test_file_belongs_to_its_service(key: str, field: str):
    other = SERVICE.replace("primary", "other")
    body = f"{key}: {{other: /etc/file}}"

    services = parse_config(host(body) + other, "f").discovery.services

    assert [(s.name, getattr(s, field)) for s in services] == [
        ("primary", ""),
        ("other", "/etc/file"),
    ]


def test_lists_lose_their_repetitions():
    config = parse_config(host("advertisedNetworks: [10.9.0.0/24, 10.9.0.0/24]"), "f")

    assert len(config.host.advertised_networks) == 1
