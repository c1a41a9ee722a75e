"""What to do about kernel switches: set them, put them back, or tell somebody.

Source:
    kubespan.md section 4.11.
"""

from collections.abc import Iterable, Mapping

from kubespan.model.network import SysctlSpec
from kubespan.model.sysctl import SysctlPlan, SysctlState


def plan_sysctls(desired: Mapping[str, SysctlSpec], state: SysctlState) -> SysctlPlan:
    """Return which switches to set and which of ours to put back.

    A switch the kernel does not have is left alone: there is nothing that needs it.
    """
    enforced = {name: spec for name, spec in desired.items() if spec.enforce}
    write = {
        name: spec.accepted[0]
        for name, spec in enforced.items()
        if name in state.values and state.values[name] not in spec.accepted
    }
    restore = sorted(name for name in state.changed if name not in enforced)
    return SysctlPlan(write, tuple(restore))


def unmet_sysctls(
    specs: Iterable[SysctlSpec], values: Mapping[str, str]
) -> dict[str, str]:
    """Return one line for the operator per switch that only he may set, by name."""
    return {
        spec.name: (
            f"{spec.name} is {values[spec.name]}, needed is "
            f"{' or '.join(spec.accepted)}: {spec.why}"
        )
        for spec in specs
        if not spec.enforce
        and spec.name in values
        and values[spec.name] not in spec.accepted
    }
