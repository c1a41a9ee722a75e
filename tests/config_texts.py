"""Configuration texts for tests: valid by default, pieces to put together."""

from pathlib import Path

import pytest

from kubespan.config.parse import parse_config
from kubespan.errors import ConfigError

VECTORS = Path(__file__).parent / "vectors"
LEGACY = (VECTORS / "kubespan-legacy.yaml").read_text()
DOCUMENTS = (VECTORS / "kubespan-documents.yaml").read_text()
WORKER = (VECTORS / "talos-worker.yaml").read_text()
CONTROL_PLANE = (VECTORS / "talos-controlplane.yaml").read_text()
BUNDLE = (VECTORS / "talosctl-secrets.yaml").read_text()

ID = "8XuV9TZHW08DOk3bVxQjH9ih_TBKjnh-j44tsCLSBzo="
SECRET = "kCQsKr4B28VUl7qw1sVkTDNF9fFH++ViIuKsss+C6kc="


def document(kind: str, body: str = "") -> str:
    """Return one document with the head every newer one has."""
    return f"---\napiVersion: v1alpha1\nkind: {kind}\n{body.strip()}\n"


KUBESPAN = document("KubeSpanConfig", "enabled: true")
SERVICE = document(
    "DiscoveryServiceConfig", "name: primary\nendpoint: https://discovery.talos.dev/"
)
IDENTITY = document(
    "DiscoveryIdentityConfig", f"clusterID: {ID}\nclusterSecret: {SECRET}"
)
MESH = KUBESPAN + SERVICE + IDENTITY


def host(body: str) -> str:
    """Return a mesh's documents with this in our own."""
    return MESH + document("KubeSpanHostConfig", body)


def problems_of(text: str) -> tuple[str, ...]:
    """Return what is wrong with a text, which must be wrong."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "f")
    return caught.value.problems
