"""Our manifests as kustomize would apply them, without kustomize."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from discovery.settings import Settings, parse_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy/discovery"
MODES = ("single", "etcd")
NAME = {"app.kubernetes.io/name": "kubespan-discovery"}


def kustomization(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(
        (folder / "kustomization.yaml").read_text()
    )
    return content


def resources(folder: Path) -> Iterator[dict[str, Any]]:
    """Every resource of a folder, those it refers to first."""
    for name in kustomization(folder)["resources"]:
        path = folder / name
        if path.is_dir():
            yield from resources(path)
        else:
            yield from yaml.safe_load_all(path.read_text())


def of_kind(mode: str, kind: str) -> list[dict[str, Any]]:
    found = resources(DEPLOY / "kubernetes" / mode)
    return [resource for resource in found if resource["kind"] == kind]


def pod(mode: str) -> dict[str, Any]:
    """The pod that the only workload of a mode makes."""
    (workload,) = of_kind(mode, "StatefulSet") + of_kind(mode, "Deployment")
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def container(mode: str) -> dict[str, Any]:
    (only,) = pod(mode)["containers"]
    content: dict[str, Any] = only
    return content


def settings(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Settings:
    """What the program makes of them; a flag it does not know fails the test."""
    return parse_settings(arguments, environment or {}, "test")


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])
