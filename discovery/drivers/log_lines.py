"""Log records as single lines on standard error: ``key=value`` or JSON.

Text of others stands in these lines, so whatever could end one is escaped.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")


class LineFormatter(logging.Formatter):
    """Formats a record with the fields given as ``extra={"fields": …}``.

    Args:
        as_json: one JSON object a line, else ``time=… level=… msg=… key=value``.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return one line without its end."""
        fields = self._fields(record)
        if self._as_json:
            return json.dumps(fields, default=str)
        return " ".join(f"{key}={_quote(value)}" for key, value in fields.items())

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        at = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "msg": record.getMessage(),
        }
        extra = getattr(record, "fields", None)
        fields |= extra if isinstance(extra, Mapping) else {"logger": record.name}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return fields


def set_up_logging(level: str, form: str) -> None:
    """Send every record of this process to standard error, formatted."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(as_json=form == "json"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in ("asyncio", "grpc"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _quote(value: object) -> str:
    text = str(value)
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "=')
    return text if text and plain else json.dumps(text)
