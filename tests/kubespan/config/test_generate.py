import base64

import pytest

from kubespan.config.cluster_identity import read_cluster_identity
from kubespan.config.generate import (
    NodeWishes,
    config_text,
    new_identity,
    secrets_text,
    talos_patch_text,
)
from kubespan.config.hints import config_hints
from kubespan.config.kinds import HOST, KUBESPAN, SERVICE
from kubespan.config.parse import parse_config
from kubespan.config.yaml_nodes import read_documents
from kubespan.model.affiliate import MachineType

RANDOM = bytes(range(64))
IDENTITY = new_identity(RANDOM)


def test_identity_is_standard_base64_of_what_was_random():
    # kubespan.md 1.3: Talos 1.14 and later, standard alphabet
    assert base64.b64decode(IDENTITY.cluster_id, validate=True) == RANDOM[:32]
    assert IDENTITY.cluster_secret is not None
    assert IDENTITY.cluster_secret.raw == RANDOM[32:]


def test_secrets_are_read_back():
    assert read_cluster_identity(secrets_text(IDENTITY), "f") == IDENTITY


def test_plain_configuration_is_valid_and_raises_no_doubt():
    config = parse_config(config_text(IDENTITY, NodeWishes()), "f")

    assert config.kubespan.enabled
    assert config.discovery.cluster_id == IDENTITY.cluster_id
    assert [(s.name, s.endpoint) for s in config.discovery.services] == [
        ("default", "discovery.talos.dev:443")
    ]
    assert config_hints(config) == ()


def test_wishes_are_fulfilled():
    wishes = NodeWishes(
        discovery=("https://a.example", "http://[::1]:3000"),
        hostname="node-1",
        advertise=("10.9.0.0/24", "fd00:9::/64"),
        machine_type="controlplane",
    )

    config = parse_config(config_text(IDENTITY, wishes), "f")

    assert [s.endpoint for s in config.discovery.services] == [
        "a.example:443",
        "[::1]:3000",
    ]
    assert config.host.hostname == "node-1"
    assert config.host.machine_type is MachineType.CONTROL_PLANE
    assert [str(n) for n in config.host.advertised_networks] == list(wishes.advertise)


@pytest.mark.parametrize(
    "example",
    [
        "nodeName",
        "podNetworks",
        "excludeInterfaces",
        "discoveryCAFiles",
        "discoveryCertificateFiles",
        "discoveryTokenFiles",
    ],
)
def test_commented_examples_are_valid_when_uncommented(example: str):
    lines = [
        line.removeprefix("# ") if line.startswith(f"# {example}:") else line
        for line in config_text(IDENTITY, NodeWishes()).splitlines()
    ]

    parse_config("\n".join(lines), "f")

    assert any(line.startswith(f"{example}:") for line in lines)


def test_patch_switches_on_the_mesh_without_an_identity():
    roots = read_documents(talos_patch_text(("https://a.example",))).roots

    assert [root.text_at("kind") for root in roots] == [KUBESPAN, SERVICE]
    assert roots[0].is_on("enabled")
    assert roots[1].text_at("endpoint") == "https://a.example"
    assert HOST not in [root.text_at("kind") for root in roots]
