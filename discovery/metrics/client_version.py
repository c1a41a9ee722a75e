"""From what a client says of its version to a label, of which there are few.

The label is ``vMAJOR.MINOR``, with ``-pre`` for anything between two releases.
"""

import re

UNKNOWN = "unknown"

# Digits are required, which the reference does not do: what is no number would make
# labels of whatever a stranger types.
_RELEASE = re.compile(r"(v\d{1,2}\.\d{1,3})\..*", re.ASCII)


def label_from_version(client_version: str) -> str:
    """Return ``vMAJOR.MINOR``, ``vMAJOR.MINOR-pre`` or ``unknown``.

    Source:
        discovery.md 3.3, with digits required.
    """
    release, _, suffix = client_version.partition("-")
    matched = _RELEASE.fullmatch(release)
    if matched is None:
        return UNKNOWN
    return f"{matched[1]}-pre" if suffix else matched[1]
