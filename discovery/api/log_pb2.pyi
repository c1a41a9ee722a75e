from discovery.api import storage_pb2 as _storage_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LogRecords(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[LogRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[LogRecord, _Mapping]]] = ...) -> None: ...

class LogRecord(_message.Message):
    __slots__ = ("written_at_ns", "cluster_id", "affiliate", "deleted_id")
    WRITTEN_AT_NS_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    AFFILIATE_FIELD_NUMBER: _ClassVar[int]
    DELETED_ID_FIELD_NUMBER: _ClassVar[int]
    written_at_ns: int
    cluster_id: str
    affiliate: _storage_pb2.AffiliateSnapshot
    deleted_id: str
    def __init__(self, written_at_ns: _Optional[int] = ..., cluster_id: _Optional[str] = ..., affiliate: _Optional[_Union[_storage_pb2.AffiliateSnapshot, _Mapping]] = ..., deleted_id: _Optional[str] = ...) -> None: ...
