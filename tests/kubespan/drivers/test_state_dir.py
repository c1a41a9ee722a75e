import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubespan.drivers.entropy import SystemEntropy
from kubespan.drivers.state_dir import (
    KUBESPAN_IDENTITY_FILE,
    NODE_IDENTITY_FILE,
    StateDir,
    derive_public_key,
)
from kubespan.errors import StateError
from kubespan.model.identity import NodeIdentity
from kubespan.model.keys import PublicKey, SecretKey
from kubespan.wire.base62 import bytes_from_base62
from tests.vectors import kubespan_spec

random_bytes = SystemEntropy().random_bytes


def no_random_bytes(count: int) -> bytes:
    raise AssertionError(f"{count} random bytes were asked for")


def load(
    path: Path, entropy: Callable[[int], bytes] = no_random_bytes
) -> tuple[NodeIdentity, list[str]]:
    with StateDir(path) as state:
        return state.load_identity(entropy), state.warnings


def put_talos_files(path: Path) -> None:
    path.chmod(0o700)
    for name, text in (
        (NODE_IDENTITY_FILE, kubespan_spec.NODE_IDENTITY_FILE),
        (KUBESPAN_IDENTITY_FILE, kubespan_spec.KUBESPAN_IDENTITY_FILE),
    ):
        (path / name).write_text(text)
        (path / name).chmod(0o600)


def content(path: Path) -> dict[str, bytes]:
    return {
        file.name: file.read_bytes() for file in path.iterdir() if file.name != "lock"
    }


@pytest.mark.checklist(8)
def test_private_key_of_the_specification_gives_its_public_key() -> None:
    private_key = SecretKey.from_base64(kubespan_spec.PRIVATE_KEY)

    assert str(derive_public_key(private_key)) == kubespan_spec.PUBLIC_KEY


@pytest.mark.checklist(3, 8)
def test_files_of_talos_are_loaded_and_left_as_they_are(tmp_path: Path) -> None:
    put_talos_files(tmp_path)
    before = content(tmp_path)

    identity, warnings = load(tmp_path)

    assert identity == NodeIdentity(
        kubespan_spec.NODE_ID,
        SecretKey.from_base64(kubespan_spec.PRIVATE_KEY),
        PublicKey.from_base64(kubespan_spec.PUBLIC_KEY),
    )
    assert warnings == []
    assert content(tmp_path) == before


@pytest.mark.checklist(3, 8)
def test_a_new_node_gets_files_as_talos_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "lib" / "kubespan"

    identity, warnings = load(path, random_bytes)

    assert content(path) == {
        NODE_IDENTITY_FILE: f"nodeId: {identity.node_id}\n".encode(),
        KUBESPAN_IDENTITY_FILE: (
            'address: ""\nsubnet: ""\n'
            f"privateKey: {identity.private_key.to_base64()}\n"
            f"publicKey: {identity.public_key}\n"
        ).encode(),
    }
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.iterdir()}
    assert set(modes.values()) == {0o600}
    assert path.stat().st_mode & 0o777 == 0o700
    assert warnings == []


def test_a_new_identity_is_of_the_right_kind(tmp_path: Path) -> None:
    identity, _ = load(tmp_path / "state", random_bytes)

    raw = identity.private_key.raw
    assert len(bytes_from_base62(identity.node_id)) == 32
    assert raw[0] & 0b111 == 0
    assert raw[31] & 0b1100_0000 == 0b0100_0000
    assert identity.public_key == derive_public_key(identity.private_key)


def test_written_files_are_yaml_with_text_values(tmp_path: Path) -> None:
    path = tmp_path / "state"
    load(path, random_bytes)

    for name in (NODE_IDENTITY_FILE, KUBESPAN_IDENTITY_FILE):
        document = yaml.safe_load((path / name).read_text())
        assert all(isinstance(value, str) for value in document.values())


@pytest.mark.checklist(9)
def test_the_identity_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state"
    first, _ = load(path, random_bytes)

    second, _ = load(path)

    assert second == first


