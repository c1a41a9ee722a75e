from ipaddress import ip_address, ip_interface, ip_network

import pytest

from kubespan.config.network_fields import is_prefix
from kubespan.config.parse import parse_config
from kubespan.model.endpoint import Endpoint
from tests.config_texts import IDENTITY, MESH, SERVICE, document, host, problems_of

FILTERS = (
    SERVICE + IDENTITY + "---\napiVersion: v1alpha1\nkind: KubeSpanConfig\nfilters: "
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/8", True),
        ("10.0.0.1/8", True),
        ("::/0", True),
        ("::ffff:10.0.0.0/104", True),
        ("10.0.0.0/255.0.0.0", False),
        ("10.0.0.0/08", False),
        ("10.0.0.0/33", False),
        ("010.0.0.0/8", False),
        ("fe80::1%eth0/64", False),
        ("10.0.0.0", False),
        (" 10.0.0.0/8", False),
        ("10.0.0.0/8\n", False),
        ("10.0.0.0/٨", False),
    ],
)
def test_prefix_is_an_address_and_a_length(text: str, expected: bool):
    assert is_prefix(text) is expected


@pytest.mark.checklist(57)
@pytest.mark.parametrize(
    "entry",
    ["banana", "", "!", "!!10.0.0.0/8", "10.0.0.0/40", "! 10.0.0.1", "host.name"],
)
@pytest.mark.parametrize("key", ["endpoints", "peerEndpoints"])
def test_bad_filter_entry_is_quoted(key: str, entry: str):
    problems = problems_of(FILTERS + f"{{{key}: [0.0.0.0/0, '{entry}']}}")

    expected = f'KubeSpan endpoint filter is not valid: "{entry}"'
    assert any(f"filters.{key}[1]: {expected}" in problem for problem in problems)


def test_filters_take_networks_and_addresses_with_one_exclamation_mark():
    entries = ["0.0.0.0/0", "!192.168.0.0/16", "2001::/16", "!10.0.0.1", "::1"]

    config = parse_config(
        f"{MESH}".replace("enabled: true", f"filters: {{endpoints: {entries}}}"), "f"
    )

    assert config.kubespan.endpoint_filters == tuple(entries)


def test_no_filter_and_an_empty_filter_are_different_things():
    none = parse_config(MESH, "f")
    empty = parse_config(MESH.replace("enabled: true", "filters: {endpoints: []}"), "f")

    assert none.kubespan.endpoint_filters is None
    assert empty.kubespan.endpoint_filters == ()


def test_unquoted_exclamation_mark_is_explained():
    problems = problems_of(FILTERS + "{endpoints: [!10.0.0.0/8 ]}")

    assert 'what starts with "!" must be in quotes' in problems[0]


def test_excluded_networks_keep_their_host_bits():
    text = MESH.replace(
        "enabled: true", "filters: {excludeAdvertisedNetworks: [172.20.30.1/24]}"
    )

    networks = parse_config(text, "f").kubespan.exclude_advertised_networks

    assert networks == (ip_interface("172.20.30.1/24"),)


@pytest.mark.parametrize("entry", ["172.20.30.0", "!172.20.30.0/24", "x"])
def test_bad_excluded_network_is_quoted(entry: str):
    problems = problems_of(FILTERS + f"{{excludeAdvertisedNetworks: ['{entry}']}}")

    text = f'KubeSpan exclude advertised networks filter is not valid: "{entry}"'
    assert any(text in problem for problem in problems)


@pytest.mark.checklist(59)
def test_extra_endpoints_are_kept_in_order_and_once():
    entries = ["203.0.113.7:40001", "[2001:db8::7]:51820", "203.0.113.7:40001"]
    body = f"extraAnnouncedEndpoints: {entries}"

    config = parse_config(MESH + document("KubeSpanEndpointsConfig", body), "f")

    assert config.kubespan.extra_endpoints == (
        Endpoint(ip_address("203.0.113.7"), 40001),
        Endpoint(ip_address("2001:db8::7"), 51820),
    )


@pytest.mark.parametrize(
    "entry",
    [
        "node.example.com:51820",
        "203.0.113.7",
        "2001:db8::7:51820",
        "203.0.113.7:0",
        "203.0.113.7:65536",
        "[fe80::1%eth0]:51820",
        "203.0.113.7:x",
    ],
)
def test_extra_endpoint_is_an_address_and_a_port(entry: str):
    body = f"extraAnnouncedEndpoints: ['{entry}']"

    problems = problems_of(MESH + document("KubeSpanEndpointsConfig", body))

    assert len(problems) == 1
    assert f'not ip:port or [ipv6]:port: "{entry}"' in problems[0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("advertisedNetworks: [10.9.0.0]", "not a network in CIDR form"),
        ("advertisedNetworks: [1]", "must be text"),
        ("advertisedNetworks: [0.0.0.0/0]", "would draw all traffic"),
        ("advertisedNetworks: ['::/0']", "would draw all traffic"),
        ("advertisedNetworks: [127.0.0.0/8]", "never routed"),
        ("advertisedNetworks: ['fe80::/64']", "never routed"),
        ("advertisedNetworks: [224.0.0.0/4]", "never routed"),
        (
            "advertisedNetworks: ['fd7f:175a:b97c:5602::5/128']",
            "overlaps the cluster's own mesh network fd7f:175a:b97c:5602::/64",
        ),
        ("advertisedNetworks: ['fd00::/8']", "overlaps the cluster's own mesh network"),
        ("podNetworks: [10.244.1.0/16]", "did you mean 10.244.0.0/16?"),
        ("podNetworks: [pods]", "not a network in CIDR form"),
        ("serviceNetworks: ['fd7f:175a:b97c:5602::/64']", "overlaps the cluster's own"),
        ("externalAddresses: [10.0.0.0/8]", "not an IP address"),
        ("externalAddresses: [here.example.com]", "not an IP address"),
        ("externalAddresses: [0.0.0.0]", "cannot be reached"),
        ("externalAddresses: ['ff02::1']", "cannot be reached"),
        ("externalAddresses: ['fd7f:175a:b97c:5602::1']", "overlaps the cluster's own"),
    ],
)
def test_network_that_would_harm_is_refused(body: str, expected: str):
    problems = problems_of(host(body))

    assert len(problems) == 1
    assert expected in problems[0]


def test_good_networks_become_values():
    config = parse_config(
        host(
            "advertisedNetworks: [10.9.0.1/24, 'fd00:9::/64']\n"
            "podNetworks: [10.244.0.0/16]\n"
            "serviceNetworks: [10.96.0.0/12, 'fd00:96::/112']\n"
            "externalAddresses: [203.0.113.7, '2001:db8::7']\n"
        ),
        "f",
    )

    assert config.host.advertised_networks == (
        ip_interface("10.9.0.1/24"),
        ip_interface("fd00:9::/64"),
    )
    assert config.host.pod_networks == (ip_network("10.244.0.0/16"),)
    assert config.host.service_networks[1] == ip_network("fd00:96::/112")
    assert config.host.external_addresses[1] == ip_address("2001:db8::7")
