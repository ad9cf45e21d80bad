from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HintAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HINT_ACTION_UNSPECIFIED: _ClassVar[HintAction]
    HINT_ACTION_WITHDRAW: _ClassVar[HintAction]
    HINT_ACTION_RESTORE: _ClassVar[HintAction]
HINT_ACTION_UNSPECIFIED: HintAction
HINT_ACTION_WITHDRAW: HintAction
HINT_ACTION_RESTORE: HintAction

class Hint(_message.Message):
    __slots__ = ("origin", "epoch", "sequence", "action", "link", "prefixes", "reason", "since_unix_nano", "lease_nano")
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    LEASE_NANO_FIELD_NUMBER: _ClassVar[int]
    origin: str
    epoch: int
    sequence: int
    action: HintAction
    link: str
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    since_unix_nano: int
    lease_nano: int
    def __init__(self, origin: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., action: _Optional[_Union[HintAction, str]] = ..., link: _Optional[str] = ..., prefixes: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., since_unix_nano: _Optional[int] = ..., lease_nano: _Optional[int] = ...) -> None: ...
