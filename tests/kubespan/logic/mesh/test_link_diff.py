import pytest

from kubespan.logic.mesh.link_diff import diff_links
from kubespan.model.link import LinkChanges, LinkKind, LinkSeen
from kubespan.model.wireguard import WireGuardChoice
from tests.wireguard_builders import LINK, a_link


def seen(
    kind: LinkKind = LinkKind.USERSPACE,
    mtu_bytes: int = 1420,
    *,
    up: bool = True,
    answers: bool = True,
) -> LinkSeen:
    return LinkSeen(LINK, kind, mtu_bytes, up, answers)


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (WireGuardChoice.AUTO, LinkKind.USERSPACE),
        (WireGuardChoice.AUTO, LinkKind.KERNEL),
        (WireGuardChoice.USERSPACE, LinkKind.USERSPACE),
        (WireGuardChoice.KERNEL, LinkKind.KERNEL),
    ],
)
def test_link_that_works_in_an_allowed_way_is_kept(
    choice: WireGuardChoice, kind: LinkKind
):
    assert not diff_links({LINK: a_link(wireguard=choice)}, {LINK: seen(kind)})


@pytest.mark.parametrize(
    ("choice", "actual"),
    [
        pytest.param(
            WireGuardChoice.KERNEL, seen(LinkKind.USERSPACE), id="program ruled out"
        ),
        pytest.param(
            WireGuardChoice.USERSPACE, seen(LinkKind.KERNEL), id="kernel ruled out"
        ),
        pytest.param(WireGuardChoice.AUTO, seen(answers=False), id="program gone"),
    ],
)
def test_link_that_does_not_serve_is_made_anew(
    choice: WireGuardChoice, actual: LinkSeen
):
    spec = a_link(wireguard=choice)

    changes = diff_links({LINK: spec}, {LINK: actual})

    assert changes == LinkChanges(delete=(actual,), create=(spec,))
    assert str(changes) == "-kubespan +kubespan"


@pytest.mark.parametrize(
    "actual",
    [
        pytest.param(seen(mtu_bytes=1300), id="MTU"),
        pytest.param(seen(up=False), id="down"),
    ],
)
def test_link_with_another_mtu_or_state_is_updated(actual: LinkSeen):
    changes = diff_links({LINK: a_link()}, {LINK: actual})

    assert changes == LinkChanges(update=(a_link(),))
    assert str(changes) == "~kubespan"


def test_missing_link_is_created_and_unwanted_one_deleted():
    changes = diff_links({"other": a_link("other")}, {LINK: seen()})

    assert changes == LinkChanges(delete=(seen(),), create=(a_link("other"),))
