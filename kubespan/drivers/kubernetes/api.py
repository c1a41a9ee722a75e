"""The few calls of the Kubernetes API we need, with bounds and our own errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from kubespan import __version__
from kubespan.drivers.kubernetes.kubeconfig import ApiAccess
from kubespan.errors import DriverError

CALL_TIMEOUT_S: Final = 30.0
CONNECT_TIMEOUT_S: Final = 10.0
WATCH_S: Final = 290
"""How long the server is asked to keep a watch open."""
PAGE_ITEMS: Final = 250
PAGE_MAX_BYTES: Final = 64 << 20
OBJECT_MAX_BYTES: Final = 4 << 20
"""Above what the server stores in one object."""
_REASON_MAX_CHARACTERS: Final = 300
_PATCH_TYPE: Final = "application/strategic-merge-patch+json"
_HINTS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "the credentials are not accepted",
    HTTPStatus.FORBIDDEN: (
        "not allowed; give the daemon a service account that may get, list, watch and"
        " patch nodes (kubelet credentials may not, since Kubernetes 1.32)"
    ),
    HTTPStatus.NOT_FOUND: "there is no such node",
}

Json = Mapping[str, Any]


class ApiRefusedError(DriverError):
    """The API server answered, and it was not what we asked for.

    Attributes:
        status: HTTP status code; 0 when the answer itself made no sense.
    """

    def __init__(self, operation: str, reason: str, status: int = 0) -> None:
        super().__init__(operation, reason)
        self.status = status


class KubernetesApi:
    """One connection pool to one API server; use it as a context manager.

    Every method raises ``ApiRefusedError`` when the server refuses, and another
    ``DriverError`` when it cannot be reached.
    """

    def __init__(self, access: ApiAccess) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4),
            headers={"User-Agent": f"kubespan/{__version__}"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get_node(self, name: str) -> Json:
        """Return one Node object."""
        operation = f"get node {name}"
        async with self._call(operation, "GET", _node_path(name)) as response:
            return await _read_object(operation, response, OBJECT_MAX_BYTES)

    async def patch_node(self, name: str, patch: Json) -> None:
        """Apply a strategic merge patch to one Node object."""
        operation = f"patch node {name}"
        body = json.dumps(patch).encode()
        async with self._call(operation, "PATCH", _node_path(name), body=body):
            return

    async def list_nodes(self, field_selector: str, continue_token: str) -> Json:
        """Return one page of Nodes; an empty token asks for the first."""
        query = {"limit": str(PAGE_ITEMS)}
        if field_selector:
            query["fieldSelector"] = field_selector
        if continue_token:
            query["continue"] = continue_token
        operation = "list nodes"
        async with self._call(operation, "GET", "/api/v1/nodes", query) as response:
            return await _read_object(operation, response, PAGE_MAX_BYTES)

    @asynccontextmanager
    async def watch_nodes(
        self, field_selector: str, resource_version: str
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Open a watch; what is yielded iterates over its events until it ends."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_S),
        }
        if field_selector:
            query["fieldSelector"] = field_selector
        operation = "watch nodes"
        async with self._call(operation, "GET", "/api/v1/nodes", query) as response:
            yield _events(operation, response)

    @asynccontextmanager
    async def _call(
        self,
        operation: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield a successful answer; anything else, now or later, is our error."""
        if self._session is None:
            raise RuntimeError("used outside its context")
        access = self._access
        try:
            async with self._session.request(
                method,
                URL(access.server + path, encoded=True).with_query(query),
                headers=self._headers(body),
                data=body,
                ssl=access.tls if access.tls is not None else True,
                server_hostname=access.server_name or None,
                proxy=access.proxy or None,
                # A redirect would carry the token elsewhere.
                allow_redirects=False,
                timeout=_timeout(is_watch="watch" in (query or {})),
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise await _refusal(operation, response)
                yield response
        except TimeoutError as error:
            raise DriverError(operation, f"{access.server}: no answer") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = _printable(str(error)) or type(error).__name__
            raise DriverError(operation, f"{access.server}: {reason}") from error

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if token := self._access.token():
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = _PATCH_TYPE
        return headers


def _timeout(*, is_watch: bool) -> aiohttp.ClientTimeout:
    if is_watch:
        return aiohttp.ClientTimeout(
            sock_connect=CONNECT_TIMEOUT_S, sock_read=WATCH_S + CALL_TIMEOUT_S
        )
    return aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)


def _node_path(name: str) -> str:
    return f"/api/v1/nodes/{quote(name, safe='')}"


async def _refusal(operation: str, response: aiohttp.ClientResponse) -> ApiRefusedError:
    """Return the error for an answer that is no success, with the server's words."""
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            raw = await response.content.read(65536)
        message = _printable(str(json.loads(raw).get("message", "")))
    except (ValueError, AttributeError, TimeoutError, aiohttp.ClientError):
        message = ""
    hint = _HINTS.get(response.status, "")
    words = ": ".join(filter(None, (hint, message))) or "no reason given"
    return ApiRefusedError(
        operation, f"HTTP {response.status}: {words}", response.status
    )


async def _read_object(
    operation: str, response: aiohttp.ClientResponse, max_bytes: int
) -> Json:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > max_bytes:
            raise ApiRefusedError(operation, f"more than {max_bytes} bytes")
    return _object_from_json(operation, bytes(raw))


async def _events(
    operation: str, response: aiohttp.ClientResponse
) -> AsyncIterator[Json]:
    """Yield one event per line."""
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        *lines, rest = rest.split(b"\n") if b"\n" in chunk else (rest,)
        for line in lines:
            if line.strip():
                yield _object_from_json(operation, bytes(line))
        if len(rest) > OBJECT_MAX_BYTES:
            raise ApiRefusedError(operation, f"more than {OBJECT_MAX_BYTES} bytes")


def _object_from_json(operation: str, raw: bytes) -> Json:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ApiRefusedError(operation, "the answer is not JSON") from error
    if not isinstance(value, dict):
        raise ApiRefusedError(operation, "the answer is not a JSON object")
    return value


def _printable(text: str) -> str:
    """Return words of a stranger, fit for one line of a log."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line[:_REASON_MAX_CHARACTERS]
