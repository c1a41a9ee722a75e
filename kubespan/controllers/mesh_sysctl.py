"""Kernel switches the mesh relies on.

Source:
    kubespan.md section 4.11.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.mesh.sysctl_plan import unmet_sysctls
from kubespan.logic.mesh.sysctls import mesh_sysctls
from kubespan.model.affiliate import LocalAffiliate
from kubespan.model.config import Config
from kubespan.model.identity import MeshIdentity
from kubespan.model.network import SysctlSpec
from kubespan.model.sysctl import SysctlValue


def reconcile(view: View) -> Iterable[SysctlSpec] | None:
    """Return the switches, and tell of those only the operator may set."""
    config, mesh = view.one(Config), view.one(MeshIdentity)
    if config is None:
        return None
    if mesh is None:
        return ()
    advertised = {
        prefix
        for local in view.all(LocalAffiliate)
        for prefix in local.affiliate.kubespan.additional_addresses
    }
    specs = mesh_sysctls(advertised, config.host.sysctls)
    values = {seen.name: seen.value for seen in view.all(SysctlValue)}
    for name, text in unmet_sysctls(specs, values).items():
        view.warn(name, text)
    return specs


MESH_SYSCTL = Controller(
    name="mesh_sysctl",
    reads=(Config, MeshIdentity, LocalAffiliate, SysctlValue),
    writes=SysctlSpec,
    reconcile=reconcile,
)
