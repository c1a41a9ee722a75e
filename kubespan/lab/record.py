"""What must be remembered of a lab so that another process can work with it."""

import json
from dataclasses import asdict, dataclass, field

from kubespan.lab.errors import LabError
from kubespan.lab.topology import LabSpec, Topology, plan_topology


@dataclass(frozen=True, slots=True)
class LabRecord:
    """A lab as it is kept on disk.

    Process numbers are not in it: what runs in a lab is found in its namespaces.

    Attributes:
        spec: as it was asked for.
        placements: gateway number per node, with the nodes that joined since.
        cluster_id: 32 bytes in base64.
        cluster_secret: 32 bytes in base64.
        complete: its namespaces were all made; otherwise it is a leftover.
    """

    spec: LabSpec
    placements: tuple[int, ...]
    cluster_id: str
    cluster_secret: str = field(repr=False)
    complete: bool = False

    @property
    def topology(self) -> Topology:
        """The lab on paper."""
        return plan_topology(self.spec.name, self.placements, ipv6=self.spec.ipv6)


def render_record(record: LabRecord) -> str:
    """Return a record as JSON text."""
    return json.dumps(asdict(record), indent=2) + "\n"


def parse_record(text: str) -> LabRecord:
    """Read a record from JSON text.

    Raises:
        LabError: it is not one.
    """
    try:
        content = json.loads(text)
        spec = content["spec"]
        spec["discovery_options"] = tuple(spec["discovery_options"])
        content["spec"] = LabSpec(**spec)
        content["placements"] = tuple(map(int, content["placements"]))
        return LabRecord(**content)
    except (ValueError, TypeError, KeyError, AttributeError, LabError) as error:
        raise LabError(f"lab.json: {error}; lab destroy removes the lab") from error
