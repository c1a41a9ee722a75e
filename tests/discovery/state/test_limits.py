from discovery.state import limits


def test_limits_are_those_of_the_reference() -> None:
    # Source: discovery.md 2.1, 3.4.
    assert (limits.CLUSTER_ID_BYTES_MAX, limits.AFFILIATE_ID_BYTES_MAX) == (256, 256)
    assert (limits.AFFILIATE_DATA_BYTES_MAX, limits.ENDPOINT_BYTES_MAX) == (2048, 32)
    assert limits.TTL_NS_MAX == 1_800_000_000_000
    assert (limits.AFFILIATES_MAX, limits.ENDPOINTS_MAX) == (1024, 64)
