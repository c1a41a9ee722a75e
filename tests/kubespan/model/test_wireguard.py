from kubespan.model.keys import PublicKey, SecretKey
from kubespan.model.wireguard import WireGuardChange, WireGuardPeerChange

KEY = PublicKey(bytes(32))


def test_change_is_false_only_when_it_changes_nothing():
    assert not WireGuardChange("kubespan")
    assert WireGuardChange("kubespan", mark=0)
    assert WireGuardChange("kubespan", remove=(KEY,))


def test_change_reads_as_counts_and_never_shows_a_secret():
    secret = SecretKey(bytes(32))
    peer = WireGuardPeerChange(KEY, new=True, preshared_key=secret)
    change = WireGuardChange("kubespan", private_key=secret, set_peers=(peer,))

    assert str(change) == "kubespan: +1 ~0 -0 peers"
    assert secret.to_base64() not in repr(change)
