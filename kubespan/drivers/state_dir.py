"""The state directory: who this node is, kept on disk and made once.

Files are those of Talos, so that a host can carry its identity over::

    node-identity.yaml      nodeId
    kubespan-identity.yaml  address, subnet (both empty), privateKey, publicKey

Source:
    kubespan.md sections 1.1 and 1.7.
"""

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import yaml
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kubespan.drivers.atomic_file import FILE_MODE, create_file, read_file
from kubespan.errors import StateError
from kubespan.model.constants import ID_MAX_BYTES
from kubespan.model.identity import NodeIdentity
from kubespan.model.keys import KEY_BYTES, PublicKey, SecretKey
from kubespan.wire.base62 import base62_from_bytes

NODE_IDENTITY_FILE: Final = "node-identity.yaml"
KUBESPAN_IDENTITY_FILE: Final = "kubespan-identity.yaml"
LOCK_FILE: Final = "lock"
DIRECTORY_MODE: Final = 0o700
_FILE_MAX_BYTES: Final = 65536
_ADVICE: Final = (
    "it was left untouched; restore it from a backup, or move it away to make this"
    " host a new node"
)
_NULL_TAG: Final = "tag:yaml.org,2002:null"
_NULL_TEXTS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class StateDir:
    """One state directory, ours alone while it is open.

    Attributes:
        path: the directory, mode 0700; other files of ours may live in it.
        warnings: what was found and put right, for the operator; one line each.
    """

    def __init__(self, path: Path) -> None:
        """Make the directory if needed and lock it.

        Raises:
            StateError: another process has it, or the disk refused.
        """
        self.path = path
        self.warnings: list[str] = []
        try:
            path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            _refuse_shared(path)
            self._tighten(path, DIRECTORY_MODE, harmless=0o055)
        except FileExistsError as error:
            raise StateError(f"{path}: not a directory") from error
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from error
        self._lock = _lock(path / LOCK_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes have the directory; harmless when repeated."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def load_identity(self, random_bytes: Callable[[int], bytes]) -> NodeIdentity:
        """Return who this node is; what does not exist yet is made and kept.

        Args:
            random_bytes: unpredictable bytes, as many as asked for.

        Raises:
            StateError: a file is there and cannot be used. It is never replaced: a
                second identity would be a second node with the same addresses.
        """
        node_id = self._load_node_id(random_bytes)
        private_key, public_key = self._load_keys(random_bytes)
        return NodeIdentity(node_id, private_key, public_key)

    def _load_node_id(self, random_bytes: Callable[[int], bytes]) -> str:
        path = self.path / NODE_IDENTITY_FILE
        fields = self._read_fields(path)
        if fields is None:
            node_id = base62_from_bytes(random_bytes(KEY_BYTES))
            create_file(path, f"nodeId: {node_id}\n".encode())
            return node_id
        node_id = fields.get("nodeId", "")
        if not 1 <= len(node_id.encode()) <= ID_MAX_BYTES or not node_id.isprintable():
            raise StateError(f"{path}: no usable nodeId in it; {_ADVICE}")
        return node_id

    def _load_keys(
        self, random_bytes: Callable[[int], bytes]
    ) -> tuple[SecretKey, PublicKey]:
        path = self.path / KUBESPAN_IDENTITY_FILE
        fields = self._read_fields(path)
        if fields is None:
            return _create_keys(path, random_bytes)
        try:
            private_key = SecretKey.from_base64(fields.get("privateKey", ""))
            public_key = PublicKey.from_base64(fields.get("publicKey", ""))
        except ValueError:
            # Neither chained nor quoted: the text beside it is a secret.
            raise StateError(
                f"{path}: no usable privateKey and publicKey in it; {_ADVICE}"
            ) from None
        if derive_public_key(private_key) != public_key:
            self.warnings.append(
                f"{path}: publicKey does not belong to privateKey; it is used as Talos"
                " would use it, but no peer will answer"
            )
        return private_key, public_key

    def _read_fields(self, path: Path) -> dict[str, str] | None:
        """Return the file's mapping, None when there is no file."""
        content = read_file(path, _FILE_MAX_BYTES)
        if content is None:
            return None
        try:
            self._tighten(path, FILE_MODE, harmless=0)
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from error
        return _fields_from_yaml(path, content)

    def _tighten(self, path: Path, mode: int, harmless: int) -> None:
        """Take permissions from group and others; say so."""
        found = stat.S_IMODE(path.stat().st_mode)
        if found & 0o077 & ~harmless:
            path.chmod(mode)
            self.warnings.append(f"{path}: mode was {found:04o}, is now {mode:04o}")


def _refuse_shared(path: Path) -> None:
    """Raise `StateError` for a place like ``/tmp``, which is not to be made ours alone.

    A fresh tmpfs has the same mode; it is empty.
    """
    if path.stat().st_mode & stat.S_ISVTX and any(path.iterdir()):
        text = f"{path}: shared by all users of this host; name a directory in it"
        raise StateError(text)


def derive_public_key(private_key: SecretKey) -> PublicKey:
    """Return the Curve25519 public key of a private key."""
    secret = X25519PrivateKey.from_private_bytes(private_key.raw)
    return PublicKey(secret.public_key().public_bytes_raw())


def clamp_private_key(raw: bytes) -> SecretKey:
    """Return 32 random bytes as a Curve25519 private key."""
    return SecretKey(
        bytes([raw[0] & 0xF8]) + raw[1:31] + bytes([raw[31] & 0x7F | 0x40])
    )


def _create_keys(
    path: Path, random_bytes: Callable[[int], bytes]
) -> tuple[SecretKey, PublicKey]:
    private_key = clamp_private_key(random_bytes(KEY_BYTES))
    public_key = derive_public_key(private_key)
    # Empty as Talos leaves them: both are computed again after every load.
    text = (
        'address: ""\n'
        'subnet: ""\n'
        f"privateKey: {private_key.to_base64()}\n"
        f"publicKey: {public_key}\n"
    )
    create_file(path, text.encode())
    return private_key, public_key


def _lock(path: Path) -> int:
    """Return the open lock file; it is locked until closed, also by a crash."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).strip()
        os.close(lock)
        who = f"process {int(holder)}" if holder.isdigit() else "another process"
        raise StateError(
            f"{path.parent}: in use by {who}; stop it, or give this daemon a state"
            " directory of its own"
        ) from error
    except OSError as error:
        os.close(lock)
        raise StateError(f"{path}: {error.strerror}") from error
    return lock


def _fields_from_yaml(path: Path, content: bytes) -> dict[str, str]:
    """Return the top-level scalars of a mapping as they are written.

    Nodes are read, not values: a node ID of digits stays the text it is.
    """
    try:
        root = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        # Not chained: the parser quotes lines, and one of them is a private key.
        raise StateError(f"{path}: not readable as YAML; {_ADVICE}") from None
    if not isinstance(root, yaml.MappingNode):
        raise StateError(f"{path}: not one of our files; {_ADVICE}")
    fields: dict[str, str] = {}
    for key, value in root.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        if name in fields:
            raise StateError(f"{path}: {name} is in it twice; {_ADVICE}")
        fields[name] = _scalar_text(value)
    return fields


def _scalar_text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return ""
    if node.tag == _NULL_TAG and node.value in _NULL_TEXTS:
        return ""
    return str(node.value)
