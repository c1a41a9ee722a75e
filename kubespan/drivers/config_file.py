"""The configuration file: read at start, again when told to, and when it changes.

Every second the file is read and compared by content: time stamps miss changes that
keep them, and a directory whose symbolic links are swapped (Kubernetes volumes) has
other ones. A change counts once it was seen twice, so that half a file is not taken
for a whole one.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kubespan.config.hints import config_hints
from kubespan.config.parse import parse_config
from kubespan.config.yaml_nodes import SIZE_MAX_BYTES
from kubespan.drivers.atomic_file import read_file
from kubespan.engine.edges import Publisher
from kubespan.engine.waiting import wait_at_most
from kubespan.errors import ConfigError, StateError
from kubespan.model.config import Config

log = logging.getLogger(__name__)

POLL_S: Final = 1.0
_KEPT: Final = "not loaded, the configuration before stays in force: "


def read_config_text(path: Path) -> str:
    """Return the content of a configuration file.

    Raises:
        ConfigError: missing, unreadable, too large or not UTF-8.
    """
    try:
        content = read_file(path, SIZE_MAX_BYTES)
    except StateError as error:
        raise ConfigError((str(error),)) from error
    if content is None:
        raise ConfigError((f"{path}: no such file",))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        said = f"{path}: not UTF-8 text, from byte {error.start + 1} on"
        raise ConfigError((said,)) from None


def load_config(path: Path) -> Config:
    """Return what a file configures.

    Raises:
        ConfigError: it cannot be read, or with every mistake in it.
    """
    return parse_config(read_config_text(path), str(path))


class ConfigFile:
    """Source of :class:`Config`; what does not validate changes nothing.

    Args:
        path: may be a symbolic link.
        initial: what it said at start; in force until it says something else.
        poll_s: how often to look.
    """

    def __init__(self, path: Path, initial: Config, poll_s: float = POLL_S) -> None:
        self._path = path
        self._config = initial
        self._poll_s = poll_s
        self._asked = asyncio.Event()
        self._seen: _Observation | None = None
        self._judged: _Observation | None = None

    @property
    def config(self) -> Config:
        """What is in force."""
        return self._config

    def reload(self) -> None:
        """Read the file now; from a signal handler of the event loop."""
        self._asked.set()

    async def run(self, publisher: Publisher) -> None:
        """Publish what is in force, and whatever replaces it."""
        self._publish(publisher)
        while True:
            await self._look(publisher)
            await self._pause()

    async def _look(self, publisher: Publisher) -> None:
        at_once = self._asked.is_set()
        self._asked.clear()
        seen = await asyncio.to_thread(_observe, self._path)
        settled = at_once or seen == self._seen
        self._seen = seen
        if settled and (at_once or seen != self._judged):
            self._judged = seen
            await self._judge(seen, publisher)

    async def _judge(self, seen: "_Observation", publisher: Publisher) -> None:
        """Put what was seen in force, if it is valid; parsing may take a moment."""
        try:
            config = await asyncio.to_thread(seen.config, self._path)
        except ConfigError as error:
            publisher.warn("file", _KEPT + "; ".join(error.problems))
            return
        publisher.warn("file", "")
        if config != self._config:
            log.info("configuration loaded from %s", self._path)
            self._config = config
            self._publish(publisher)

    def _publish(self, publisher: Publisher) -> None:
        publisher.replace(Config, (self._config,))
        publisher.warn("hints", "; ".join(config_hints(self._config)))

    async def _pause(self) -> None:
        await wait_at_most(self._asked, self._poll_s)


@dataclass(frozen=True, slots=True)
class _Observation:
    """What one look at the file showed: its text, or why there is none."""

    text: str = field(default="", repr=False)
    problems: tuple[str, ...] = ()

    def config(self, path: Path) -> Config:
        if self.problems:
            raise ConfigError(self.problems)
        return parse_config(self.text, str(path))


def _observe(path: Path) -> _Observation:
    try:
        return _Observation(text=read_config_text(path))
    except ConfigError as error:
        return _Observation(problems=error.problems)