def test_two_nodes_differ(tmp_path: Path) -> None:
    one, _ = load(tmp_path / "one", random_bytes)
    other, _ = load(tmp_path / "other", random_bytes)

    assert one.node_id != other.node_id
    assert one.public_key != other.public_key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("nodeId: 123\n", "123", id="digits stay text"),
        pytest.param("nodeId: 0123\n", "0123", id="no octal"),
        pytest.param("nodeId: 1e5\n", "1e5", id="no float"),
        pytest.param("nodeId: no\n", "no", id="no boolean"),
        pytest.param("nodeId: 2020-01-01\n", "2020-01-01", id="no date"),
        pytest.param("nodeId: 12:30:45\n", "12:30:45", id="no base 60"),
        pytest.param('nodeId: "abc"\n', "abc", id="double quotes"),
        pytest.param("nodeId: 'null'\n", "null", id="quoted null"),
        pytest.param("# ours\nnodeId: abc # x\nfuture: [1]\n", "abc", id="more keys"),
        pytest.param("{nodeId: abc}", "abc", id="flow style"),
    ],
)
def test_node_id_is_the_text_that_is_written(
    tmp_path: Path, text: str, expected: str
) -> None:
    put_talos_files(tmp_path)
    (tmp_path / NODE_IDENTITY_FILE).write_text(text)

    identity, _ = load(tmp_path)

    assert identity.node_id == expected


@pytest.mark.checklist(3)
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty after a crash"),
        pytest.param(b"\0" * 52, id="zeros after a crash"),
        pytest.param(b"nodeId:\n", id="no value"),
        pytest.param(b"nodeId: null\n", id="null"),
        pytest.param(b'nodeId: ""\n', id="empty text"),
        pytest.param(b"nodeId: [a]\n", id="a list"),
        pytest.param(b"nodeID: abc\n", id="another key"),
        pytest.param(b"nodeId: a\nnodeId: b\n", id="twice"),
        pytest.param(b"- nodeId\n", id="no mapping"),
        pytest.param(b"nodeId: *x\n", id="undefined alias"),
        pytest.param(b"nodeId: a\n---\nnodeId: b\n", id="two documents"),
        pytest.param(b"\xff\xfe\xfd", id="no UTF-8"),
        pytest.param(b"\x7fELF\x02\x01\x01", id="a program"),
        pytest.param(b"nodeId: " + b"x" * 257, id="257 bytes"),
        pytest.param(b'nodeId: "a\\nb"\n', id="control character"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b"#" * 70_000, id="huge"),
    ],
)
def test_a_spoiled_node_identity_is_an_error_and_never_replaced(
    tmp_path: Path, raw: bytes
) -> None:
    put_talos_files(tmp_path)
    (tmp_path / NODE_IDENTITY_FILE).write_bytes(raw)

    with pytest.raises(StateError, match=NODE_IDENTITY_FILE):
        load(tmp_path)

    assert (tmp_path / NODE_IDENTITY_FILE).read_bytes() == raw


@pytest.mark.checklist(3)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("publicKey: x\n", id="no private key"),
        pytest.param(f"privateKey: {kubespan_spec.PRIVATE_KEY}\n", id="no public key"),
        pytest.param("privateKey: AAAA\npublicKey: AAAA\n", id="short keys"),
        pytest.param("nodeId: abc\n", id="the other file"),
        pytest.param(
            kubespan_spec.KUBESPAN_IDENTITY_FILE.replace("sF45", 'sF45"'), id="damaged"
        ),
        pytest.param(
            kubespan_spec.KUBESPAN_IDENTITY_FILE.replace(": sF45", ": [sF45"),
            id="damaged YAML",
        ),
    ],
)
def test_a_spoiled_key_file_is_an_error_that_shows_no_key(
    tmp_path: Path, text: str
) -> None:
    put_talos_files(tmp_path)
    (tmp_path / KUBESPAN_IDENTITY_FILE).write_text(text)

    with pytest.raises(StateError, match="left untouched") as caught:
        load(tmp_path)

    assert (tmp_path / KUBESPAN_IDENTITY_FILE).read_text() == text
    assert caught.value.__cause__ is None
    assert "ePau58WeeCUY3T8D9foEKaQ8Opx4cGC8g4XE4" not in str(caught.value)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(st.binary(max_size=80))
