"""What is logged."""

from discovery.settings.flags.flag import Flag
from discovery.settings.values import parse_truth

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
