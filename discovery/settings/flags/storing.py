"""Where records are kept."""

from pathlib import Path

from discovery.settings.flags.flag import Flag
from discovery.settings.values import (
    parse_duration,
    parse_endpoints,
    parse_interval,
    parse_path,
    parse_truth,
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
        "etcd: use TLS, and check its certificates against this PEM authority",
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
