"""Reading what ping says."""

import pytest

from kubespan.lab.errors import LabError
from kubespan.lab.ping import PAYLOAD, Ping, parse_ping, ping_command


@pytest.mark.parametrize(
    ("text", "expected", "whole"),
    [
        pytest.param(
            "2 packets transmitted, 2 received, 0% packet loss, time 1ms",
            Ping(2, 2),
            True,
            id="all answered",
        ),
        pytest.param(
            "9 packets transmitted, 0 received, +9 errors, 100% packet loss",
            Ping(9, 0),
            False,
            id="unreachable",
        ),
        pytest.param("0 packets transmitted, 0 received", Ping(0, 0), False, id="none"),
    ],
)
def test_a_summary_is_read(text: str, expected: Ping, whole: bool) -> None:
    assert parse_ping(f"PING x\n\n{text}\n") == expected
    assert expected.is_whole is whole


def test_no_summary_is_an_error() -> None:
    with pytest.raises(LabError, match="no summary"):
        parse_ping("ping: bad address")


def test_the_payload_can_be_recognised() -> None:
    command = ping_command("10.0.0.1", count=0)

    assert command[command.index("-p") + 1] == PAYLOAD.hex()
    assert "-c" not in command
