from discovery.drivers.clock import monotonic_ns


def test_time_does_not_go_back() -> None:
    assert monotonic_ns() <= monotonic_ns()
