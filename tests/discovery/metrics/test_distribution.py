from discovery.metrics.distribution import Distribution


def test_value_is_counted_in_every_bucket_that_is_not_below_it() -> None:
    distribution = Distribution((0.01, 1.0, 2.5))

    for value in (0.001, 0.01, 0.5, 2.5, 100.0):
        distribution.add(value)

    assert distribution.buckets() == [("0.01", 2), ("1", 3), ("2.5", 4), ("+Inf", 5)]
    assert distribution.sum == 103.011


def test_new_distribution_is_all_zeros() -> None:
    assert Distribution((1,)).buckets() == [("1", 0), ("+Inf", 0)]
