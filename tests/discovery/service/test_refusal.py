import grpc
import pytest

from discovery.service.refusal import (
    Exhausted,
    InvalidRequest,
    Refusal,
    UnreadableRequest,
    WatcherStalled,
)

Code = grpc.StatusCode


# Source: discovery.md 2.8.
@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (InvalidRequest, Code.INVALID_ARGUMENT),
        (Exhausted, Code.RESOURCE_EXHAUSTED),
        (UnreadableRequest, Code.INTERNAL),
        (WatcherStalled, Code.ABORTED),
    ],
)
def test_each_refusal_is_one_status(refusal: type[Refusal], code: Code) -> None:
    assert refusal("why").code is code
    assert str(refusal("why")) == "why"
