"""Why a call is not answered; each kind is one gRPC status.

::

    Refusal
    ├── InvalidRequest      INVALID_ARGUMENT    the caller can fix it
    ├── Exhausted           RESOURCE_EXHAUSTED  a limit; nothing was changed
    ├── UnreadableRequest   INTERNAL            bytes that are no message
    ├── NotAdmitted         PERMISSION_DENIED   this cluster is not served to the caller
    ├── Unavailable         UNAVAILABLE         the store cannot be written; try again
    ├── NotKnown            NOT_FOUND           health of a service that is none of ours
    └── WatcherStalled      ABORTED             it did not read; watch again
"""

from typing import ClassVar

import grpc


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """Base of every refusal; the text is for the caller and names no secret."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN


class InvalidRequest(Refusal):
    """The request breaks a rule of discovery.md 2.1."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class Exhausted(Refusal):
    """A limit of storage or rate is reached."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class UnreadableRequest(Refusal):
    """The bytes are not the message they should be."""

    code = grpc.StatusCode.INTERNAL


class NotAdmitted(Refusal):
    """The operator does not want this cluster, or not this caller."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Unavailable(Refusal):
    """The store did not take a change in time; nothing is known to be changed."""

    code = grpc.StatusCode.UNAVAILABLE


class NotKnown(Refusal):
    """The health of something was asked that is not here."""

    code = grpc.StatusCode.NOT_FOUND


class WatcherStalled(Refusal):
    """A watcher read nothing for too long."""

    code = grpc.StatusCode.ABORTED
