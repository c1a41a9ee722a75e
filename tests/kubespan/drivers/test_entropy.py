from kubespan.drivers.entropy import SystemEntropy


def test_bytes_are_as_many_as_asked_for_and_differ():
    entropy = SystemEntropy()

    assert len(entropy.random_bytes(32)) == 32
    assert entropy.random_bytes(32) != entropy.random_bytes(32)


def test_jitter_stays_below_one():
    entropy = SystemEntropy()

    assert all(0.0 <= entropy.jitter() < 1.0 for _ in range(1000))
