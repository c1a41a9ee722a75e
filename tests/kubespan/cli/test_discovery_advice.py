import grpc
import pytest

from kubespan.cli.discovery_advice import advise, with_advice
from kubespan.drivers.discovery.channel import _MEANINGS, explain


@pytest.mark.parametrize(
    "reason",
    [
        meaning
        for _, meaning in _MEANINGS
        if "closed" not in meaning
        and "stopped" not in meaning
        and "certificate" not in meaning
    ],
)
def test_every_reason_a_connection_fails_for_has_advice(reason: str):
    assert advise(reason)


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("certificate not trusted (self signed certificate)", "--ca-file"),
        ("certificate not trusted (certificate has expired)", "renew"),
        ("certificate is for another host name", "--insecure"),
        ("closed while connecting (TLS expected?)", "https://"),
        ("the other side does not speak TLS", "http://"),
        ("token file /t: no such file", "--token"),
        ("certificate file /c: too large", "--certificate-file"),
    ],
)
def test_advice_names_what_to_type(reason: str, part: str):
    assert part in advise(reason)


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
    ],
)
def test_every_refusal_has_advice(code: grpc.StatusCode):
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())

    assert advise(explain("Hello", error).reason)


def test_what_nobody_knows_is_said_alone():
    assert with_advice("the moon is full") == "the moon is full"
