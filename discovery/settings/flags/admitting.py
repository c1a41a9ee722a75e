"""Who is served."""

from discovery.settings.flags.flag import Flag
from discovery.settings.values import parse_networks, parse_path, parse_truth

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
        "lines of a cluster ID, a space and a token: calls for these clusters need "
        "the header 'authorization: Bearer TOKEN'; Talos nodes send none "
        "(default: no tokens)",
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
