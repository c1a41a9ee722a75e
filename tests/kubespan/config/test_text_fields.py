import pytest

from kubespan.config.parse import parse_config
from kubespan.model.config import (
    EXCLUDED_INTERFACES_DEFAULT,
    Config,
    SysctlPolicy,
)
from kubespan.model.wireguard import WireGuardChoice
from tests.config_texts import (
    ID,
    KUBESPAN,
    LEGACY,
    MESH,
    SECRET,
    SERVICE,
    document,
    host,
    problems_of,
)


@pytest.mark.checklist(58)
@pytest.mark.parametrize("mtu", [0, 1, 1279, -1])
def test_document_refuses_an_mtu_below_1280_even_when_off(mtu: int):
    text = MESH.replace("enabled: true", f"enabled: false\nmtu: {mtu}")

    assert "kubespan link MTU must be at least 1280" in problems_of(text)[0]


@pytest.mark.checklist(58)
@pytest.mark.parametrize(
    ("written", "expected"),
    [("mtu: 1280", 1280), ("mtu: 0x58c", 1420), ("mtu: 8920", 8920), ("", 1420)],
)
def test_document_takes_the_mtu(written: str, expected: int):
    config = parse_config(
        MESH.replace("enabled: true", f"enabled: true\n{written}"), "f"
    )

    assert config.kubespan.mtu_bytes == expected


def test_mtu_no_packet_can_have_is_refused():
    text = MESH.replace("enabled: true", "mtu: 65536")

    assert "kubespan link MTU must be at most 65535" in problems_of(text)[0]


@pytest.mark.checklist(58)
def test_legacy_block_takes_mtu_0_as_unset():
    config = parse_config(LEGACY.replace("mtu: 1420", "mtu: 0"), "f")

    assert config.kubespan.mtu_bytes == 1420


@pytest.mark.checklist(57, 58)
def test_legacy_block_checks_the_mtu_only_if_enabled():
    text = LEGACY.replace("mtu: 1420", "mtu: 1279")
    off = text.replace("enabled: true\n      adv", "enabled: false\n      adv")

    assert (
        "machine.network.kubespan.mtu: kubespan link MTU must be at least 1280"
        in (problems_of(text)[0])
    )
    assert not parse_config(off, "f").kubespan.enabled


@pytest.mark.parametrize("written", ["yes", "on", '"true"', "1", "'no'"])
def test_switch_is_true_or_false_and_nothing_like_it(written: str):
    text = MESH.replace("enabled: true", f"enabled: {written}")

    assert "KubeSpanConfig.enabled: must be true or false" in problems_of(text)[0]


def identity(cluster_id: str, secret: str) -> str:
    body = f"clusterID: {cluster_id}\nclusterSecret: {secret}"
    return KUBESPAN + SERVICE + document("DiscoveryIdentityConfig", body)


@pytest.mark.checklist(57)
@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        pytest.param("aGVsbG8=", "5 bytes, not 32", id="short"),
        pytest.param("A" * 64, "48 bytes, not 32", id="long"),
        pytest.param(SECRET[:-1], "not base64", id="no padding"),
        pytest.param(SECRET.replace("+", "-"), "not base64", id="other alphabet"),
        pytest.param("hunter2!", "not base64", id="a password"),
        pytest.param("ſecret", "not base64", id="not ASCII"),
    ],
)
def test_bad_secret_is_refused_without_showing_it(secret: str, reason: str):
    (problem,) = problems_of(identity(ID, secret))

    assert problem.endswith(
        f"DiscoveryIdentityConfig.clusterSecret: invalid clusterSecret: {reason}"
    )
    assert secret not in problem


@pytest.mark.parametrize("secret", ["aGVsbG8=", "!!!", "A" * 32])
def test_bad_legacy_secret_says_who_needs_32_bytes(secret: str):
    (problem,) = problems_of(LEGACY.replace(SECRET, f'"{secret}"'))

    assert "cluster.secret: invalid .cluster.secret: " in problem
    assert "WireGuard" in problem
    assert secret not in problem


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(ID, ID, id="URL-safe alphabet"),
        pytest.param("no-base64-at-all", "no-base64-at-all", id="any text"),
        pytest.param("12345", "12345", id="digits"),
        pytest.param("0x1f", "0x1f", id="a number as it was written"),
        pytest.param("'  padded '", "  padded ", id="spaces"),
    ],
)
def test_cluster_id_is_used_as_it_is_written(written: str, expected: str):
    by_document = parse_config(identity(written, SECRET), "f")
    by_legacy = parse_config(LEGACY.replace(ID, written), "f")

    assert by_document.discovery.cluster_id == expected
    assert by_legacy.discovery.cluster_id == expected


