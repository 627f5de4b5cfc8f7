import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatsRequest(_message.Message):
    __slots__ = ("group_by", "project", "since")
    class Field(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FIELD_UNSPECIFIED: _ClassVar[GetStatsRequest.Field]
        PROJECT: _ClassVar[GetStatsRequest.Field]
        BUILDER: _ClassVar[GetStatsRequest.Field]
        INSTRUCTION: _ClassVar[GetStatsRequest.Field]
        DAY: _ClassVar[GetStatsRequest.Field]
    FIELD_UNSPECIFIED: GetStatsRequest.Field
    PROJECT: GetStatsRequest.Field
    BUILDER: GetStatsRequest.Field
    INSTRUCTION: GetStatsRequest.Field
    DAY: GetStatsRequest.Field
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    group_by: _containers.RepeatedScalarFieldContainer[GetStatsRequest.Field]
    project: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, group_by: _Optional[_Iterable[_Union[GetStatsRequest.Field, str]]] = ..., project: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Counters(_message.Message):
    __slots__ = ("lookups", "hits", "misses", "commits", "bytes_in", "bytes_out", "saved")
    LOOKUPS_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    MISSES_FIELD_NUMBER: _ClassVar[int]
    COMMITS_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    SAVED_FIELD_NUMBER: _ClassVar[int]
    lookups: int
    hits: int
    misses: int
    commits: int
    bytes_in: int
    bytes_out: int
    saved: _duration_pb2.Duration
    def __init__(self, lookups: _Optional[int] = ..., hits: _Optional[int] = ..., misses: _Optional[int] = ..., commits: _Optional[int] = ..., bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ..., saved: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GetStatsResponse(_message.Message):
    __slots__ = ("rows",)
    class Row(_message.Message):
        __slots__ = ("project", "builder", "instruction", "day", "counters")
        PROJECT_FIELD_NUMBER: _ClassVar[int]
        BUILDER_FIELD_NUMBER: _ClassVar[int]
        INSTRUCTION_FIELD_NUMBER: _ClassVar[int]
        DAY_FIELD_NUMBER: _ClassVar[int]
        COUNTERS_FIELD_NUMBER: _ClassVar[int]
        project: str
        builder: str
        instruction: str
        day: str
        counters: Counters
        def __init__(self, project: _Optional[str] = ..., builder: _Optional[str] = ..., instruction: _Optional[str] = ..., day: _Optional[str] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ...) -> None: ...
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[GetStatsResponse.Row]
    def __init__(self, rows: _Optional[_Iterable[_Union[GetStatsResponse.Row, _Mapping]]] = ...) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("places", "projects", "total", "counted")
    class Where(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        WHERE_UNSPECIFIED: _ClassVar[GetUsageResponse.Where]
        FILES: _ClassVar[GetUsageResponse.Where]
        INDEX: _ClassVar[GetUsageResponse.Where]
        PACKS: _ClassVar[GetUsageResponse.Where]
        RECIPES: _ClassVar[GetUsageResponse.Where]
        INFLATED: _ClassVar[GetUsageResponse.Where]
        REST_OF_PACKS: _ClassVar[GetUsageResponse.Where]
    WHERE_UNSPECIFIED: GetUsageResponse.Where
    FILES: GetUsageResponse.Where
    INDEX: GetUsageResponse.Where
    PACKS: GetUsageResponse.Where
    RECIPES: GetUsageResponse.Where
    INFLATED: GetUsageResponse.Where
    REST_OF_PACKS: GetUsageResponse.Where
    class Place(_message.Message):
        __slots__ = ("where", "blobs", "bytes", "stored_bytes")
        WHERE_FIELD_NUMBER: _ClassVar[int]
        BLOBS_FIELD_NUMBER: _ClassVar[int]
        BYTES_FIELD_NUMBER: _ClassVar[int]
        STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
        where: GetUsageResponse.Where
        blobs: int
        bytes: int
        stored_bytes: int
        def __init__(self, where: _Optional[_Union[GetUsageResponse.Where, str]] = ..., blobs: _Optional[int] = ..., bytes: _Optional[int] = ..., stored_bytes: _Optional[int] = ...) -> None: ...
    class Project(_message.Message):
        __slots__ = ("project", "blobs", "bytes", "stored_bytes", "own_bytes")
        PROJECT_FIELD_NUMBER: _ClassVar[int]
        BLOBS_FIELD_NUMBER: _ClassVar[int]
        BYTES_FIELD_NUMBER: _ClassVar[int]
        STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
        OWN_BYTES_FIELD_NUMBER: _ClassVar[int]
        project: str
        blobs: int
        bytes: int
        stored_bytes: int
        own_bytes: int
        def __init__(self, project: _Optional[str] = ..., blobs: _Optional[int] = ..., bytes: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., own_bytes: _Optional[int] = ...) -> None: ...
    PLACES_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    places: _containers.RepeatedCompositeFieldContainer[GetUsageResponse.Place]
    projects: _containers.RepeatedCompositeFieldContainer[GetUsageResponse.Project]
    total: GetUsageResponse.Project
    counted: _timestamp_pb2.Timestamp
    def __init__(self, places: _Optional[_Iterable[_Union[GetUsageResponse.Place, _Mapping]]] = ..., projects: _Optional[_Iterable[_Union[GetUsageResponse.Project, _Mapping]]] = ..., total: _Optional[_Union[GetUsageResponse.Project, _Mapping]] = ..., counted: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
