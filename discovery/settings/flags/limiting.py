"""How much is served."""

from discovery.settings.flags.flag import Flag
from discovery.settings.values import (
    parse_burst,
    parse_count,
    parse_duration,
    parse_interval,
    parse_prefix_bits,
    parse_rate,
)

LIMITING = (
    Flag(
        "rate-limit",
        "rate_limit_per_s",
        parse_rate,
        "NUMBER",
        "calls per second and client address, more must wait; 0: no limit (default 15)",
    ),
    Flag(
        "rate-burst",
        "rate_burst",
        parse_burst,
        "NUMBER",
        "calls a client address may make at once (default 60)",
    ),
    Flag(
        "rate-ipv6-prefix",
        "rate_ipv6_prefix",
        parse_prefix_bits,
        "BITS",
        "IPv6 addresses with so many leading bits in common are one client "
        "(default 64)",
    ),
    Flag(
        "max-clusters",
        "clusters_max",
        parse_count,
        "NUMBER",
        "clusters at once (default 100000)",
    ),
    Flag(
        "max-watches",
        "watches_max",
        parse_count,
        "NUMBER",
        "open watches at once (default 100000)",
    ),
    Flag(
        "max-watches-per-cluster",
        "watches_per_cluster_max",
        parse_count,
        "NUMBER",
        "open watches of one cluster (default 4096)",
    ),
    Flag(
        "max-connections",
        "connections_max",
        parse_count,
        "NUMBER",
        "open connections at once (default 100000)",
    ),
    Flag(
        "max-rate-buckets",
        "rate_buckets_max",
        parse_count,
        "NUMBER",
        "client addresses the rate limit remembers (default 100000)",
    ),
    Flag(
        "fan-out-delay",
        "fan_out_delay_s",
        parse_duration,
        "DURATION",
        "how long an update may wait at most for others to be sent with it, when many "
        "watch and much changes (default 100ms)",
    ),
    Flag(
        "watcher-stall",
        "watcher_stall_s",
        parse_interval,
        "DURATION",
        "how long a watcher may take to read one message (default 1m)",
    ),
)
