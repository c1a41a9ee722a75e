import pytest

from kubespan.config.hints import config_hints
from kubespan.config.parse import parse_config
from tests.config_texts import ID, MESH, SECRET, document, host

BARE = f"cluster: {{id: {ID}, secret: {SECRET}, discovery: {{enabled: true}}}}\n"


def test_plain_mesh_raises_no_doubt():
    assert config_hints(parse_config(MESH, "f")) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (document("KubeSpanConfig"), "KubeSpan is not enabled"),
        (
            BARE + document("KubeSpanConfig", "enabled: true"),
            "cluster.discovery.registries.kubernetes is on",
        ),
        (MESH.replace("https://", "http://"), "http:// without TLS"),
        (
            MESH.replace("enabled: true", "enabled: true\nfilters: {endpoints: []}"),
            "filters.endpoints lets no address through",
        ),
        (
            MESH.replace(
                "enabled: true",
                "enabled: true\nfilters: {peerEndpoints: ['!10.0.0.0/8']}",
            ),
            "filters.peerEndpoints lets no address through",
        ),
        (host("machineType: controlplane"), "Kubernetes API endpoint"),
    ],
)
def test_odd_but_valid_configuration_gets_one_hint(text: str, expected: str):
    (hint,) = config_hints(parse_config(text, "f"))

    assert expected in hint
