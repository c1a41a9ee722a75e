"""The demonstration."""

import socket

import pytest

from kubespan.lab.build import lab_names
from kubespan.lab.demo import Check, Demo, render_checks
from kubespan.lab.errors import LabError

NAME = "demotest"


class FakeScreen:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, text: str) -> None:
        self.said.append(f"… {text}")


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        pytest.param([], False, id="nothing shown"),
        pytest.param([Check("a", True, "x")], True, id="all held"),
        pytest.param(
            [Check("a", True, "x"), Check("b", False, "y")], False, id="one no"
        ),
    ],
)
def test_it_holds_if_every_check_did(checks: list[Check], expected: bool) -> None:
    assert Demo(FakeScreen(), checks=checks).holds is expected


def test_checks_are_a_table() -> None:
    checks = [Check("short", True, "fine"), Check("much longer", False, "lost: 3")]

    assert render_checks(checks).splitlines() == [
        "ok      short        fine",
        "FAILED  much longer  lost: 3",
    ]


@pytest.mark.netns
def test_one_name_is_shown_by_one_process() -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"\0kslab-{NAME}")

        with pytest.raises(LabError, match="by another process"):
            Demo(FakeScreen(), name=NAME).run()


@pytest.mark.netns
@pytest.mark.timeout(300)
def test_a_real_mesh_is_shown_and_removed() -> None:
    screen = FakeScreen()
    demo = Demo(screen, name=NAME)

    holds = demo.run()

    assert holds, "\n".join(screen.said)
    assert len(demo.checks) == 7
    assert NAME not in lab_names()