def test_cluster_id_longer_than_the_service_takes_is_refused():
    assert "longer than 256 bytes" in problems_of(identity("é" * 129, SECRET))[0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("hostname: -x", "not a host name"),
        ("hostname: 'a b'", "not a host name"),
        (f"hostname: {'a' * 254}", "not a host name"),
        ("nodeName: Node_1", "not a Kubernetes node name"),
        ("machineType: server", "must be init, controlplane or worker"),
        ("machineType: unknown", "must be init, controlplane or worker"),
        ("wireguard: kernal", "must be auto, kernel or userspace"),
        ("sysctls: true", "must be check or set"),
        ("listenPort: 0", "must be within 1..65535"),
        ("listenPort: 65536", "must be within 1..65535"),
        ("listenPort: '51820'", "must be a whole number"),
        ("nftTable: talos", "table talos belongs to Talos itself"),
        ("nftTable: 'a; flush ruleset'", "not a table name"),
        ("nftTable: 1table", "not a table name"),
        ("kubeconfig: etc/kube", "must be an absolute path"),
        ("userspacePrograms: [./wg]", "must be a program's name or absolute path"),
        ("userspacePrograms: ['']", "must be a program's name or absolute path"),
        ("userspacePrograms: wireguard-go", "must be a list"),
        ("registerWithFQDN: maybe", "must be true or false"),
        ("excludeInterfaces: docker0", "must be a list"),
        ("excludeInterfaces: [eth0, '']", "not a pattern of interface names"),
        ("excludeInterfaces: ['a b']", "not a pattern of interface names"),
        ("excludeInterfaces: [/dev/eth0]", "not a pattern of interface names"),
        (f"excludeInterfaces: [{'a' * 65}]", "up to 64 characters"),
        ("excludeInterfaces: [7]", "must be text"),
        (f"excludeInterfaces: [{'a, ' * 65}]", "more than 64 patterns"),
        ("discoveryCAFiles: [a]", "must be a mapping"),
        ("discoveryCAFiles: {primary: ca.pem}", "must be an absolute path"),
    ],
)
def test_wrong_host_setting_is_refused(body: str, expected: str):
    (problem,) = problems_of(host(body))

    assert problem.startswith("f:")
    assert f"KubeSpanHostConfig.{body.partition(':')[0]}" in problem
    assert expected in problem


def test_service_name_is_a_printable_name():
    text = MESH.replace("name: primary", 'name: "a\\nb"')

    assert "not a name of at most 128 characters" in problems_of(text)[0]


def test_host_settings_become_values():
    config: Config = parse_config(
        host(
            "hostname: 42\nnodeName: node-1\nregisterWithFQDN: true\n"
            "wireguard: userspace\nuserspacePrograms: [/opt/wg, boringtun-cli]\n"
            "listenPort: 51821\nsysctls: set\nnftTable: mesh_1\n"
            "kubeconfig: /etc/kubernetes/kubelet.conf\n"
        ),
        "f",
    )

    assert config.host.hostname == "42"
    assert config.host.node_name == "node-1"
    assert config.host.register_with_fqdn
    assert config.host.wireguard is WireGuardChoice.USERSPACE
    assert config.host.userspace_programs == ("/opt/wg", "boringtun-cli")
    assert config.host.listen_port == 51821
    assert config.host.sysctls is SysctlPolicy.SET
    assert config.host.nft_table == "mesh_1"
    assert config.host.kubeconfig == "/etc/kubernetes/kubelet.conf"


def test_empty_node_name_is_not_the_same_as_none():
    assert parse_config(host("nodeName: ''"), "f").host.node_name == ""
    assert parse_config(host("nodeName:"), "f").host.node_name is None


@pytest.mark.parametrize(
    ("body", "patterns"),
    [
        pytest.param("", EXCLUDED_INTERFACES_DEFAULT, id="default"),
        pytest.param("excludeInterfaces:", EXCLUDED_INTERFACES_DEFAULT, id="null"),
        pytest.param("excludeInterfaces: []", (), id="none"),
        pytest.param(
            "excludeInterfaces: [br0, 'tap*', br0, 'veth[0-9]?']",
            ("br0", "tap*", "veth[0-9]?"),
            id="own",
        ),
    ],
)
def test_own_list_of_interfaces_replaces_the_default(
    body: str, patterns: tuple[str, ...]
):
    assert parse_config(host(body), "f").host.exclude_interfaces == patterns
