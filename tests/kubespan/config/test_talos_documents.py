import pytest

from kubespan.config.parse import parse_config
from kubespan.config.talos_documents import KubeSpanDocument, known_keys
from tests.config_texts import IDENTITY, KUBESPAN, MESH, SERVICE, document, problems_of


def test_known_keys_are_as_the_operator_writes_them():
    assert set(known_keys(KubeSpanDocument)) == {
        "apiVersion",
        "kind",
        "enabled",
        "advertiseKubernetesNetworks",
        "allowDownPeerBypass",
        "harvestExtraEndpoints",
        "mtu",
        "filters",
    }


def test_null_means_not_written():
    text = MESH.replace("enabled: true", "enabled: true\nmtu:\nfilters: ~")

    assert parse_config(text, "f") == parse_config(MESH, "f")


@pytest.mark.checklist(57)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("endpoint: https://a.example", "name: name is required"),
        ("name: ''\nendpoint: https://a.example", "name: name is required"),
        ("name:\n", "name: name is required"),
        ("name: a", "endpoint: endpoint is required"),
        ("name: a\nendpoint: ''", "endpoint: endpoint is required"),
        ("name: a\nendpoint: a.example", "endpoint: endpoint scheme is required"),
        (
            "name: a\nendpoint: ftp://a.example",
            "endpoint: endpoint scheme must be http://, https:// or grpc://",
        ),
        ("name: a\nendpoint: https://", "endpoint: endpoint host is required"),
    ],
)
def test_service_tells_its_first_failing_check(body: str, expected: str):
    text = KUBESPAN + IDENTITY + document("DiscoveryServiceConfig", body)

    (problem,) = problems_of(text)

    assert problem.endswith(expected)


def test_path_of_a_service_is_allowed_and_ignored():
    text = MESH.replace("https://discovery.talos.dev/", "https://a.example/path?x=1")

    assert parse_config(text, "f").discovery.services[0].endpoint == "a.example:443"


@pytest.mark.checklist(57)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ["clusterID is required", "clusterSecret is required"]),
        (
            "clusterID: ''\nclusterSecret: ''",
            ["clusterID is req", "clusterSecret is req"],
        ),
        ("clusterID: x\nclusterSecret:", ["clusterSecret is required"]),
    ],
)
def test_identity_needs_both(body: str, expected: list[str]):
    text = KUBESPAN + SERVICE + document("DiscoveryIdentityConfig", body)

    problems = problems_of(text)

    assert len(problems) == len(expected)
    for problem, part in zip(sorted(problems), expected, strict=True):
        assert part in problem


def test_host_name_of_talos_is_honoured_and_the_rest_passed_over():
    text = MESH + document("HostnameConfig", "auto: stable\nhostname: talos-1\nx: 1")

    assert parse_config(text, "f").host.hostname == "talos-1"
