from discovery.service.log_budget import LogBudget

S = 10**9


def test_so_many_lines_a_second_pass() -> None:
    clock = [0]
    budget = LogBudget(3, lambda: clock[0])

    first = [budget.take() for _ in range(5)]
    clock[0] = S
    second = [budget.take() for _ in range(4)]

    assert first == [True] * 3 + [False] * 2
    assert second == [True] * 3 + [False]


def test_what_was_not_written_is_counted_and_told_once() -> None:
    budget = LogBudget(1, lambda: 0)

    for _ in range(4):
        budget.take()

    assert (budget.take_suppressed(), budget.take_suppressed()) == (3, 0)
