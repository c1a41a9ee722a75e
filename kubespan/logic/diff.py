"""What must change to turn one keyed set into another."""

from collections.abc import Mapping
from typing import TypeVar

from kubespan.model.diff import Diff

K = TypeVar("K")
V = TypeVar("V")


def diff(desired: Mapping[K, V], actual: Mapping[K, V]) -> Diff[K, V]:
    """Return the changes that make ``actual`` equal to ``desired``."""
    return Diff(
        create={k: v for k, v in desired.items() if k not in actual},
        update={k: v for k, v in desired.items() if k in actual and actual[k] != v},
        delete={k: v for k, v in actual.items() if k not in desired},
    )
