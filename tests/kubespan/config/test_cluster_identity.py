import pytest

from kubespan.config.cluster_identity import read_cluster_identity
from kubespan.config.parse import parse_config
from kubespan.errors import ConfigError
from tests.config_texts import (
    BUNDLE,
    CONTROL_PLANE,
    ID,
    LEGACY,
    MESH,
    SECRET,
    WORKER,
)

OURS = f"clusterID: {ID}\nclusterSecret: {SECRET}\n"


@pytest.mark.parametrize("text", [LEGACY, MESH, OURS], ids=["legacy", "new", "ours"])
def test_identity_is_found_in_every_form(text: str):
    identity = read_cluster_identity(text, "f")

    assert identity.cluster_id == ID
    assert identity.cluster_secret is not None
    assert identity.cluster_secret.to_base64() == SECRET


@pytest.mark.parametrize("text", [WORKER, CONTROL_PLANE, BUNDLE])
def test_files_of_one_talos_cluster_carry_one_identity(text: str):
    expected = parse_config(WORKER, "f").discovery

    identity = read_cluster_identity(text, "f")

    assert identity.cluster_id == expected.cluster_id
    assert identity.cluster_secret == expected.cluster_secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no cluster identity"),
        ("machine: {}", "no cluster identity"),
        ("- a", "no cluster identity"),
        (f"cluster: {{id: {ID}}}", "secret is required"),
        (f"clusterSecret: {SECRET}", "clusterID is required"),
        (f"{OURS}---\n{OURS}", "more than one cluster identity"),
        ("clusterID: x\nclusterSecret: aGk=", "invalid clusterSecret: 2 bytes, not 32"),
        ("a: [", "not YAML"),
    ],
)
def test_file_without_a_usable_identity_is_refused(text: str, expected: str):
    with pytest.raises(ConfigError) as caught:
        read_cluster_identity(text, "f")

    assert len(caught.value.problems) == 1
    assert expected in caught.value.problems[0]
    assert SECRET not in str(caught.value)
