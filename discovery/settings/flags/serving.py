"""What is served, and where."""

from discovery.settings.flags.flag import Flag
from discovery.settings.values import (
    parse_duration,
    parse_endpoint,
    parse_listen_address,
    parse_optional_listen_address,
    parse_truth,
)

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
