"""What to call a node when talking to people."""

from typing import Final

_NAME_MAX: Final = 63
_ID_SHOWN: Final = 8


def name_node(node_id: str, label: str, hostname: str) -> str:
    """Return the Kubernetes node name, else the host name, else the start of the ID.

    Other nodes choose these texts: what cannot be printed is replaced, so that no name
    can forge a log line or steer a terminal.
    """
    name = label or hostname or node_id[:_ID_SHOWN]
    shown = name[:_NAME_MAX]
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else "?" for char in shown)
