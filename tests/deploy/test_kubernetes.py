"""The Kubernetes manifests agree with the program and with each other."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import (
    DEPLOY,
    MODES,
    NAME,
    container,
    kustomization,
    of_kind,
    pod,
    port_of,
    resources,
    settings,
)

in_every_mode = pytest.mark.parametrize("mode", MODES)
SPARE_S = 10


def given(mode: str) -> Any:
    return settings(container(mode)["args"])


def mounts(mode: str) -> list[str]:
    return [mount["mountPath"] for mount in container(mode)["volumeMounts"]]


@in_every_mode
def test_flags_exist_and_choose_the_store(mode: str):
    assert given(mode).store == {"single": "memory", "etcd": "etcd"}[mode]


@in_every_mode
def test_ports_are_those_the_program_listens_on(mode: str):
    ports = {p["name"]: p["containerPort"] for p in container(mode)["ports"]}

    assert ports == {
        "grpc": port_of(given(mode).addr),
        "pages": port_of(given(mode).landing_addr),
        "metrics": port_of(given(mode).metrics_addr),
    }


@in_every_mode
@pytest.mark.parametrize(
    ("probe", "path"),
    [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ],
)
def test_probes_ask_where_the_program_answers(mode: str, probe: str, path: str):
    assert container(mode)[probe]["httpGet"] == {"path": path, "port": "metrics"}


@in_every_mode
def test_every_file_named_by_a_flag_is_on_a_mounted_volume(mode: str):
    values = [a.partition("=")[2] for a in container(mode)["args"]]
    paths = [value for value in values if value.startswith("/")]

    assert paths
    assert {path.rpartition("/")[0] for path in paths} == set(mounts(mode))


@in_every_mode
def test_every_mount_has_a_volume(mode: str):
    (workload,) = of_kind(mode, "StatefulSet") + of_kind(mode, "Deployment")
    claims = workload["spec"].get("volumeClaimTemplates", [])
    volumes = [v["name"] for v in pod(mode)["volumes"]]
    volumes += [claim["metadata"]["name"] for claim in claims]

    assert sorted(volumes) == sorted(m["name"] for m in container(mode)["volumeMounts"])


@in_every_mode
def test_pod_fits_the_restricted_profile(mode: str):
    spec, security = pod(mode), container(mode)["securityContext"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


@in_every_mode
def test_pod_is_given_time_to_drain_and_to_write(mode: str):
    grace_s = pod(mode)["terminationGracePeriodSeconds"]

    assert grace_s >= given(mode).drain_s + SPARE_S


@in_every_mode
def test_memory_is_bounded_and_requests_are_made(mode: str):
    assert container(mode)["resources"].keys() == {"requests", "limits"}
    assert "memory" in container(mode)["resources"]["limits"]


@in_every_mode
def test_everything_selects_the_pods_there_are(mode: str):
    selectors = [*selectors_of(list(resources(DEPLOY / "kubernetes" / mode)))]

    assert len(selectors) >= 5
    assert all(selector == NAME for selector in selectors)


def selectors_of(found: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    for resource in found:
        spec = resource.get("spec", {})
        if resource["kind"] == "Service":
            yield spec["selector"]
        elif "template" in spec:
            yield spec["selector"]["matchLabels"]
            yield spec["template"]["metadata"]["labels"]
        elif resource["kind"] == "PodDisruptionBudget":
            yield spec["selector"]["matchLabels"]
        elif resource["kind"] == "NetworkPolicy":
            yield spec["podSelector"]["matchLabels"]


@in_every_mode
def test_services_lead_to_named_ports(mode: str):
    names = {port["name"] for port in container(mode)["ports"]}
    targets = [
        port["targetPort"]
        for service in of_kind(mode, "Service")
        for port in service["spec"]["ports"]
    ]

    assert sorted(targets) == sorted(names)


@in_every_mode
def test_clients_keep_their_address(mode: str):
    outside = [
        service["spec"]
        for service in of_kind(mode, "Service")
        if service["spec"].get("type") == "LoadBalancer"
    ]

    assert [spec["externalTrafficPolicy"] for spec in outside] == ["Local"]


@in_every_mode
def test_everybody_may_reach_the_api_and_nothing_else(mode: str):
    rules = [
        rule
        for policy in of_kind(mode, "NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
    ]
    open_ports = [p["port"] for r in rules if "from" not in r for p in r["ports"]]
    inner_ports = [p["port"] for r in rules if "from" in r for p in r["ports"]]

    assert open_ports == [port_of(given(mode).addr)]
    assert sorted(inner_ports) == sorted(
        map(port_of, (given(mode).metrics_addr, given(mode).landing_addr))
    )


def test_single_instance_may_reach_nobody():
    egress = [p["spec"]["egress"] for p in of_kind("single", "NetworkPolicy")]

    assert egress == [[]]


def test_replicas_may_reach_etcd_and_name_servers():
    rules = [
        rule
        for policy in of_kind("etcd", "NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
    ]
    ports = {port["port"] for rule in rules for port in rule["ports"]}

    assert ports == {53, *map(port_of, given("etcd").etcd_endpoints)}
    assert all("to" in rule for rule in rules)


@in_every_mode
def test_one_pod_at_a_time_may_be_taken_away(mode: str):
    (budget,) = of_kind(mode, "PodDisruptionBudget")

    assert budget["spec"]["maxUnavailable"] == 1


def test_replicas_are_spread_and_replaced_one_by_one():
    (deployment,) = of_kind("etcd", "Deployment")

    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {
        "maxUnavailable": 0,
        "maxSurge": 1,
    }
    assert "podAntiAffinity" in pod("etcd")["affinity"]


@in_every_mode
def test_the_account_has_no_token_and_no_rights(mode: str):
    (account,) = of_kind(mode, "ServiceAccount")

    assert account["automountServiceAccountToken"] is False
    assert not of_kind(mode, "Role") + of_kind(mode, "ClusterRole")


@in_every_mode
def test_every_resource_is_in_the_one_namespace(mode: str):
    found = resources(DEPLOY / "kubernetes" / mode)
    inside = [r["metadata"]["namespace"] for r in found if r["kind"] != "Namespace"]

    assert set(inside) == {"kubespan-discovery"}


@in_every_mode
def test_the_image_is_named_in_one_place(mode: str):
    (image,) = kustomization(DEPLOY / "kubernetes" / mode)["images"]

    assert image["name"] == container(mode)["image"]


@in_every_mode
@pytest.mark.interop
def test_kustomize_renders_the_same(mode: str):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl here")
    folder = DEPLOY / "kubernetes" / mode
    command = [kubectl, "kustomize", str(folder)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rendered = list(yaml.safe_load_all(done.stdout))
    (image,) = kustomization(folder)["images"]
    pushed = f"{image['newName']}:{image['newTag']}"
    ours = [
        text.replace('"image": "kubespan-discovery"', f'"image": "{pushed}"')
        for text in as_texts(resources(folder))
    ]

    assert done.returncode == 0, done.stderr
    assert sorted(as_texts(rendered)) == sorted(ours)


def as_texts(found: Iterable[dict[str, Any]]) -> list[str]:
    return [json.dumps(resource, sort_keys=True) for resource in found]
