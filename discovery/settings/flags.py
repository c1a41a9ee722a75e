"""The table of flags: name, field, how it is read, and what the operator reads.

Names and defaults of the reference are kept where they exist there (discovery.md
3.2), with one difference on purpose: no header is trusted by default.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from discovery.settings.values import (
    parse_burst,
    parse_count,
    parse_duration,
    parse_endpoint,
    parse_endpoints,
    parse_interval,
    parse_listen_address,
    parse_networks,
    parse_optional_listen_address,
    parse_path,
    parse_prefix_bits,
    parse_rate,
    parse_truth,
)


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    Attributes:
        name: without dashes.
        field: of ``Settings``; empty for one that only changes others.
        parse: from text to value; raises ``ValueError`` with a sentence.
        metavar: what stands for its value in the help.
        help: one sentence, with the default.
        choices: the only values, if there are few.
    """

    name: str
    field: str
    parse: Callable[[str], object]
    metavar: str
    help: str
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Flags about one subject, under one heading of the help."""

    title: str
    flags: tuple[Flag, ...]


SERVING = (
    Flag(
        "addr",
        "addr",
        parse_listen_address,
        "HOST:PORT",
        "serve the API here; without host on every IPv4 and IPv6 address "
        "(default :3000)",
    ),
    Flag(
        "landing-addr",
        "landing_addr",
        parse_optional_listen_address,
        "HOST:PORT",
        "serve the web pages here; empty: nowhere (default :3001)",
    ),
    Flag(
        "landing-tls",
        "landing_tls",
        parse_truth,
        "BOOL",
        "serve them with the certificate of the API (default false)",
    ),
    Flag(
        "inspect",
        "inspect_enabled",
        parse_truth,
        "BOOL",
        "whether the page /inspect shows sealed records (default true)",
    ),
    Flag(
        "metrics-addr",
        "metrics_addr",
        parse_optional_listen_address,
        "HOST:PORT",
        "serve /metrics, /healthz and /readyz here; empty: nowhere (default :2122)",
    ),
    Flag(
        "redirect-endpoint",
        "redirect_endpoint",
        parse_endpoint,
        "HOST:PORT",
        "tell every client to go there instead (default: nowhere)",
    ),
    Flag(
        "report-client-ip",
        "report_client_ip",
        parse_truth,
        "BOOL",
        "tell callers their address: how nodes behind NAT learn it (default true)",
    ),
    Flag(
        "drain-time",
        "drain_s",
        parse_duration,
        "DURATION",
        "after a signal, end the watches over this time and answer meanwhile "
        "(default 0: at once)",
    ),
    Flag(
        "drain-redirect",
        "drain_redirect",
        parse_endpoint,
        "HOST:PORT",
        "while draining, tell every client to go there (default: nowhere)",
    ),
)
STORING = (
    Flag(
        "store",
        "store",
        str,
        "STORE",
        "memory: this process alone; etcd: several replicas act as one "
        "(default memory)",
        ("memory", "etcd"),
    ),
    Flag(
        "gc-interval",
        "gc_interval_s",
        parse_interval,
        "DURATION",
        "how often to remove what has expired, such as 30s or 500ms (default 1m)",
    ),
    Flag(
        "warm-up",
        "warm_up_s",
        parse_duration,
        "DURATION",
        "after a restart, hold back the first watch of a cluster that was not on disk "
        "for at most so long, so that nobody is shown an empty cluster (default 1s)",
    ),
    Flag(
        "snapshots-enabled",
        "snapshots_enabled",
        parse_truth,
        "BOOL",
        "memory: keep what is stored in a file (default true)",
    ),
    Flag(
        "snapshot-path",
        "snapshot_path",
        Path,
        "FILE",
        "memory: that file (default /var/discovery-service/state.binpb)",
    ),
    Flag(
        "snapshot-interval",
        "snapshot_interval_s",
        parse_duration,
        "DURATION",
        "memory: how often it is written; 0: every update is on disk before it is "
        "acknowledged (default 10m)",
    ),
    Flag(
        "restore-grace",
        "restore_grace_s",
        parse_duration,
        "DURATION",
        "memory: how long a record that ran out while the service was away still "
        "lives after the start (default 5m)",
    ),
    Flag(
        "etcd-endpoints",
        "etcd_endpoints",
        parse_endpoints,
        "HOST:PORT,...",
        "etcd: its members (default 127.0.0.1:2379)",
    ),
    Flag(
        "etcd-prefix",
        "etcd_prefix",
        str,
        "TEXT",
        "etcd: what every key begins with (default /kubespan-discovery/)",
    ),
    Flag(
        "etcd-ca-path",
        "etcd_ca_path",
        parse_path,
        "FILE",
        "etcd: PEM authority its certificates are checked against: use TLS",
    ),
    Flag(
        "etcd-certificate-path",
        "etcd_certificate_path",
        parse_path,
        "FILE",
        "etcd: PEM certificate this service shows it",
    ),
    Flag(
        "etcd-key-path",
        "etcd_key_path",
        parse_path,
        "FILE",
        "etcd: PEM key of that certificate",
    ),
)
ADMITTING = (
    Flag(
        "certificate-path",
        "certificate_path",
        parse_path,
        "FILE",
        "PEM certificate and chain: serve TLS; a changed file is noticed",
    ),
    Flag("key-path", "key_path", parse_path, "FILE", "PEM key of that certificate"),
    Flag(
        "client-ca-path",
        "client_ca_path",
        parse_path,
        "FILE",
        "PEM authority: serve only callers that show a certificate of it",
    ),
    Flag(
        "allowed-clusters-path",
        "allowed_clusters_path",
        parse_path,
        "FILE",
        "serve only the cluster IDs in this file, one a line; a changed file is "
        "noticed (default: every cluster)",
    ),
    Flag(
        "cluster-tokens-path",
        "cluster_tokens_path",
        parse_path,
        "FILE",
        "lines of a cluster ID and a token: calls for these clusters need the header "
        "'authorization: Bearer TOKEN'; Talos nodes send none (default: no tokens)",
    ),
    Flag(
        "trusted-proxies",
        "trusted_proxies",
        parse_networks,
        "NETWORK,...",
        "believe x-real-ip and x-forwarded-for from these addresses (default: nobody)",
    ),
    Flag(
        "trust-x-real-ip",
        "trust_x_real_ip",
        parse_truth,
        "BOOL",
        "believe this header from anybody, as the official service does; only where "
        "nobody but a proxy that sets it can connect (default false)",
    ),
    Flag(
        "trust-first-x-forwarded-for",
        "trust_first_x_forwarded_for",
        parse_truth,
        "BOOL",
        "the same for the first address of this header (default false)",
    ),
)
LIMITING = (
    Flag(
        "rate-limit",
        "rate_limit_per_s",
        parse_rate,
        "NUMBER",
        "calls per second and client address, more must wait; 0: any (default 15)",
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
LOGGING = (
    Flag(
        "log-level",
        "log_level",
        str,
        "LEVEL",
        "debug (every call), info, warning or error (default info)",
        ("debug", "info", "warning", "error"),
    ),
    Flag(
        "log-format",
        "log_format",
        str,
        "FORMAT",
        "text or json (default text)",
        ("text", "json"),
    ),
    Flag(
        "debug",
        "",
        parse_truth,
        "BOOL",
        "the same as --log-level=debug --log-format=text (default false)",
    ),
)
GROUPS = (
    Group("what is served, and where", SERVING),
    Group("where records are kept", STORING),
    Group("who is served", ADMITTING),
    Group("how much is served", LIMITING),
    Group("what is logged", LOGGING),
)
FLAGS = tuple(flag for group in GROUPS for flag in group.flags)
