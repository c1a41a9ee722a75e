import json

import pytest
from click.testing import CliRunner

from kubespan.cli.main import kubespanctl
from kubespan.engine.resource import EdgeStatus, Notice
from kubespan.engine.store import Store
from kubespan.model.affiliate import Registry
from kubespan.model.daemon import DaemonStatus
from kubespan.model.registry import RegistryStatus
from kubespan.model.wireguard import DataPlane
from tests.kubespan.cli.support import serving


@pytest.fixture
def ask(tmp_path):
    store = Store()
    store.replace(DaemonStatus, "daemon", [DaemonStatus("1", 7, 1, "/c", "/s")], 1)
    plane = DataPlane("kubespan", "userspace", "no module", "/bin/wg", 9)
    store.replace(DataPlane, "link", [plane], 1)
    status = RegistryStatus(
        Registry.SERVICE, "primary", "h:1", error="connection refused", skipped=2
    )
    fresh = RegistryStatus(Registry.SERVICE, "second", "h:2")
    store.replace(RegistryStatus, "discovery", [status, fresh], 1)
    edge = EdgeStatus("route", "add route: refused", 3)
    store.replace(EdgeStatus, "route", [edge, EdgeStatus("rule")], 1)
    store.replace(Notice, "peer_spec", [Notice("peer_spec", "x", "skipped x")], 1)
    with serving(store, tmp_path / "s"):
        yield lambda *words: CliRunner().invoke(
            kubespanctl, ["--socket", str(tmp_path / "s"), "status", *words]
        )


def test_text_says_what_is_wrong(ask):
    output = ask().output

    assert "mesh             off" in output or "off: KubeSpan is disabled" in output
    assert "userspace, /bin/wg pid 9: no module" in output
    assert "not connected: connection refused, 0 affiliates" in output
    assert "service/second h:2: connecting, 0 affiliates" in output
    assert "2 broken records skipped" in output
    assert "route: add route: refused (attempt 3)" in output
    assert "peer_spec: skipped x" in output
    assert "rule:" not in output


def test_json_holds_every_fact(ask):
    facts = json.loads(ask("-o", "json").output)

    assert facts["daemon"][0]["pid"] == 7
    assert facts["registries"][0]["error"] == "connection refused"
    assert [edge["id"] for edge in facts["edges"]] == ["route", "rule"]


def test_yaml_prints(ask):
    assert "dataPlane:" in ask("-o", "yaml").output
