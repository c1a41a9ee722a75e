"""A topology as the commands that build it: one small shell script per namespace."""

from kubespan.lab.topology import IPInterface, Namespace, Port, Topology

# New connections from outside are dropped, not refused: that is what home routers do,
# and a refused packet would leave a conntrack entry that takes the port away from the
# node behind (its mapping would then not keep 51820).
NAT_RULES = """\
table ip lab {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" masquerade
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "wan" ct state established,related accept
    iifname "wan" drop
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "lan" accept
  }
}
"""
# Nobody else is on these segments, and a lab shall be usable as soon as it is built.
NO_DAD = 'for knob in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >"$knob"; done'


def cable_commands(topology: Topology, namespace: Namespace) -> list[str]:
    """Return ``ip`` commands, run in `namespace`, that lay the cables it brings along.

    The pair is made by a process inside the leaf's namespace, so no end is ever seen in
    the host's, and a name such as ``eth0`` cannot clash with the host's own.
    """
    return [
        f"link add {cable.leaf.interface} type veth "
        f"peer name {cable.hub.interface} netns {topology.netns(cable.hub.namespace)}"
        for cable in topology.cables
        if cable.leaf.namespace == namespace.name
    ]


def namespace_commands(topology: Topology, namespace: Namespace) -> list[str]:
    """Return ``ip`` commands that configure all of a new namespace, in order."""
    lines = ["link set lo up"]
    for bridge in namespace.bridges:
        lines.append(f"link add {bridge.interface} type bridge")
        lines += _address_commands(bridge.interface, bridge.addresses)
        lines.append(f"link set {bridge.interface} up")
    for port in _ports(topology):
        if port.namespace == namespace.name:
            lines += port_commands(port)
    return lines + [
        f"route add default via {gateway.ip}" for gateway in namespace.gateways
    ]


def port_commands(port: Port) -> list[str]:
    """Return ``ip`` commands that configure one end of a cable."""
    name = port.interface
    mac = [f"link set {name} address {port.mac}"] if port.mac else []
    bridge = [f"link set {name} master {port.bridge}"] if port.bridge else []
    addresses = _address_commands(name, port.addresses)
    return [*mac, *bridge, *addresses, f"link set {name} up"]


def namespace_script(topology: Topology, namespace: Namespace) -> str:
    """Return a shell script that configures a namespace when run inside it."""
    lines = [NO_DAD]
    if namespace.forwards:
        lines.append("echo 1 >/proc/sys/net/ipv4/ip_forward")
        lines.append("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
    lines.append(batch_script(namespace_commands(topology, namespace)))
    if namespace.masquerades:
        lines.append(f"nft -f - <<'END'\n{NAT_RULES}END")
    return "\n".join(lines)


def batch_script(commands: list[str]) -> str:
    """Return a shell line that runs ``ip`` commands in one process, all or error."""
    body = "".join(f"{command}\n" for command in commands)
    return f"ip -batch - <<'END'\n{body}END"


def joining_ports(topology: Topology, new: frozenset[str]) -> list[Port]:
    """Return ports in namespaces that were there before `new` ones were added."""
    return [
        cable.hub
        for cable in topology.cables
        if cable.leaf.namespace in new and cable.hub.namespace not in new
    ]


def _ports(topology: Topology) -> list[Port]:
    return [port for cable in topology.cables for port in (cable.leaf, cable.hub)]


def _address_commands(name: str, addresses: tuple[IPInterface, ...]) -> list[str]:
    return [
        f"address add {address} dev {name}" + (" nodad" if address.version == 6 else "")
        for address in addresses
    ]
