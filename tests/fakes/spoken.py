"""A publisher whose words can be waited for, one by one."""

import asyncio
from collections.abc import Iterable

from kubespan.engine.resource import R
from tests.fakes.publisher import FakePublisher


class SpokenPublisher(FakePublisher):
    """Wait for the next word with ``await publisher.words.get()``."""

    def __init__(self) -> None:
        super().__init__()
        self.words: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()

    def replace(self, kind: type[R], values: Iterable[R]) -> None:
        word = tuple(values)
        super().replace(kind, word)
        self.words.put_nowait(word)
