"""Where a source publishes in a test."""

from collections.abc import Iterable

from kubespan.engine.resource import Kind, R


class FakePublisher:
    """Keeps what a source said: resources by kind and key, notices by subject."""

    def __init__(self) -> None:
        self.said: dict[Kind, dict[str, object]] = {}
        self.notices: dict[str, str] = {}

    def replace(self, kind: type[R], values: Iterable[R]) -> None:
        self.said[kind] = {value.key: value for value in values}

    def patch(
        self, kind: type[R], put: Iterable[R] = (), remove: Iterable[str] = ()
    ) -> None:
        shelf = self.said.setdefault(kind, {})
        shelf.update({value.key: value for value in put})
        for key in remove:
            shelf.pop(key, None)

    def warn(self, subject: str, text: str) -> None:
        if text:
            self.notices[subject] = text
        else:
            self.notices.pop(subject, None)
