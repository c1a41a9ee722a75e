import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from discovery.drivers.etcd.failure import Compacted, failure_from_grpc


def an_error(code: grpc.StatusCode, details: str | None) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details)


@pytest.mark.parametrize(
    ("code", "details", "text"),
    [
        pytest.param(
            grpc.StatusCode.UNAVAILABLE,
            "etcdserver: no leader",
            "m1: no leader",
            id="etcd's own words",
        ),
        pytest.param(
            grpc.StatusCode.UNAVAILABLE,
            "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1:"
            " Failed to connect to remote host: Connection refused",
            "m1: connection refused",
            id="gRPC's, without its repetitions",
        ),
        pytest.param(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            None,
            "m1: deadline exceeded",
            id="no words",
        ),
    ],
)
def test_failure_names_the_member_and_the_reason(
    code: grpc.StatusCode, details: str | None, text: str
) -> None:
    assert str(failure_from_grpc("m1", an_error(code, details))) == text


def test_text_of_others_is_bounded_and_one_line() -> None:
    error = an_error(grpc.StatusCode.UNKNOWN, "x" * 10_000 + "\nsecond")

    text = str(failure_from_grpc("m1", error))

    assert len(text) < 200
    assert "\n" not in text


def test_forgotten_history_is_a_kind_of_its_own() -> None:
    details = "etcdserver: mvcc: required revision has been compacted"

    failure = failure_from_grpc("m1", an_error(grpc.StatusCode.OUT_OF_RANGE, details))

    assert isinstance(failure, Compacted)


@pytest.mark.parametrize(
    ("code", "is_final"),
    [
        (grpc.StatusCode.UNAVAILABLE, False),
        (grpc.StatusCode.FAILED_PRECONDITION, False),  # a learner
        (grpc.StatusCode.RESOURCE_EXHAUSTED, True),  # no space
        (grpc.StatusCode.PERMISSION_DENIED, True),
    ],
)
def test_other_members_are_asked_if_they_may_know_better(
    code: grpc.StatusCode, is_final: bool
) -> None:
    assert failure_from_grpc("m1", an_error(code, "x")).is_final is is_final
