from kubespan.drivers.clock import SystemClock


def test_clocks_move_forward_and_the_wall_clock_is_in_this_century():
    clock = SystemClock()
    first_s, first_ns = clock.now_s(), clock.now_ns()

    assert clock.now_s() >= first_s
    assert clock.now_ns() >= first_ns > 1_700_000_000 * 10**9
