"""Do the documents of one file agree with each other, and is nothing missing?

Works on what was written, not on what was valid, so that these mistakes are told
together with all others.

Source:
    kubespan.md sections 6.1 and 6.5.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

from kubespan.config.kinds import (
    HOST,
    IDENTITY,
    KUBESPAN,
    SERVICE,
    Documents,
)
from kubespan.config.problems import Problem, did_you_mean, path_of, shown
from kubespan.config.yaml_nodes import Node
from kubespan.model.affiliate import MachineType

LEGACY_SERVICE_NAME: Final = "legacy"
CONTROL_PLANE_TYPES: Final = (MachineType.CONTROL_PLANE, MachineType.INIT)


def disagreements(documents: Documents) -> list[Problem]:
    """Return the mistakes no document shows alone."""
    return [problem for rule in _RULES for problem in rule(documents)]


def legacy_kubespan_is_on(documents: Documents) -> bool:
    """Tell whether the legacy block enables KubeSpan."""
    machine = documents.machine
    return bool(machine and machine.is_on(*_KUBESPAN, "enabled"))


def legacy_service_is_on(documents: Documents) -> bool:
    """Tell whether the legacy block enables the discovery service."""
    machine = documents.machine
    return bool(
        machine
        and machine.is_on(*_DISCOVERY, "enabled")
        and not machine.is_on(*_DISCOVERY, "registries", "service", "disabled")
    )


def written_cluster_id(documents: Documents) -> str:
    """Return the cluster ID as written; empty if there is none."""
    identity = documents.first(IDENTITY)
    return (
        documents.machine.text_at("cluster", "id") if documents.machine else ""
    ) or (identity.text_at("clusterID") if identity else "")


def service_path(document: Node) -> str:
    """Return how a discovery service's document is called in messages."""
    name = document.text_at("name")
    return path_of(f"{SERVICE}/{name}") if name else SERVICE


_KUBESPAN: Final = ("machine", "network", "kubespan")
_DISCOVERY: Final = ("cluster", "discovery")
_FILES_BY_SERVICE: Final = (
    "discoveryCAFiles",
    "discoveryCertificateFiles",
    "discoveryTokenFiles",
)


def _kubespan_twice(documents: Documents) -> Iterator[Problem]:
    legacy = _legacy(documents, *_KUBESPAN)
    text = "kubespan is already configured in v1alpha1 machine.network.kubespan"
    for document in documents.of(KUBESPAN):
        if legacy:
            yield Problem(document.place, KUBESPAN, text)


def _discovery_twice(documents: Documents) -> Iterator[Problem]:
    legacy = _legacy(documents, *_DISCOVERY)
    for document in documents.of(SERVICE):
        if legacy:
            text = (
                "discovery service is already configured in .cluster.discovery "
                "of the v1alpha1 config"
            )
            yield Problem(document.place, service_path(document), text)


def _identity_twice(documents: Documents) -> Iterator[Problem]:
    legacy = _legacy_text(documents, "id") or _legacy_text(documents, "secret")
    for document in documents.of(IDENTITY):
        if legacy:
            text = (
                "cluster identity is already configured in .cluster.id/.cluster.secret "
                "of the v1alpha1 config"
            )
            yield Problem(document.place, IDENTITY, text)


def _kubespan_without_discovery(documents: Documents) -> Iterator[Problem]:
    if documents.of(SERVICE) or legacy_service_is_on(documents):
        return
    text = "KubeSpan requires cluster discovery to be enabled"
    for path, root, keys in _kubespan_switches(documents):
        switch = root.at(*keys)
        if switch and switch.value is True:
            yield Problem(switch.place, path_of(path, *keys), text)


def _kubespan_switches(
    documents: Documents,
) -> Iterator[tuple[str, Node, tuple[str, ...]]]:
    if documents.machine:
        yield "", documents.machine, (*_KUBESPAN, "enabled")
    for document in documents.of(KUBESPAN):
        yield KUBESPAN, document, ("enabled",)


def _discovery_without_identity(documents: Documents) -> Iterator[Problem]:
    services = documents.of(SERVICE)
    on = legacy_service_is_on(documents)
    if documents.of(IDENTITY) or not (services or on):
        return
    legacy = documents.machine.at(*_DISCOVERY) if documents.machine and on else None
    document = legacy or services[0]
    path = ".".join(_DISCOVERY) if legacy else service_path(document)
    for key, called in (("id", "ID"), ("secret", "secret")):
        if _legacy_text(documents, key):
            continue
        if legacy:
            text = f"cluster discovery service requires .cluster.{key}"
            yield Problem(document.place, path, text)
        text = (
            f"cluster {called} (.cluster.{key} or DiscoveryIdentityConfig) should be "
            "set when cluster discovery (DiscoveryServiceConfig) is enabled"
        )
        yield Problem(document.place, path, text)


def _files_of_nobody(documents: Documents) -> Iterator[Problem]:
    names = [document.text_at("name") for document in documents.of(SERVICE)]
    names += [LEGACY_SERVICE_NAME] if legacy_service_is_on(documents) else []
    for document, key in product(documents.of(HOST), _FILES_BY_SERVICE):
        files = document.at(key)
        entries = files.value if files and isinstance(files.value, dict) else {}
        for name, entry in entries.items():
            if name not in names:
                text = f"no discovery service {shown(name)}{did_you_mean(name, names)}"
                yield Problem(entry.place, path_of(HOST, key, name), text)


def _api_port_of_a_worker(documents: Documents) -> Iterator[Problem]:
    machine = documents.machine
    legacy_type = machine.text_at("machine", "type") if machine else ""
    for document in documents.of(HOST):
        port = document.at("apiServerPort")
        machine_type = document.text_at("machineType") or legacy_type
        if port and machine_type not in CONTROL_PLANE_TYPES:
            text = "only a node of machineType controlplane or init has an API server"
            yield Problem(port.place, path_of(HOST, "apiServerPort"), text)


def _legacy(documents: Documents, *keys: str) -> Node | None:
    return documents.machine.at(*keys) if documents.machine else None


def _legacy_text(documents: Documents, key: str) -> bool:
    """Tell whether ``.cluster.<key>`` is written and not empty."""
    node = _legacy(documents, "cluster", key)
    return bool(node and node.value != "")


_RULES: Final[tuple[Callable[[Documents], Iterator[Problem]], ...]] = (
    _kubespan_twice,
    _discovery_twice,
    _identity_twice,
    _kubespan_without_discovery,
    _discovery_without_identity,
    _files_of_nobody,
    _api_port_of_a_worker,
)
