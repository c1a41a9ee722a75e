"""Every maximum of the service, in one place.

Source: discovery.md 2.1, 3.4. What the reference does not bound and we do says so.
"""

NS_PER_S = 1_000_000_000

CLUSTER_ID_BYTES_MAX = 256
AFFILIATE_ID_BYTES_MAX = 256
AFFILIATE_DATA_BYTES_MAX = 2048
ENDPOINT_BYTES_MAX = 32
TTL_NS_MAX = 1800 * NS_PER_S

AFFILIATES_MAX = 1024
ENDPOINTS_MAX = 64

# Ours. Only repetitions can make a longer list harmless, and reading two million of
# them (4 MiB) would hold up everybody else.
ENDPOINTS_PER_REQUEST_MAX = 1024

REQUEST_BYTES_MAX = 4 * 1024 * 1024

# Ours. A call without a deadline waits for its turn, but not for ever: and no more
# of them wait than this: otherwise one address could park any number in our memory.
RATE_WAIT_NS_MAX = 60 * NS_PER_S
WAITING_CALLS_MAX = 4096

# Ours. What a client left unread when it was cut off is forgotten after this.
GIVEN_UP_S = 5.0


class LimitExceeded(Exception):  # noqa: N818 - a state of the cluster, not a mistake
    """A cluster or an affiliate is full; nothing was changed."""
