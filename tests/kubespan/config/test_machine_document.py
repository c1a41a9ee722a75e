import pytest

from kubespan.config.parse import parse_config
from kubespan.model.affiliate import MachineType
from kubespan.model.config import DiscoveryService
from tests.config_texts import CONTROL_PLANE, ID, LEGACY, SECRET, WORKER, problems_of

ENDPOINT = "endpoint: https://discovery.talos.dev/"
BARE = f"cluster: {{id: {ID}, secret: {SECRET}, discovery: {{enabled: true}}}}"


def test_full_worker_configuration_is_read():
    config = parse_config(WORKER, "worker.yaml")

    assert config.cluster_name == "shed"
    assert config.kubespan.enabled
    assert config.kubespan.mtu_bytes == 1400
    assert config.host.hostname == "shed-worker-1-renamed"
    assert config.host.machine_type is MachineType.WORKER
    assert config.host.api_server_port is None
    assert [str(e) for e in config.kubespan.extra_endpoints] == ["203.0.113.7:40001"]
    assert [str(n) for n in config.host.pod_networks] == [
        "10.244.0.0/16",
        "fd00:10:244::/56",
    ]


def test_full_control_plane_configuration_is_read():
    config = parse_config(CONTROL_PLANE, "controlplane.yaml")

    assert config.host.machine_type is MachineType.CONTROL_PLANE
    assert config.host.api_server_port == 6444
    assert config.host.register_with_fqdn
    assert config.kubespan.mtu_bytes == 1420
    assert not config.discovery.kubernetes_registry


def test_bare_discovery_turns_on_both_registries():
    # kubespan.md 6.4: asserted upstream
    discovery = parse_config(BARE, "f").discovery

    assert discovery.kubernetes_registry
    assert discovery.services == (
        DiscoveryService("legacy", "discovery.talos.dev:443", plaintext=False),
    )


@pytest.mark.parametrize(
    ("url", "endpoint", "plaintext"),
    [
        ("https://[2001:db8::1]:6443/", "[2001:db8::1]:6443", False),
        ("http://192.0.2.1:3000", "192.0.2.1:3000", True),
        ("''", "discovery.talos.dev:443", False),
    ],
)
def test_legacy_service_has_a_fixed_name(url: str, endpoint: str, plaintext: bool):
    text = LEGACY.replace(ENDPOINT, f"endpoint: {url}")

    services = parse_config(text, "f").discovery.services

    assert services == (DiscoveryService("legacy", endpoint, plaintext),)


@pytest.mark.parametrize(
    "block",
    ["", "discovery: {}", "discovery: {enabled: false}", "discovery: null"],
    ids=["absent", "empty", "off", "null"],
)
def test_discovery_is_off_unless_enabled(block: str):
    text = f"cluster:\n  id: {ID}\n  secret: {SECRET}\n  {block}"

    discovery = parse_config(text, "f").discovery

    assert discovery.services == ()
    assert not discovery.kubernetes_registry
    assert discovery.cluster_id == ID
    assert discovery.cluster_secret is not None
    assert discovery.cluster_secret.to_base64() == SECRET


@pytest.mark.checklist(57)
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "ftp://a.example",
            "cluster discovery service registry endpoint is invalid: endpoint scheme",
        ),
        (
            "a.example",
            "cluster discovery service registry endpoint is invalid: endpoint scheme",
        ),
        ("https://a.example/x", "cluster discovery service path should be empty"),
    ],
)
def test_bad_legacy_service_url_is_refused(url: str, expected: str):
    (problem,) = problems_of(LEGACY.replace(ENDPOINT, f"endpoint: {url}"))

    assert f"cluster.discovery.registries.service.endpoint: {expected}" in problem


def test_url_of_a_disabled_service_is_not_looked_at():
    text = (
        "cluster: {discovery: {enabled: false, registries: {service: {endpoint: x}}}}"
    )

    assert parse_config(text, "f").discovery.services == ()


@pytest.mark.parametrize(
    ("text", "path", "meant"),
    [
        ("machin: {}", "machin", "machine"),
        ("machine: {netwrok: {}}", "machine.netwrok", "network"),
        ("machine: {network: {kubeSpan: {}}}", "machine.network.kubeSpan", "kubespan"),
        ("cluster: {ID: x}", "cluster.ID", "id"),
        ("cluster: {secrets: x}", "cluster.secrets", "secret"),
        ("cluster: {discovery: {enable: true}}", "cluster.discovery.enable", "enabled"),
        (
            "cluster: {discovery: {registries: {services: {}}}}",
            "cluster.discovery.registries.services",
            "service",
        ),
        (
            "machine: {network: {kubespan: {filters: {endpoint: []}}}}",
            "machine.network.kubespan.filters.endpoint",
            "endpoints",
        ),
    ],
)
def test_misspelt_key_on_the_way_to_ours_is_an_error(text: str, path: str, meant: str):
    (problem,) = problems_of(text)

    assert f": {path}: unknown key " in problem
    assert problem.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("cluster", "machine_type", "port"),
    [
        ("{apiServer: {}}", "controlplane", 6443),
        ("{apiServer: {}}", "init", 6443),
        ("{apiServer: {}, controlPlane: {localAPIServerPort: 7}}", "controlplane", 7),
        ("{apiServer: {}, controlPlane: {localAPIServerPort: 0}}", "init", 6443),
        ("{}", "controlplane", None),
        ("{apiServer: {}}", "worker", None),
    ],
)
def test_api_server_port_is_that_of_a_control_plane_with_a_server(
    cluster: str, machine_type: str, port: int | None
):
    config = parse_config(f"machine: {{type: {machine_type}}}\ncluster: {cluster}", "f")

    assert config.host.api_server_port == port


def test_cluster_section_without_networks_has_those_of_talos():
    host = parse_config("cluster: {}", "f").host

    assert [str(n) for n in host.pod_networks] == ["10.244.0.0/16"]
    assert [str(n) for n in host.service_networks] == ["10.96.0.0/12"]


def test_merge_keys_on_the_way_to_ours_are_refused():
    text = "version: &m {type: worker}\nmachine:\n  <<: *m\n"

    problems = problems_of(text)

    assert any("f:3:3: machine: merge keys" in problem for problem in problems)


def test_join_is_the_old_name_of_a_worker():
    # kubespan.md section 3.3: `worker`, `join` and the empty string are all worker
    config = parse_config(f"machine: {{type: join}}\n{BARE}", "config.yaml")

    assert config.host.machine_type is MachineType.WORKER
