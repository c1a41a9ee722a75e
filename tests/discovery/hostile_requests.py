"""Requests nobody sane would send, from bytes that are nothing to almost valid ones.

Everything is chosen by one ``random.Random``, so a seed is a whole conversation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

METHODS = ("Hello", "AffiliateUpdate", "AffiliateDelete", "List")
# Few enough that requests meet, and some that are at or beyond a limit.
CLUSTER_IDS = (
    *(b"c", b"d", b"e"),
    *(b"", b"A" * 256, b"A" * 257, "ä".encode() * 128, "ä".encode() * 129),
    *(b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"a\r\nb\x1b[2J", b"<script>alert(1)"),
)
AFFILIATE_IDS = (*(b"a", b"b", b"f", b"g"), *CLUSTER_IDS)
DATA_LENGTHS = (0, 0, 1, 100, 2047, 2048, 2049, 70_000)
ENDPOINT_LENGTHS = (0, 1, 4, 16, 31, 32, 32, 33, 300)
ENDPOINT_COUNTS = (0, 0, 1, 2, 30, 63, 64, 65, 1100)
TTL_SECONDS = (0, 1, 60, 1799, 1800, 1801, -1, 2**62, -(2**63), 2**63 - 1)
TTL_NANOS = (0, 0, 1, 999_999_999, -1, 2**31 - 1, -(2**31))


@dataclass(frozen=True)
class RawCall:
    """A method and the bytes it is sent."""

    method: str
    raw: bytes


def a_call(random: Random) -> RawCall:
    """One call: mostly of valid parts, sometimes damaged, sometimes mere bytes."""
    method = random.choices(METHODS, (1, 8, 2, 1))[0]
    kind = random.random()
    if kind < 0.1:
        return RawCall(method, random.randbytes(random.randrange(200)))
    raw = _request(method, random)
    if kind < 0.3:
        raw = _damaged(raw, random)
    return RawCall(method, raw)


def _request(method: str, random: Random) -> bytes:
    fields = [_text(1, _chosen(CLUSTER_IDS, random))]
    if method == "Hello":
        fields.append(_text(2, _chosen((b"v1.8.3", b"v1.<b>.2", b"\xff"), random)))
    if method.startswith("Affiliate"):
        fields.append(_text(2, _chosen(AFFILIATE_IDS, random)))
    if method == "AffiliateUpdate":
        fields += _update_fields(random)
    if random.random() < 0.1:  # order is free, the last of repetitions counts
        random.shuffle(fields)
    if random.random() < 0.1:  # a field nobody knows
        fields.append(_text(random.choice((6, 15, 2000)), b"unknown"))
    return b"".join(fields)


def _update_fields(random: Random) -> list[bytes]:
    fields = []
    if random.random() < 0.7:
        length = _chosen(DATA_LENGTHS, random)
        fields.append(_text(3, bytes([random.randrange(3)]) * length))
    if random.random() < 0.5:
        length = _chosen(ENDPOINT_LENGTHS, random)
        for _ in range(_chosen(ENDPOINT_COUNTS, random)):
            number = random.randrange(80).to_bytes(2)
            fields.append(_text(4, (number * length)[:length]))
    if random.random() < 0.7:
        seconds, nanos = random.choice(TTL_SECONDS), random.choice(TTL_NANOS)
        fields.append(_text(5, _number(1, seconds) + _number(2, nanos)))
    return fields


def _chosen(choices: tuple, random: Random):
    """The first three of ten times out of ten, so that much is valid."""
    return random.choice(choices[:4] if random.random() < 0.8 else choices)


def _damaged(raw: bytes, random: Random) -> bytes:
    return random.choice(_DAMAGES)(raw, random)


def _cut(raw: bytes, random: Random) -> bytes:
    return raw[: random.randrange(len(raw) + 1)]


def _flipped(raw: bytes, random: Random) -> bytes:
    changed = bytearray(raw or b"\x00")
    for _ in range(random.randrange(1, 4)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _inserted(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw) + 1)
    return raw[:at] + random.randbytes(random.randrange(1, 9)) + raw[at:]


def _nested(raw: bytes, random: Random) -> bytes:
    """Groups in groups, deeper than any parser should follow."""
    return raw + b"\x7b" * random.choice((1, 99, 101, 50_000))


def _doubled(raw: bytes, random: Random) -> bytes:
    return raw * random.randrange(2, 5)


_DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_cut, _flipped, _inserted, _nested, _doubled),
)


def _text(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value % 2**64)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