def test_any_content_is_an_identity_or_refused(tmp_path: Path, raw: bytes) -> None:
    put_talos_files(tmp_path)
    (tmp_path / NODE_IDENTITY_FILE).write_bytes(raw)

    with contextlib.suppress(StateError):
        load(tmp_path)

    assert (tmp_path / NODE_IDENTITY_FILE).read_bytes() == raw


@pytest.mark.checklist(3)
def test_a_read_error_never_makes_a_new_identity(tmp_path: Path) -> None:
    put_talos_files(tmp_path)
    (tmp_path / NODE_IDENTITY_FILE).unlink()
    (tmp_path / NODE_IDENTITY_FILE).mkdir()

    with pytest.raises(StateError, match=NODE_IDENTITY_FILE):
        load(tmp_path)


def test_a_key_file_others_can_read_is_tightened_and_told(tmp_path: Path) -> None:
    put_talos_files(tmp_path)
    (tmp_path / KUBESPAN_IDENTITY_FILE).chmod(0o644)

    _, warnings = load(tmp_path)

    (warning,) = warnings
    assert "0644" in warning
    assert KUBESPAN_IDENTITY_FILE in warning
    assert (tmp_path / KUBESPAN_IDENTITY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_directory_others_can_write_is_tightened_and_told(tmp_path: Path) -> None:
    put_talos_files(tmp_path)
    tmp_path.chmod(0o777)

    _, warnings = load(tmp_path)

    (warning,) = warnings
    assert "0777" in warning
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.checklist(8)
def test_a_public_key_that_does_not_belong_is_trusted_but_told(tmp_path: Path) -> None:
    put_talos_files(tmp_path)
    path = tmp_path / KUBESPAN_IDENTITY_FILE
    other = PublicKey(bytes(range(32)))
    path.write_text(path.read_text().replace(kubespan_spec.PUBLIC_KEY, str(other)))

    identity, warnings = load(tmp_path)

    assert identity.public_key == other
    assert "does not belong" in warnings[0]


def test_one_missing_file_is_made_beside_the_other(tmp_path: Path) -> None:
    put_talos_files(tmp_path)
    (tmp_path / KUBESPAN_IDENTITY_FILE).unlink()

    identity, _ = load(tmp_path, random_bytes)

    assert identity.node_id == kubespan_spec.NODE_ID
    assert str(identity.public_key) != kubespan_spec.PUBLIC_KEY


def test_a_second_daemon_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from kubespan.drivers.state_dir import StateDir\n"
        "state = StateDir(Path(sys.argv[1])); print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"

        with pytest.raises(StateError, match=f"in use by process {holder.pid}"):
            StateDir(tmp_path)

        holder.kill()
    StateDir(tmp_path).close()


def test_the_lock_ends_with_the_daemon(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    with pytest.raises(StateError, match=str(os.getpid())):
        StateDir(tmp_path)

    state.close()
    state.close()

    StateDir(tmp_path).close()


def test_a_place_that_cannot_be_a_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError):
        StateDir(tmp_path / "file" / "state")
    with pytest.raises(StateError):
        StateDir(tmp_path / "file")


def test_no_key_is_readable_in_what_is_printed(tmp_path: Path) -> None:
    put_talos_files(tmp_path)

    identity, _ = load(tmp_path)

    assert kubespan_spec.PRIVATE_KEY not in f"{identity!r} {identity}"


def test_directory_shared_by_all_users_is_refused_and_left_alone(tmp_path):
    (tmp_path / "somebody's").touch()
    tmp_path.chmod(0o1777)

    with pytest.raises(StateError, match="shared by all users"):
        StateDir(tmp_path)

    assert tmp_path.stat().st_mode & 0o7777 == 0o1777
    assert [path.name for path in tmp_path.iterdir()] == ["somebody's"]


def test_fresh_tmpfs_is_made_ours(tmp_path):
    tmp_path.chmod(0o1777)

    with StateDir(tmp_path):
        mode = tmp_path.stat().st_mode & 0o7777

    assert mode == 0o700


def test_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "state").touch()

    with pytest.raises(StateError, match="state: not a directory"):
        StateDir(tmp_path / "state")
