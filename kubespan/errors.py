"""Everything this program raises on purpose.

::

    KubeSpanError
    ├── ConfigError        the operator can fix it: every mistake, with its place
    ├── WireError          bytes from outside that mean nothing
    ├── StateError         a file of ours on disk cannot be used; never overwritten
    ├── DriverError        the host refused an operation; trying again may help
    └── ControlError       the daemon cannot be reached or does not understand
"""


class KubeSpanError(Exception):
    """Base of all errors raised on purpose; its text is fit for an operator."""


class ConfigError(KubeSpanError):
    """The configuration cannot be used.

    Attributes:
        problems: one line each, ``file:line:column: path: what is wrong``.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class WireError(KubeSpanError):
    """Bytes from outside that mean nothing; the sender's fault, never ours."""


class StateError(KubeSpanError):
    """A file in the state directory cannot be used as it is."""


class DriverError(KubeSpanError):
    """The host refused an operation; trying again later may help.

    Attributes:
        operation: verb and object, such as ``add route 10.0.0.0/8``.
        reason: why, in words, with what to do about it where that is known.
        errno: the kernel's answer; None if it gave none.
    """

    def __init__(self, operation: str, reason: str, errno: int | None = None) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation = operation
        self.reason = reason
        self.errno = errno


class ControlError(KubeSpanError):
    """The daemon cannot be reached, or does not understand the question."""
