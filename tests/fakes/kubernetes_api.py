"""A Kubernetes API server that knows only Nodes, over HTTP, as the real one behaves.

What it copies: resource versions that grow with every real change; lists in pages
with a token that expires; watches that replay from a version, carry bookmarks, end
after ``timeoutSeconds`` and answer 410 (as a status or as an ERROR event) when the
version is too old; patches where null removes; Status objects for every refusal.
"""

import asyncio
import copy
import json
import ssl
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

PATCH_TYPES = (
    "application/strategic-merge-patch+json",
    "application/merge-patch+json",
)


def a_node(
    name: str, annotations: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": {}, "annotations": annotations or {}},
        "spec": spec,
        "status": {
            "addresses": [{"type": "Hostname", "address": name}],
            "nodeInfo": {"osImage": "Talos (v1.13.0)"},
        },
    }


class RefusedError(Exception):
    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }


def too_old(version: int) -> RefusedError:
    return RefusedError(410, "Expired", f"too old resource version: {version}")


class FakeKubernetesApi:
    """Nodes by name, and what happened to them.

    Attributes:
        token: bearer token required; empty lets everybody in.
        forbidden: verbs that are refused.
        gone_as_event: whether a watch learns 410 from an event or from the status.
        requests: verb and name or query of each request, in order.
    """

    def __init__(self) -> None:
        self.url = ""
        self.token = ""
        self.forbidden: set[str] = set()
        self.gone_as_event = True
        self.requests: list[tuple[str, str]] = []
        self.watch_lines: list[bytes] = []
        self.list_body: bytes | None = None
        self._nodes: dict[str, dict[str, Any]] = {}
        self._version = 100
        self._floor = 0
        self._log: list[tuple[int, str, dict[str, Any]]] = []
        self._news = asyncio.Event()
        self._closing: set[asyncio.Event] = set()

    @asynccontextmanager
    async def serve(
        self, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator["FakeKubernetesApi"]:
        app = web.Application()
        app.router.add_get("/api/v1/nodes", self._collection)
        app.router.add_get("/api/v1/nodes/{name}", self._get)
        app.router.add_patch("/api/v1/nodes/{name}", self._patch)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"{'https' if tls else 'http'}://{host}:{port}"
        try:
            yield self
        finally:
            self.close_watches()
            await runner.cleanup()

    def put(self, node: dict[str, Any]) -> None:
        name = node["metadata"]["name"]
        kind = "MODIFIED" if name in self._nodes else "ADDED"
        self._store(kind, copy.deepcopy(node))

    def delete(self, name: str) -> None:
        node = self._nodes.pop(name)
        self._record("DELETED", node)

    def node(self, name: str) -> dict[str, Any]:
        return self._nodes[name]

    def bookmark(self) -> None:
        """Let the version grow by something nobody here sees, and tell watchers."""
        self._version += 10
        self._log.append((self._version, "BOOKMARK", {"kind": "Node", "metadata": {}}))
        self._wake()

    def forget_history(self) -> None:
        """Compact: older versions can be neither watched from nor listed on."""
        self._version += 10
        self._floor = self._version
        self._log = []

    def close_watches(self) -> None:
        for event in self._closing:
            event.set()
        self._wake()

    def count(self, verb: str) -> int:
        return sum(1 for said, _ in self.requests if said == verb)

    def _store(self, kind: str, node: dict[str, Any]) -> None:
        self._nodes[node["metadata"]["name"]] = node
        self._record(kind, node)

    def _record(self, kind: str, node: dict[str, Any]) -> None:
        self._version += 1
        node["metadata"]["resourceVersion"] = str(self._version)
        self._log.append((self._version, kind, copy.deepcopy(node)))
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _admit(self, request: web.Request, verb: str, what: str) -> None:
        self.requests.append((verb, what))
        given = request.headers.get("Authorization", "")
        if self.token and given != f"Bearer {self.token}":
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        if verb in self.forbidden:
            raise RefusedError(
                403, "Forbidden", f'nodes is forbidden: cannot {verb} resource "nodes"'
            )

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        try:
            self._admit(request, "get", name)
            return web.json_response(self._existing(name))
        except RefusedError as error:
            return refusal(error)

    async def _patch(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        try:
            self._admit(request, "patch", name)
            if request.content_type not in PATCH_TYPES:
                raise RefusedError(415, "UnsupportedMediaType", request.content_type)  # noqa: TRY301 one place turns refusals into answers
            before = self._existing(name)
            node = merge(before, await request.json())
            # A patch that changes nothing makes no new version.
            if node != before:
                self._store("MODIFIED", node)
            return web.json_response(node)
        except RefusedError as error:
            return refusal(error)

    def _existing(self, name: str) -> dict[str, Any]:
        if name not in self._nodes:
            raise RefusedError(404, "NotFound", f'nodes "{name}" not found')
        return self._nodes[name]

    async def _collection(self, request: web.Request) -> web.StreamResponse:
        is_watch = request.query.get("watch") in ("1", "true")
        try:
            self._admit(request, "watch" if is_watch else "list", request.query_string)
            if is_watch:
                return await self._watch(request)
            if self.list_body is not None:
                return web.Response(body=self.list_body)
            return web.json_response(self._page(request))
        except RefusedError as error:
            return refusal(error)

    def _page(self, request: web.Request) -> dict[str, Any]:
        limit = int(request.query.get("limit", "0"))
        version, after = self._version, ""
        if token := request.query.get("continue", ""):
            version, after = json.loads(urlsafe_b64decode(token))
            if version < self._floor:
                raise RefusedError(
                    410, "Expired", "The provided continue parameter is too old"
                )
        names = [
            name
            for name in sorted(self._nodes)
            if name > after and selects(request, self._nodes[name])
        ]
        page = names[:limit] if limit else names
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if len(names) > len(page):
            token = json.dumps([version, page[-1]])
            metadata["continue"] = urlsafe_b64encode(token.encode()).decode()
            metadata["remainingItemCount"] = len(names) - len(page)
        # Items of a list carry neither kind nor apiVersion.
        items = [
            {k: v for k, v in self._nodes[name].items() if k != "kind"} for name in page
        ]
        return {"kind": "NodeList", "metadata": metadata, "items": items}

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        if since < self._floor and not self.gone_as_event:
            raise too_old(since)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if since < self._floor:
            await send(response, "ERROR", too_old(since).status)
            return response
        for line in self.watch_lines:
            await response.write(line)
        closing = asyncio.Event()
        self._closing.add(closing)
        try:
            await self._send_events(request, response, since, closing)
        finally:
            self._closing.discard(closing)
        return response

    async def _send_events(
        self,
        request: web.Request,
        response: web.StreamResponse,
        since: int,
        closing: asyncio.Event,
    ) -> None:
        bookmarks = request.query.get("allowWatchBookmarks") == "true"
        while not closing.is_set():
            news = self._news
            for version, kind, node in tuple(self._log):
                if version <= since:
                    continue
                since = version
                if kind == "BOOKMARK":
                    node["metadata"] = {"resourceVersion": str(version)}
                    if bookmarks:
                        await send(response, kind, node)
                elif selects(request, node):
                    await send(response, kind, node)
            if not closing.is_set():
                await news.wait()


def selects(request: web.Request, node: dict[str, Any]) -> bool:
    selector = request.query.get("fieldSelector", "")
    name = node["metadata"]["name"]
    return not selector or selector == f"metadata.name={name}"


def merge(node: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """JSON merge patch; for maps the strategic one does the same."""
    merged = copy.deepcopy(node)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged


async def send(response: web.StreamResponse, kind: str, thing: dict[str, Any]) -> None:
    line = json.dumps({"type": kind, "object": thing}) + "\n"
    await response.write(line.encode())


def refusal(error: RefusedError) -> web.Response:
    return web.json_response(error.status, status=error.status["code"])
