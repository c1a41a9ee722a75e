"""When changes are told: at once if little happens, seldom if much does. Pure.

::

    quiet       change ── 5 ms ── told
    busy        told ───── 0.2 ms for each watcher, 100 ms at most ───── told
                      ▲   ▲ ▲       ▲      changes, all told together
"""

from dataclasses import dataclass

# Long enough that what one client says in one breath is told in one breath.
QUIET_S = 0.005
# Telling a watcher costs some 0.05 ms of a core; so telling takes a fourth of it.
WATCHER_S = 0.0002


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a change may wait for others to be told together with it.

    Attributes:
        delay_max_s: never longer than this; zero: nothing waits.
    """

    delay_max_s: float = 0.1

    def due_s(self, changed_s: float, told_s: float, watchers: int) -> float:
        """Return when to tell what changed, never ``delay_max_s`` after the change.

        Args:
            changed_s: the first change that was not told yet.
            told_s: when changes were told last, before that; monotonic like all here.
            watchers: how many have to be told.
        """
        rest_s = min(watchers * WATCHER_S, self.delay_max_s)
        return max(changed_s + min(QUIET_S, self.delay_max_s), told_s + rest_s)
