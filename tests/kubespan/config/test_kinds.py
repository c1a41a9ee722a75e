import pytest

from kubespan.config.kinds import (
    HOSTNAME,
    KUBESPAN,
    OURS,
    SERVICE,
    Documents,
    sort_documents,
)
from kubespan.config.yaml_nodes import read_documents
from tests.config_texts import KUBESPAN as KUBESPAN_TEXT
from tests.config_texts import LEGACY, document


def sort(text: str) -> tuple[Documents, list[str]]:
    documents, problems = sort_documents(read_documents(text).roots)
    return documents, [problem.text for problem in problems]


def test_documents_are_found_by_their_kind():
    services = "".join(document(SERVICE, f"name: {name}") for name in ("a", "b"))

    documents, problems = sort(LEGACY + KUBESPAN_TEXT + services)

    assert problems == []
    assert documents.machine is not None
    assert documents.first(KUBESPAN) is not None
    assert [d.text_at("name") for d in documents.of(SERVICE)] == ["a", "b"]
    assert documents.first("DiscoveryIdentityConfig") is None


@pytest.mark.parametrize(
    "kind",
    [
        "LinkConfig",
        "VolumeConfig",
        "KubePrismConfig",
        "KubeletConfig",
        "Policy",
        "Config",
    ],
)
def test_kinds_of_talos_are_passed_over(kind: str):
    documents, problems = sort(KUBESPAN_TEXT + document(kind, "surprise: 1"))

    assert problems == []
    assert list(documents.by_kind) == [KUBESPAN]


def test_foreign_document_may_have_any_version_or_none():
    _, problems = sort(
        KUBESPAN_TEXT + "---\nkind: Service\n---\nkind: X\napiVersion: v9\n"
    )

    assert problems == []


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        # kubespan.md 6.3, trap: the documentation and the schema have these
        ("KubespanEndpointsConfig", "KubeSpanEndpointsConfig"),
        ("KubeSpanEndpoints", "KubeSpanEndpointsConfig"),
        ("KubespanConfig", "KubeSpanConfig"),
        ("kubespanconfig", "KubeSpanConfig"),
        ("KubeSpan", "KubeSpanConfig"),
        ("DiscoveryServicesConfig", "DiscoveryServiceConfig"),
        ("DiscoverIdentityConfig", "DiscoveryIdentityConfig"),
        ("KubespanHostConfig", "KubeSpanHostConfig"),
    ],
)
def test_kind_that_is_nearly_ours_is_an_error(kind: str, meant: str):
    _, problems = sort(document(kind))

    assert problems == [f'unknown kind "{kind}"; did you mean {meant}?']


@pytest.mark.parametrize("kind", sorted({*OURS, HOSTNAME} - {SERVICE}))
def test_kind_stands_once_in_a_file(kind: str):
    _, problems = sort(document(kind) * 2)

    assert problems == [f"duplicate document: {kind}/"]


def test_service_stands_once_by_name():
    _, problems = sort(document(SERVICE, "name: primary") * 2)

    assert problems == ["duplicate document: DiscoveryServiceConfig/primary"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(LEGACY + "---\n" + LEGACY, "duplicate document: v1", id="twice"),
        pytest.param("- a", "a document must be a mapping", id="list"),
        pytest.param("just text", "a document must be a mapping", id="text"),
        pytest.param("apiVersion: v1alpha1", "kind is required", id="no kind"),
        pytest.param("kind: [a]", "kind is required", id="kind is no text"),
        pytest.param(
            "kind: KubeSpanConfig", "apiVersion must be v1alpha1", id="no api"
        ),
        pytest.param(
            "kind: KubeSpanConfig\napiVersion: v1", "apiVersion must be", id="other api"
        ),
        pytest.param("", "no KubeSpan document", id="empty"),
        pytest.param("# talk\n---\n", "no KubeSpan document", id="comments"),
        pytest.param("kind: Pod", "no KubeSpan document", id="foreign only"),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, expected: str):
    _, problems = sort(text)

    assert len(problems) == 1
    assert problems[0].startswith(expected)
