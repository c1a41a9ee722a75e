from ipaddress import ip_address, ip_interface, ip_network

from kubespan.model.identity import MeshIdentity
from kubespan.model.keys import PublicKey, SecretKey


def test_mesh_address_is_also_known_without_its_length():
    identity = MeshIdentity(
        address=ip_interface("fd00::1/128"),
        subnet=ip_network("fd00::/64"),
        private_key=SecretKey(bytes(32)),
        public_key=PublicKey(bytes(32)),
        cluster_id="abc",
        from_hardware=True,
    )

    assert identity.ip == ip_address("fd00::1")
    assert identity.key == "local"
