"""Says in the log which peers come up and which go down."""

import logging
from collections.abc import Iterable

from kubespan.model.peer import PeerOutlook, PeerState

log = logging.getLogger(__name__)


class PeerLog:
    """Told of all peers, logs what changed; nothing while nothing changes."""

    def __init__(self) -> None:
        self._state_by_key: dict[str, PeerState] = {}
        self._name_by_key: dict[str, str] = {}

    def deliver(self, outlooks: Iterable[PeerOutlook]) -> None:
        """Log peers that are new, gone, up or down since the last time."""
        states: dict[str, PeerState] = {}
        names: dict[str, str] = {}
        for outlook in outlooks:
            states[outlook.key], names[outlook.key] = outlook.state, outlook.name
            before = self._state_by_key.get(outlook.key)
            if before is not outlook.state:
                _tell(outlook, before)
        for key in self._state_by_key.keys() - states.keys():
            log.info("peer %r is gone: no registry lists it", self._name_by_key[key])
        self._state_by_key, self._name_by_key = states, names


def _tell(outlook: PeerOutlook, before: PeerState | None) -> None:
    """Log one change; a trial that begins again is no news."""
    if outlook.state is PeerState.UP:
        log.info("peer %r is up at %s", outlook.name, outlook.endpoint)
    elif outlook.state is PeerState.DOWN or before is PeerState.UP:
        log.warning("peer %r is not up: %s", outlook.name, outlook.reason)
    elif before is None:
        log.info("peer %r is new", outlook.name)
