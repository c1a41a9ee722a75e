import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest as Question,
)
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionResponse as Answer,
)

from discovery.service import reflection
from discovery.service.reflection import Reflection, handlers_from_reflection
from discovery.service.refusal import Exhausted, UnreadableRequest
from tests.fakes.calls import FakeContext, some_interceptors


async def answers_to(*questions: Question) -> list[Answer]:
    raw = [question.SerializeToString() for question in questions]
    context = FakeContext(*raw)
    first = await context.read()
    await Reflection().answer(first, context, some_interceptors())
    return [Answer.FromString(message) for message in context.messages]


async def test_services_are_listed() -> None:
    [answer] = await answers_to(Question(list_services=""))

    assert [service.name for service in answer.list_services_response.service] == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "sidero.discovery.server.Cluster",
    ]


async def test_messages_of_the_api_are_described() -> None:
    symbol = "sidero.discovery.server.Cluster"
    [answer] = await answers_to(Question(file_containing_symbol=symbol))

    files = [
        FileDescriptorProto.FromString(raw)
        for raw in answer.file_descriptor_response.file_descriptor_proto
    ]
    assert {file.package for file in files} == {
        "sidero.discovery.server",
        "google.protobuf",
    }


@pytest.mark.parametrize(
    "question",
    [
        Question(file_containing_symbol="etcdserverpb.KV"),
        Question(file_by_filename="google/protobuf/any.proto"),
        Question(file_containing_symbol="\x00<b>"),
        Question(all_extension_numbers_of_type="x"),
        Question(),
    ],
    ids=["etcd", "other file", "nonsense", "no type", "nothing"],
)
async def test_what_is_not_ours_is_an_error_in_the_answer(question: Question) -> None:
    [answer] = await answers_to(question)

    assert answer.HasField("error_response")


async def test_several_questions_get_their_answers_in_order() -> None:
    answers = await answers_to(*[Question(host=str(n)) for n in range(5)])

    assert [answer.original_request.host for answer in answers] == list("01234")


async def test_questions_of_one_call_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reflection, "QUESTIONS_MAX", 3)

    assert len(await answers_to(*[Question()] * 5)) == 3


async def test_calls_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflection, "CALLS_MAX", 0)

    with pytest.raises(Exhausted):
        await Reflection().answer(b"", FakeContext(), some_interceptors())


async def test_garbage_is_unreadable() -> None:
    with pytest.raises(UnreadableRequest):
        await Reflection().answer(b"\xff", FakeContext(), some_interceptors())


def test_both_versions_are_served() -> None:
    assert len(handlers_from_reflection(Reflection(), some_interceptors())) == 2
