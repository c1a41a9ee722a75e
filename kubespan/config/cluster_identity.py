"""A cluster's ID and secret, from any file that carries them."""

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel, Field

from kubespan.config.circumstances import Circumstances
from kubespan.config.kinds import IDENTITY
from kubespan.config.problems import Place, Problem
from kubespan.config.talos_documents import ForeignSection
from kubespan.config.text_fields import ClusterSecret, RequiredClusterID
from kubespan.config.validation import validate
from kubespan.config.yaml_nodes import Node, read_documents
from kubespan.errors import ConfigError
from kubespan.model.config import DiscoverySettings

_NOTHING: Final = (
    "no cluster identity: expected a Talos machine configuration, a bundle of "
    "talosctl gen secrets, or clusterID and clusterSecret"
)


class _Identity(ForeignSection):
    """``clusterID`` and ``clusterSecret``, in our file or in Talos's document."""

    cluster_id: RequiredClusterID = Field(alias="clusterID")
    cluster_secret: ClusterSecret


class _LegacyIdentity(ForeignSection):
    """``.cluster`` of a machine configuration or of a bundle of secrets."""

    id: RequiredClusterID
    secret: ClusterSecret


def read_cluster_identity(text: str, file: str) -> DiscoverySettings:
    """Return the only cluster ID and secret in a file; everything else is passed over.

    Args:
        text: a Talos machine configuration, what ``talosctl gen secrets`` wrote, or
            what ``kubespan gen secrets`` wrote.
        file: its name, for messages only.

    Raises:
        ConfigError: none, several or invalid ones.
    """
    reading = read_documents(text)
    problems = list(reading.problems)
    found: list[DiscoverySettings] = []
    for model, node, name in _places(reading.roots):
        document, wrong = validate(model, node, name, Circumstances())
        problems += wrong
        if isinstance(document, _Identity):
            secret = document.cluster_secret
            found.append(DiscoverySettings(document.cluster_id, secret))
        elif isinstance(document, _LegacyIdentity):
            found.append(DiscoverySettings(document.id, document.secret))
    if not problems and len(found) != 1:
        said = "more than one cluster identity" if found else _NOTHING
        problems.append(Problem(Place(1, 1), "", said))
    if problems:
        raise ConfigError(tuple(problem.in_file(file) for problem in problems))
    return found[0]


def _places(
    roots: tuple[Node, ...],
) -> Iterator[tuple[type[BaseModel], Node, str]]:
    """Yield where an identity stands, and what it must look like there."""
    for root in roots:
        cluster = root.at("cluster")
        if root.text_at("kind") == IDENTITY:
            yield _Identity, root, IDENTITY
        elif root.at("kind") is None and (root.at("clusterID") or _has_secret(root)):
            yield _Identity, root, ""
        elif cluster and (cluster.at("id") or cluster.at("secret")):
            yield _LegacyIdentity, cluster, "cluster"


def _has_secret(root: Node) -> bool:
    return root.at("clusterSecret") is not None
