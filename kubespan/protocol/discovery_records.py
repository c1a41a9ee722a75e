"""What a discovery service stores and sends: opaque blobs, and what they opened to."""

from dataclasses import dataclass

from kubespan.model.affiliate import Affiliate


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """One affiliate as a service has it.

    Attributes:
        affiliate_id: the envelope: chosen by whoever sent it.
        data: sealed affiliate; empty when only endpoints are known.
        endpoints: sealed endpoints, in the order they were first reported.
    """

    affiliate_id: str
    data: bytes
    endpoints: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A sealed record and what was inside.

    Attributes:
        affiliate: with its endpoints; None if the data did not open or parse.
        skipped_endpoints: how many endpoint blobs did not open or parse.
    """

    sealed: SealedRecord
    affiliate: Affiliate | None
    skipped_endpoints: int = 0


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record to be kept on disk.

    Attributes:
        missing_since_ns: wall clock of the snapshot that lacked it; 0 while listed.
    """

    sealed: SealedRecord
    missing_since_ns: int = 0


@dataclass(frozen=True, slots=True)
class WatchMessage:
    """One message of a watch.

    Attributes:
        records: all of them deleted, or none.
        deleted: then only the IDs of the records mean anything.
        unreadable: how many records were not even records.
    """

    records: tuple[OpenedRecord, ...]
    deleted: bool = False
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Update:
    """One ``AffiliateUpdate``: ours, or endpoints we saw of somebody else.

    Attributes:
        data: sealed affiliate; empty leaves what the service has.
        endpoints: sealed; added to what the service has.
    """

    affiliate_id: str
    data: bytes = b""
    endpoints: tuple[bytes, ...] = ()
