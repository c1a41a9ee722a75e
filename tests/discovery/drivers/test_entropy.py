from discovery.drivers.entropy import spread


def test_delays_are_spread_over_their_second_half() -> None:
    delays = {spread(2.0) for _ in range(100)}

    assert len(delays) > 50
    assert all(1.0 <= delay <= 2.0 for delay in delays)
