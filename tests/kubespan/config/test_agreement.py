import pytest

from tests.config_texts import (
    ID,
    IDENTITY,
    KUBESPAN,
    LEGACY,
    MESH,
    SECRET,
    SERVICE,
    document,
    host,
    problems_of,
)

NO_ID = (
    "cluster ID (.cluster.id or DiscoveryIdentityConfig) should be set when cluster "
    "discovery (DiscoveryServiceConfig) is enabled"
)
NO_SECRET = (
    "cluster secret (.cluster.secret or DiscoveryIdentityConfig) should be set when "
    "cluster discovery (DiscoveryServiceConfig) is enabled"
)
NO_DISCOVERY = "KubeSpan requires cluster discovery to be enabled"
DISCOVERY_TWICE = (
    "discovery service is already configured in .cluster.discovery of the v1alpha1 "
    "config"
)
IDENTITY_TWICE = (
    "cluster identity is already configured in .cluster.id/.cluster.secret of the "
    "v1alpha1 config"
)
LEGACY_DISCOVERY = "cluster: {discovery: {enabled: true}}\n"


@pytest.mark.checklist(57)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "machine: {network: {kubespan: {}}}\n" + MESH,
            ["kubespan is already configured in v1alpha1 machine.network.kubespan"],
            id="KubeSpan twice",
        ),
        pytest.param(
            "cluster: {discovery: {enabled: false}}\n" + MESH,
            [DISCOVERY_TWICE],
            id="discovery twice, even if disabled",
        ),
        pytest.param(
            f"cluster: {{id: {ID}}}\n" + MESH,
            [IDENTITY_TWICE],
            id="identity twice, ID",
        ),
        pytest.param(
            f"cluster: {{secret: {SECRET}}}\n" + MESH,
            [IDENTITY_TWICE],
            id="identity twice, secret",
        ),
        pytest.param(KUBESPAN + IDENTITY, [NO_DISCOVERY], id="no discovery"),
        pytest.param(
            LEGACY.replace("disabled: false", "disabled: true"),
            [NO_DISCOVERY],
            id="legacy service disabled",
        ),
        pytest.param(
            LEGACY.replace("disabled: false", "disabled: true").replace(
                "kubernetes:\n        disabled: true", "kubernetes: {disabled: false}"
            ),
            [NO_DISCOVERY],
            id="the Kubernetes registry alone is not enough",
        ),
        pytest.param(KUBESPAN + SERVICE, [NO_ID, NO_SECRET], id="no identity"),
        pytest.param(
            f"cluster: {{id: {ID}}}\n" + SERVICE, [NO_SECRET], id="an ID alone"
        ),
        pytest.param(
            f"cluster: {{secret: {SECRET}}}\n" + SERVICE, [NO_ID], id="a secret alone"
        ),
        pytest.param(
            LEGACY_DISCOVERY,
            [
                "cluster discovery service requires .cluster.id",
                NO_ID,
                "cluster discovery service requires .cluster.secret",
                NO_SECRET,
            ],
            id="legacy without identity",
        ),
        pytest.param(
            host("discoveryCAFiles: {primry: /ca.pem}"),
            ['no discovery service "primry"; did you mean primary?'],
            id="authority of nobody",
        ),
        pytest.param(
            host("discoveryCertificateFiles: {nobody: /own.pem}"),
            ['no discovery service "nobody"'],
            id="certificate for nobody",
        ),
        pytest.param(
            host("discoveryTokenFiles: {nobody: /token}"),
            ['no discovery service "nobody"'],
            id="token for nobody",
        ),
        pytest.param(
            host("apiServerPort: 6443"),
            ["only a node of machineType controlplane or init has an API server"],
            id="API server of a worker",
        ),
    ],
)
def test_disagreement_is_told_in_upstreams_words(text: str, expected: list[str]):
    problems = problems_of(text)

    assert len(problems) == len(expected)
    for problem, part in zip(problems, expected, strict=True):
        assert problem.endswith(f": {part}")


def test_conflict_is_told_at_the_document_that_came_second():
    (problem,) = problems_of("machine: {network: {kubespan: {}}}\n" + MESH)

    assert problem.startswith("f:3:1: KubeSpanConfig: ")


def test_missing_discovery_is_told_at_the_switch():
    (problem,) = problems_of(KUBESPAN)

    assert problem.startswith("f:4:10: KubeSpanConfig.enabled: ")


def test_every_second_service_is_told_by_name():
    second = document("DiscoveryServiceConfig", "name: b\nendpoint: https://b.example")
    text = "cluster: {discovery: {}}\n" + MESH + second

    paths = [problem.split(": ")[1] for problem in problems_of(text)]

    assert paths == ["DiscoveryServiceConfig/primary", "DiscoveryServiceConfig/b"]


def test_broken_values_do_not_hide_disagreements():
    text = "machine: {network: {kubespan: {mtu: x}}}\n" + MESH

    problems = problems_of(text)

    assert any("must be a whole number" in problem for problem in problems)
    assert any("already configured" in problem for problem in problems)
