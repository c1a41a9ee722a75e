import pytest

from kubespan.logic.mesh.sysctl_plan import plan_sysctls, unmet_sysctls
from kubespan.model.network import SysctlSpec
from kubespan.model.sysctl import SysctlChange, SysctlPlan, SysctlState

FORWARD = "net/ipv4/ip_forward"
REVERSE = "net/ipv4/conf/all/rp_filter"


def a_switch(
    name: str = FORWARD, accepted: tuple[str, ...] = ("1",), enforce: bool = True
) -> SysctlSpec:
    return SysctlSpec(name, accepted, enforce, why="pods cannot be reached without it")


@pytest.mark.checklist(55)
@pytest.mark.parametrize(
    ("spec", "value", "written"),
    [
        pytest.param(a_switch(), "0", {FORWARD: "1"}, id="wrong"),
        pytest.param(a_switch(), "1", {}, id="right"),
        pytest.param(a_switch(accepted=("2", "0")), "0", {}, id="right in another way"),
        pytest.param(
            a_switch(accepted=("2", "0")), "1", {FORWARD: "2"}, id="the first"
        ),
        pytest.param(a_switch(enforce=False), "0", {}, id="not ours to set"),
    ],
)
def test_switch_that_is_wrong_and_ours_to_set_is_set(
    spec: SysctlSpec, value: str, written: dict[str, str]
) -> None:
    plan = plan_sysctls({spec.name: spec}, SysctlState({FORWARD: value}))

    assert plan == SysctlPlan(written)


def test_switch_the_kernel_does_not_have_is_left_alone() -> None:
    spec = a_switch(enforce=True)

    assert not plan_sysctls({spec.name: spec}, SysctlState())
    assert not unmet_sysctls([a_switch(enforce=False)], {})


@pytest.mark.parametrize(
    ("desired", "restored"),
    [
        pytest.param([], (FORWARD,), id="no longer wanted"),
        pytest.param([a_switch(enforce=False)], (FORWARD,), id="no longer ours to set"),
        pytest.param([a_switch()], (), id="still wanted"),
    ],
)
def test_switch_we_set_is_put_back_when_it_is_not_wanted(
    desired: list[SysctlSpec], restored: tuple[str, ...]
) -> None:
    state = SysctlState({FORWARD: "1"}, {FORWARD: SysctlChange("0", "1")})

    plan = plan_sysctls({spec.name: spec for spec in desired}, state)

    assert plan == SysctlPlan({}, restored)
    assert bool(plan) is bool(restored)


@pytest.mark.checklist(55)
def test_operator_is_told_what_he_must_set_himself() -> None:
    specs = [
        a_switch(enforce=False),
        a_switch(REVERSE, ("2", "0"), enforce=False),
        a_switch("net/ipv6/conf/all/forwarding", enforce=True),
    ]
    values = {FORWARD: "1", REVERSE: "1", "net/ipv6/conf/all/forwarding": "0"}

    unmet = unmet_sysctls(specs, values)

    assert unmet == {
        REVERSE: f"{REVERSE} is 1, needed is 2 or 0: pods cannot be reached without it"
    }


def test_plan_reads_like_a_diff() -> None:
    assert str(SysctlPlan({FORWARD: "1"}, (REVERSE,))) == f"{FORWARD}=1 -{REVERSE}"
