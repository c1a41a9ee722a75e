"""What this node is called: its host name, and its name in Kubernetes.

Source:
    kubespan.md section 2.2.
"""

import string
from dataclasses import dataclass
from typing import Final

from kubespan.model.config import HostSettings
from kubespan.model.host import HostFacts

_KEPT: Final = frozenset(string.ascii_lowercase + string.digits + ".")
_DASHES: Final = frozenset("_-")


@dataclass(frozen=True, slots=True)
class NodeNames:
    """How a node is called.

    Attributes:
        hostname: with the domain, where there is one.
        nodename: empty when the node is no member of a Kubernetes cluster.
    """

    hostname: str
    nodename: str


def name_local_node(settings: HostSettings, facts: HostFacts) -> NodeNames:
    """Return our names: as configured, else as the host says."""
    short = settings.hostname.partition(".")[0] or facts.hostname
    full = settings.hostname or ".".join(filter(None, (short, facts.domainname)))
    if settings.node_name is not None:
        return NodeNames(full, settings.node_name)
    chosen = full if settings.register_with_fqdn else short
    return NodeNames(full, nodename_from_hostname(chosen))


def nodename_from_hostname(hostname: str) -> str:
    """Return the Kubernetes node name a host name stands for; may be empty."""
    chars = ("-" if char in _DASHES else char for char in hostname.lower())
    return "".join(c for c in chars if c == "-" or c in _KEPT).strip("-.")
