"""Judging captures."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.lab.capture import inspect_capture, read_frames, wireguard_type
from kubespan.lab.errors import LabError

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def _capture(*frames: bytes, header: bytes = HEADER) -> bytes:
    records = (struct.pack("<IIII", 0, 0, len(f), len(f)) + f for f in frames)
    return header + b"".join(records)


def _udp(payload: bytes, source: int = 51820, target: int = 51820) -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload


def _ipv4(content: bytes, protocol: int = 17) -> bytes:
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, protocol, 0, b"", b"")
    return b"\0" * 12 + b"\x08\x00" + header + content


def _ipv6(content: bytes, protocol: int = 17) -> bytes:
    header = struct.pack("!IHBB16s16s", 6 << 28, len(content), protocol, 64, b"", b"")
    return b"\0" * 12 + b"\x86\xdd" + header + content


DATA = b"\x04\0\0\0" + b"\xab" * 60


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param(_ipv4(_udp(b"\x01\0\0\0" + b"x" * 144)), 1, id="initiation"),
        pytest.param(_ipv4(_udp(b"\x02\0\0\0" + b"x" * 88)), 2, id="response"),
        pytest.param(_ipv4(_udp(DATA)), 4, id="data"),
        pytest.param(_ipv6(_udp(DATA)), 4, id="over IPv6"),
        pytest.param(_ipv4(_udp(DATA, source=1027)), 4, id="port changed by NAT"),
        pytest.param(_ipv4(_udp(DATA, 53, 53)), 0, id="another port"),
        pytest.param(_ipv4(_udp(b"\x05\0\0\0" + b"x" * 60)), 0, id="unknown type"),
        pytest.param(_ipv4(_udp(b"\x04\0\x01\0" + b"x" * 60)), 0, id="not reserved"),
        pytest.param(_ipv4(b"\x08\0" + DATA, protocol=1), 0, id="a ping"),
        pytest.param(b"\0" * 12 + b"\x08\x06" + b"\0" * 46, 0, id="ARP"),
        pytest.param(_ipv4(_udp(b"")), 0, id="empty datagram"),
        pytest.param(b"", 0, id="nothing"),
    ],
)
def test_wireguard_is_told_from_the_rest(frame: bytes, expected: int) -> None:
    assert wireguard_type(frame) == expected


def test_a_wire_with_only_wireguard_on_it_is_fine() -> None:
    report = inspect_capture(_capture(*[_ipv4(_udp(DATA))] * 3), (b"secret",))

    assert report.is_wireguard_only
    assert str(report) == "3 packets (3 data packets), 0 of another kind, 0 readable"


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([], id="nothing seen proves nothing"),
        pytest.param([_ipv4(_udp(b"\x01\0\0\0" + b"x" * 60))], id="handshakes only"),
        pytest.param([_ipv4(_udp(DATA)), _ipv4(b"ping", 1)], id="a stranger"),
        pytest.param([_ipv4(_udp(DATA + b"secret"))], id="readable"),
    ],
)
def test_any_other_wire_is_not(frames: list[bytes]) -> None:
    assert not inspect_capture(_capture(*frames), (b"secret",)).is_wireguard_only


def test_a_record_cut_off_is_left_out() -> None:
    whole = _capture(b"a" * 20, b"b" * 20)

    assert read_frames(whole[:-1]) == [b"a" * 20]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 24, id="no magic"),
        pytest.param(HEADER[:20] + struct.pack("<I", 276), id="not Ethernet"),
    ],
)
def test_what_is_not_a_capture_is_refused(content: bytes) -> None:
    with pytest.raises(LabError, match="capture"):
        read_frames(content)


def test_the_byte_order_of_the_writer_does_not_matter() -> None:
    header = struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

    assert read_frames(header + struct.pack(">IIII", 0, 0, 2, 2) + b"ab") == [b"ab"]


@given(st.binary(max_size=200))
def test_no_frame_is_too_odd_to_be_judged(frame: bytes) -> None:
    assert wireguard_type(frame) in {0, 1, 2, 3, 4}


@given(st.binary(max_size=300))
def test_no_capture_is_too_odd_to_be_read(content: bytes) -> None:
    frames = read_frames(HEADER + content)

    assert sum(map(len, frames)) <= len(content)
