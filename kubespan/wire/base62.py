"""Node IDs as text: base62 that packs 5 or 6 bits into a character.

This is not the big-integer base62: characters stand least significant first, and a
value whose bits 1..4 are all set costs only five bits.

Source:
    kubespan.md section 1.2.
"""

import string
from typing import Final

from kubespan.errors import WireError

ALPHABET: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits
TEXT_MAX_CHARACTERS: Final = 1024
_VALUE_BY_CHARACTER: Final = {c: value for value, c in enumerate(ALPHABET)}
_SHORT_MASK: Final = 0b011110
_LOW_BITS: Final = 0b011111
_ALL_BITS: Final = 0b111111


def base62_from_bytes(raw: bytes) -> str:
    """Return the text; 32 bytes give 43 to 52 characters, mostly 43 or 44."""
    number = int.from_bytes(raw)
    bits = 8 * len(raw)
    characters = []
    while bits > 0:
        value = number & _ALL_BITS
        take = 6
        if value & _SHORT_MASK == _SHORT_MASK:
            take = 5 if bits > take or value > _LOW_BITS else take
            value &= _LOW_BITS
        characters.append(ALPHABET[value])
        number >>= take
        bits -= take
    return "".join(characters)


def bytes_from_base62(text: str) -> bytes:
    """Return the bytes; a last character of few bits is padded to a whole byte.

    Raises:
        WireError: a character outside the alphabet, or more than 1024 of them.
    """
    if len(text) > TEXT_MAX_CHARACTERS:
        raise WireError(f"base62: {len(text)} characters")
    number = 0
    bits = 0
    for index, character in enumerate(text):
        value = _VALUE_BY_CHARACTER.get(character)
        if value is None:
            raise WireError(f"base62: character {index + 1} is not in the alphabet")
        number |= value << bits
        if index == len(text) - 1:
            bits += value.bit_length()
        else:
            bits += 5 if value & _SHORT_MASK == _SHORT_MASK else 6
    return number.to_bytes((bits + 7) // 8)
