"""What a packet capture shows: is it WireGuard, and can anyone read it?"""

import struct
from collections import Counter
from dataclasses import dataclass

from kubespan.lab.errors import LabError

WIREGUARD_PORT = 51820
# First byte of a WireGuard message, followed by three zero bytes.
MESSAGE_NAMES = {
    1: "handshake initiations",
    2: "handshake responses",
    3: "cookie replies",
    4: "data packets",
}
_FILE_HEADER_BYTES = 24
_RECORD_HEADER_BYTES = 16
_MAGICS = (0xA1B2C3D4, 0xA1B23C4D)  # micro- and nanoseconds
_ETHERNET = 1
_ETHERNET_BYTES = 14
_IPV4, _IPV6 = 0x0800, 0x86DD
_IPV6_BYTES = 40
_UDP = 17
_UDP_BYTES = 8


@dataclass(frozen=True, slots=True)
class WireReport:
    """What passed a place on the wire.

    Attributes:
        packets: how many in all.
        message_counts: WireGuard messages by type byte, sorted by it.
        strangers: packets that are not WireGuard.
        readable: packets in which one of the looked-for texts can be read.
    """

    packets: int
    message_counts: tuple[tuple[int, int], ...]
    strangers: int
    readable: int

    @property
    def is_wireguard_only(self) -> bool:
        """Tell whether there was traffic, all WireGuard, with data, none readable."""
        has_data = dict(self.message_counts).get(4, 0) > 0
        return has_data and not self.strangers and not self.readable

    def __str__(self) -> str:
        kinds = [
            f"{count} {MESSAGE_NAMES[kind]}" for kind, count in self.message_counts
        ]
        return (
            f"{self.packets} packets ({', '.join(kinds) or 'no WireGuard'}), "
            f"{self.strangers} of another kind, {self.readable} readable"
        )


def inspect_capture(capture: bytes, texts: tuple[bytes, ...]) -> WireReport:
    """Judge a capture file by its packets.

    Args:
        capture: a whole pcap file with Ethernet frames, as ``tcpdump -w`` writes it.
        texts: bytes that must not be readable, such as a payload or inner addresses.

    Raises:
        LabError: it is not such a file. A record cut off at the end is left out.
    """
    frames = read_frames(capture)
    kinds = [wireguard_type(frame) for frame in frames]
    known = Counter(kind for kind in kinds if kind)
    return WireReport(
        packets=len(frames),
        message_counts=tuple(sorted(known.items())),
        strangers=kinds.count(0),
        readable=sum(any(text in frame for text in texts) for frame in frames),
    )


def read_frames(capture: bytes) -> list[bytes]:
    """Return the Ethernet frames of a capture file; `LabError` if it is not one."""
    if len(capture) < _FILE_HEADER_BYTES:
        raise LabError("capture: shorter than the header of a pcap file")
    order = "<" if struct.unpack_from("<I", capture)[0] in _MAGICS else ">"
    magic, link_type = struct.unpack_from(f"{order}I16xI", capture)
    if magic not in _MAGICS or link_type != _ETHERNET:
        raise LabError("capture: not a pcap file of Ethernet frames")
    frames, position = [], _FILE_HEADER_BYTES
    while position + _RECORD_HEADER_BYTES <= len(capture):
        (length,) = struct.unpack_from(f"{order}8xI", capture, position)
        position += _RECORD_HEADER_BYTES
        if position + length <= len(capture):
            frames.append(capture[position : position + length])
        position += length
    return frames


def wireguard_type(frame: bytes) -> int:
    """Return the type byte of a WireGuard message in a frame; 0 if there is none.

    A message is a UDP datagram from or to 51820 (NAT may change the other port).
    """
    datagram = _udp_datagram(frame)
    if len(datagram) < _UDP_BYTES + 4:
        return 0
    ports = struct.unpack_from("!HH", datagram)
    kind, *reserved = datagram[_UDP_BYTES : _UDP_BYTES + 4]
    if WIREGUARD_PORT not in ports or any(reserved) or kind not in MESSAGE_NAMES:
        return 0
    return kind


def _udp_datagram(frame: bytes) -> bytes:
    if len(frame) < _ETHERNET_BYTES + _IPV6_BYTES - 20:
        return b""
    (ether_type,) = struct.unpack_from("!H", frame, 12)
    packet = frame[_ETHERNET_BYTES:]
    if ether_type == _IPV4 and packet[9] == _UDP:
        return packet[(packet[0] & 0x0F) * 4 :]
    if ether_type == _IPV6 and packet[6] == _UDP:
        return packet[_IPV6_BYTES:]
    return b""
