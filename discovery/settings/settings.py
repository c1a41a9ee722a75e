"""What the operator wants of the service: values only."""

from dataclasses import dataclass
from pathlib import Path

from discovery.settings.values import Network

# Where the reference keeps its snapshot (discovery.md 3.2).
SNAPSHOT_PATH = Path("/var/discovery-service/state.binpb")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator wants.

    Attributes:
        addr: ``host:port``; no host is every address, IPv4 and IPv6; port 0 is any.
        landing_addr: where the web pages are; empty: nowhere.
        landing_tls: serve them with the certificate of the API.
        inspect_enabled: whether they show sealed records.
        metrics_addr: where metrics and probes are; empty: nowhere.
        gc_interval_s: between two sweeps, at least 0.01.
        redirect_endpoint: ``host:port`` every Hello is sent to; empty: nowhere.
        store: ``memory`` or ``etcd``.
        snapshots_enabled: whether the memory store outlives the process.
        snapshot_path: the file it is kept in.
        snapshot_interval_s: between two snapshots; zero: every update is on disk
            before it is acknowledged.
        restore_grace_s: how long a record lives at least after it was read from disk,
            if it was alive when written.
        warm_up_s: after a restart, how long the first watch of a cluster that was not
            on disk may be held back; zero: never.
        etcd_endpoints: ``host:port`` each.
        etcd_prefix: what every key begins with.
        etcd_ca_path: PEM; given: TLS to etcd.
        etcd_certificate_path: PEM; given together with ``etcd_key_path``.
        etcd_key_path: PEM.
        certificate_path: PEM; given together with ``key_path`` or not at all.
        key_path: PEM, not encrypted.
        client_ca_path: PEM; given: only callers with a certificate of it are served.
        allowed_clusters_path: file of cluster IDs; given: no others are served.
        cluster_tokens_path: file of cluster IDs with a token each; given: calls for
            these need it.
        trust_x_real_ip: believe that header, whoever sends it.
        trust_first_x_forwarded_for: believe the first hop of that header likewise.
        trusted_proxies: whose headers are believed.
        report_client_ip: tell callers their address.
        rate_limit_per_s: calls per second and address; zero: no limit.
        rate_burst: calls an address may make at once, at least 1.
        rate_ipv6_prefix: how many bits of an IPv6 address make one client.
        clusters_max: clusters at once.
        watches_max: open watches at once.
        watches_per_cluster_max: open watches of one cluster.
        connections_max: open connections.
        rate_buckets_max: clients remembered by the rate limit.
        fan_out_delay_s: how long an update may wait for company, at most.
        watcher_stall_s: how long a watcher may take to read one message.
        drain_s: how long to go on answering after a signal, while watches end.
        drain_redirect: ``host:port`` clients are sent to meanwhile; empty: nowhere.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``text`` or ``json``.
    """

    addr: str = ":3000"
    landing_addr: str = ":3001"
    landing_tls: bool = False
    inspect_enabled: bool = True
    metrics_addr: str = ":2122"
    gc_interval_s: float = 60.0
    redirect_endpoint: str = ""
    store: str = "memory"
    snapshots_enabled: bool = True
    snapshot_path: Path = SNAPSHOT_PATH
    snapshot_interval_s: float = 600.0
    restore_grace_s: float = 300.0
    warm_up_s: float = 1.0
    etcd_endpoints: tuple[str, ...] = ("127.0.0.1:2379",)
    etcd_prefix: str = "/kubespan-discovery/"
    etcd_ca_path: Path | None = None
    etcd_certificate_path: Path | None = None
    etcd_key_path: Path | None = None
    certificate_path: Path | None = None
    key_path: Path | None = None
    client_ca_path: Path | None = None
    allowed_clusters_path: Path | None = None
    cluster_tokens_path: Path | None = None
    trust_x_real_ip: bool = False
    trust_first_x_forwarded_for: bool = False
    trusted_proxies: tuple[Network, ...] = ()
    report_client_ip: bool = True
    rate_limit_per_s: float = 15.0
    rate_burst: int = 60
    rate_ipv6_prefix: int = 64
    clusters_max: int = 100_000
    watches_max: int = 100_000
    watches_per_cluster_max: int = 4_096
    connections_max: int = 100_000
    rate_buckets_max: int = 100_000
    fan_out_delay_s: float = 0.1
    watcher_stall_s: float = 60.0
    drain_s: float = 0.0
    drain_redirect: str = ""
    log_level: str = "info"
    log_format: str = "text"
