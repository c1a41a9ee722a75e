"""What must change so that our links are as desired; a working link is kept.

Source:
    kubespan.md sections 4.5 and 4.10.
"""

from collections.abc import Mapping

from kubespan.model.link import LinkChanges, LinkSeen
from kubespan.model.network import LinkSpec
from kubespan.model.wireguard import WireGuardChoice


def diff_links(
    desired: Mapping[str, LinkSpec], actual: Mapping[str, LinkSeen]
) -> LinkChanges:
    """Return the changes that make ``actual`` serve ``desired``, both by name.

    A link made in a way the operator has ruled out since, or whose program is gone, is
    deleted and created; ``auto`` keeps whatever works.
    """
    serving = {
        name: seen
        for name, seen in actual.items()
        if name in desired and _serves(desired[name], seen)
    }
    return LinkChanges(
        delete=tuple(seen for name, seen in actual.items() if name not in serving),
        create=tuple(spec for name, spec in desired.items() if name not in serving),
        update=tuple(
            desired[name]
            for name, seen in serving.items()
            if not seen.up or seen.mtu_bytes != desired[name].mtu_bytes
        ),
    )


def _serves(spec: LinkSpec, seen: LinkSeen) -> bool:
    choices = {WireGuardChoice.AUTO.value, seen.kind.value}
    return seen.answers and spec.wireguard.value in choices
