"""What Kubernetes told us last, kept on disk for a start without the API server.

::

    kubernetes-node.json        our own Node: {"name": text, "podNetworks": [CIDR]}
    kubernetes-affiliates.json  the others: {"clusterID": text, "affiliates":
                                [{"data": base64, "endpoints": [base64]}]}

Neither holds a secret: whoever may read Nodes may read all of it.
"""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path
from typing import Any, Final

from kubespan.drivers.atomic_file import read_file, replace_file
from kubespan.errors import StateError, WireError
from kubespan.model.affiliate import Affiliate
from kubespan.model.host import KubernetesNode
from kubespan.wire.affiliate import (
    decode_affiliate,
    decode_endpoint,
    encode_affiliate,
    encode_endpoint,
)

NODE_FILE: Final = "kubernetes-node.json"
AFFILIATES_FILE: Final = "kubernetes-affiliates.json"
NODE_MAX_BYTES: Final = 64 << 10
AFFILIATES_MAX_BYTES: Final = 32 << 20
SAVE_DELAY_S: Final = 1.0
"""Many changes within this time are saved once."""
_DAMAGE: Final = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
    WireError,
)


class KubernetesCache:
    """Two files of mode 0600.

    Args:
        state_dir: where they live.
    """

    def __init__(self, state_dir: Path) -> None:
        self._node_path = state_dir / NODE_FILE
        self._affiliates_path = state_dir / AFFILIATES_FILE
        self._unsaved: tuple[str, tuple[Affiliate, ...]] | None = None
        self._changed = asyncio.Event()
        self._lock = threading.Lock()
        self._forgotten = 0

    def load_node(self) -> KubernetesNode | None:
        """Return our own Node as it was last; None without a file.

        Raises:
            StateError: the file is not one of ours, or was damaged.
        """
        document = _load(self._node_path, NODE_MAX_BYTES)
        try:
            return _node(document) if document is not None else None
        except _DAMAGE as error:
            raise _damaged(self._node_path) from error

    def save_node(self, node: KubernetesNode | None) -> None:
        """Replace the file; None removes it.

        Raises:
            StateError: the disk refused.
        """
        if node is None:
            _remove(self._node_path)
            return
        networks = list(map(str, node.pod_networks))
        document = {"name": node.name, "podNetworks": networks}
        _save(self._node_path, document, NODE_MAX_BYTES)

    def load_affiliates(self, cluster_id: str) -> tuple[Affiliate, ...]:
        """Return who took part last; nobody without a file of this cluster.

        Raises:
            StateError: the file is not one of ours, or was damaged.
        """
        document = _load(self._affiliates_path, AFFILIATES_MAX_BYTES)
        try:
            if document is None or document["clusterID"] != cluster_id:
                return ()
            return tuple(map(_affiliate, document["affiliates"]))
        except _DAMAGE as error:
            raise _damaged(self._affiliates_path) from error

    def keep_affiliates(
        self, cluster_id: str, affiliates: tuple[Affiliate, ...]
    ) -> None:
        """Have :meth:`run` save them soon; returns at once."""
        self._unsaved = cluster_id, affiliates
        self._changed.set()

    def forget_affiliates(self) -> None:
        """Remove the file.

        Raises:
            StateError: the disk refused.
        """
        self._unsaved = None
        with self._lock:
            # a thread that is still encoding must not bring the file back
            self._forgotten += 1
            _remove(self._affiliates_path)

    async def run(self, tell: Callable[[str], None]) -> None:
        """Save for ever; ``tell`` is called with what the disk refused, or nothing."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(SAVE_DELAY_S)
            self._changed.clear()
            unsaved, self._unsaved = self._unsaved, None
            if unsaved is None:
                continue
            try:
                # a thousand affiliates take 20 ms to encode, and a disk may sleep
                await asyncio.to_thread(
                    self._save_affiliates, *unsaved, self._forgotten
                )
            except StateError as error:
                tell(str(error))
            else:
                tell("")

    def _save_affiliates(
        self, cluster_id: str, affiliates: Iterable[Affiliate], forgotten: int
    ) -> None:
        """Save, unless they were forgotten since (``forgotten`` counts how often)."""
        documents = []
        for affiliate in affiliates:
            # text that is no Unicode: whoever may write a Node may write nonsense
            with suppress(ValueError):
                documents.append(_document(affiliate))
        document = {"clusterID": cluster_id, "affiliates": documents}
        # a cancelled run leaves its thread behind, and the next one starts another
        with self._lock:
            if forgotten == self._forgotten:
                _save(self._affiliates_path, document, AFFILIATES_MAX_BYTES)


def _node(document: Any) -> KubernetesNode:
    name, networks = document["name"], document["podNetworks"]
    if not (name and isinstance(name, str)):
        raise ValueError("no name")
    return KubernetesNode(name, tuple(ip_interface(str(text)) for text in networks))


def _document(affiliate: Affiliate) -> dict[str, Any]:
    endpoints = map(encode_endpoint, affiliate.kubespan.endpoints)
    return {
        "data": _text(encode_affiliate(affiliate)),
        "endpoints": list(map(_text, endpoints)),
    }


def _affiliate(item: dict[str, Any]) -> Affiliate:
    affiliate = decode_affiliate(_blob(item["data"]))
    endpoints = tuple(decode_endpoint(_blob(text)) for text in item["endpoints"])
    return replace(affiliate, kubespan=replace(affiliate.kubespan, endpoints=endpoints))


def _text(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _blob(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _load(path: Path, max_bytes: int) -> Any:
    """Return the file's JSON; None without a file."""
    raw = read_file(path, max_bytes)
    try:
        return json.loads(raw) if raw is not None else None
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error


def _save(path: Path, document: dict[str, Any], max_bytes: int) -> None:
    content = f"{json.dumps(document)}\n".encode()
    if len(content) > max_bytes:
        raise StateError(f"{path}: longer than {max_bytes} bytes; not kept")
    replace_file(path, content)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StateError(f"{path}: cannot be removed: {error.strerror}") from error


def _damaged(path: Path) -> StateError:
    return StateError(f"{path}: damaged; ignored")
