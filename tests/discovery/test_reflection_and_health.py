"""What the service says of itself over gRPC, as tools and load balancers ask it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from discovery.api import cluster_pb2 as pb
from discovery.server import serve
from tests.discovery.running import PATIENCE_S, QUIET, a_service, code_of

API = "sidero.discovery.server.Cluster"


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_tools_learn_what_can_be_called(version: str) -> None:
    questions = [
        ServerReflectionRequest(list_services=""),
        ServerReflectionRequest(file_containing_symbol=API),
    ]
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"

    async with (
        a_service() as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        ask = channel.stream_stream(
            path,
            ServerReflectionRequest.SerializeToString,
            ServerReflectionResponse.FromString,
        )
        services, files = [answer async for answer in ask(iter(questions), timeout=10)]

    names = [service.name for service in services.list_services_response.service]
    described = [
        FileDescriptorProto.FromString(raw)
        for raw in files.file_descriptor_response.file_descriptor_proto
    ]
    methods = [m.name for file in described for s in file.service for m in s.method]
    assert API in names
    assert methods == ["Hello", "AffiliateUpdate", "AffiliateDelete", "List", "Watch"]


async def test_watchers_of_health_hear_of_the_drain() -> None:
    stop, hurry = asyncio.Event(), asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = replace(QUIET, drain_s=60.0)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(serve(settings, stop, listening.set_result, hurry))
        address = await asyncio.wait_for(listening, PATIENCE_S)
        async with grpc.aio.insecure_channel(address) as channel:
            watch = channel.unary_stream(
                "/grpc.health.v1.Health/Watch",
                HealthCheckRequest.SerializeToString,
                HealthCheckResponse.FromString,
            )(HealthCheckRequest(service=API))
            before = (await watch.read()).status
            stop.set()
            after = (await watch.read()).status
        hurry.set()

    assert before == HealthCheckResponse.SERVING
    assert after == HealthCheckResponse.NOT_SERVING


async def test_probes_need_not_be_admitted_and_get_their_statuses(
    tmp_path: Path,
) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text("one cluster\n")
    path = "/grpc.health.v1.Health/Check"
    request = HealthCheckRequest(service=API).SerializeToString()

    async with (
        a_service(allowed_clusters_path=allowed) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        assert await code_of(channel.unary_unary(path)(request)) is grpc.StatusCode.OK
        garbage = channel.unary_unary(path)(b"\xff", timeout=5)
        assert await code_of(garbage) is grpc.StatusCode.INTERNAL
        unknown = HealthCheckRequest(service=pb.DESCRIPTOR.package).SerializeToString()
        assert (
            await code_of(channel.unary_unary(path)(unknown))
            is grpc.StatusCode.NOT_FOUND
        )
