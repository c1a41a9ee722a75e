import base64
import ssl
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubespan.drivers.kubernetes.kubeconfig import AccessFinder, load_kubeconfig
from kubespan.errors import DriverError
from tests.fakes.kubeconfig import a_kubeconfig, a_pair

CERTIFICATE, KEY = a_pair()


def in_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_token_and_server_are_read(tmp_path: Path) -> None:
    file = a_kubeconfig(tmp_path, user={"token": "abc"})

    access = load_kubeconfig(file)

    assert access.server == "https://[::1]:6443"
    assert access.token() == "abc"
    assert access.tls is not None
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    assert access.origin == str(file)


def test_a_token_of_digits_stays_text(tmp_path: Path) -> None:
    file = a_kubeconfig(tmp_path)
    file.write_text(file.read_text().replace("user: {}", "user: {token: 0123}"))

    assert load_kubeconfig(file).token() == "0123"


def test_a_token_file_beside_it_is_read_each_time(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    access = load_kubeconfig(a_kubeconfig(tmp_path, user={"tokenFile": "token"}))
    assert access.token() == "first"

    (tmp_path / "token").write_text("second\n")

    assert access.token() == "second"
    (tmp_path / "token").unlink()
    with pytest.raises(DriverError, match="no such file"):
        access.token()


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "files"])
def test_certificates_and_keys_are_loaded(tmp_path: Path, inline: bool) -> None:
    if inline:
        cluster = {"certificate-authority-data": in_base64(CERTIFICATE)}
        user = {
            "client-certificate-data": in_base64(CERTIFICATE),
            "client-key-data": in_base64(KEY),
        }
    else:
        (tmp_path / "node.pem").write_bytes(CERTIFICATE + KEY)
        cluster = {"certificate-authority": "node.pem"}
        user = {
            "client-certificate": "node.pem",
            "client-key": str(tmp_path / "node.pem"),
        }

    access = load_kubeconfig(a_kubeconfig(tmp_path, cluster, user))

    assert access.tls is not None
    assert len(access.tls.get_ca_certs()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        [["kubeconfig"]] if inline else [["kubeconfig", "node.pem"]]
    )


def test_other_fields_of_a_cluster_are_honoured(tmp_path: Path) -> None:
    cluster = {
        "insecure-skip-tls-verify": True,
        "tls-server-name": "kubernetes",
        "proxy-url": "http://proxy:3128",
    }

    access = load_kubeconfig(a_kubeconfig(tmp_path, cluster))

    assert access.tls is not None
    assert access.tls.verify_mode is ssl.CERT_NONE
    assert access.server_name == "kubernetes"
    assert access.proxy == "http://proxy:3128"


@pytest.mark.parametrize("name", ["exec", "auth-provider", "username", "password"])
def test_what_is_not_supported_is_named(tmp_path: Path, name: str) -> None:
    file = a_kubeconfig(tmp_path, user={name: {"command": "aws"}})

    with pytest.raises(DriverError, match=f"{name}.*not supported"):
        load_kubeconfig(file)


@pytest.mark.parametrize(
    ("cluster", "user", "reason"),
    [
        ({"server": "ftp://x"}, {}, "not an http or https URL"),
        ({"server": "https://"}, {}, "not an http or https URL"),
        ({"server": "https://h:99999"}, {}, "not an http or https URL"),
        ({"server": ["x"]}, {}, "not an http or https URL"),
        ({"certificate-authority-data": "%%"}, {}, "not base64"),
        ({"certificate-authority-data": "AAAA"}, {}, "not valid PEM"),
        ({"certificate-authority": "none.pem"}, {}, "no such file"),
        ({}, {"client-key-data": in_base64(KEY)}, "belong together"),
        (
            {},
            {
                "client-key-data": in_base64(b"secret"),
                "client-certificate-data": in_base64(CERTIFICATE),
            },
            "not valid PEM",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path, cluster: dict, user: dict, reason: str
) -> None:
    with pytest.raises(DriverError, match=reason):
        load_kubeconfig(a_kubeconfig(tmp_path, cluster, user))


@pytest.mark.parametrize(
    "text",
    ["", "- a\n", "current-context: x\n", "contexts: 3\n", "users: [", "a: *b\n"],
)
def test_files_of_other_content_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)

    with pytest.raises(DriverError, match="kubeconfig"):
        load_kubeconfig(file)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=60))
def test_any_content_is_refused_without_harm(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(raw)

    with pytest.raises(DriverError):
        load_kubeconfig(file)


def test_no_secret_shows(tmp_path: Path) -> None:
    file = a_kubeconfig(tmp_path, user={"token": "very-secret"})

    assert "very-secret" not in repr(load_kubeconfig(file))
    file.write_text("token: very-secret: [\n")
    with pytest.raises(DriverError) as caught:
        load_kubeconfig(file)
    assert "very-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_service_account_is_found_and_its_token_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    (tmp_path / "ca.crt").write_bytes(CERTIFICATE)
    finder = AccessFinder(
        {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"},
        tmp_path,
        (),
    )

    access = finder.find("")

    assert access.server == "https://[fd00::1]:6443"
    assert access.token() == "first"
    (tmp_path / "token").write_text("second")
    assert access.token() == "second"


def test_a_service_account_without_address_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")

    with pytest.raises(DriverError, match="KUBERNETES_SERVICE_HOST"):
        AccessFinder({}, tmp_path, ()).find("")


def test_a_named_file_wins_and_a_kubelet_s_file_is_the_last_resort(
    tmp_path: Path,
) -> None:
    file = a_kubeconfig(tmp_path)
    finder = AccessFinder({}, tmp_path / "none", (tmp_path / "no", file))

    assert finder.find("").origin == str(file)
    with pytest.raises(DriverError, match="no such file"):
        finder.find(str(tmp_path / "missing"))


def test_nothing_found_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="KubeSpanHostConfig"):
        AccessFinder({}, tmp_path, ()).find("")
