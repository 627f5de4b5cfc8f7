from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PushRequest(_message.Message):
    __slots__ = ("begin", "recipe", "chunks")
    class Begin(_message.Message):
        __slots__ = ("instance_name", "digest", "size_bytes", "recipe_size_bytes", "base_digest")
        INSTANCE_NAME_FIELD_NUMBER: _ClassVar[int]
        DIGEST_FIELD_NUMBER: _ClassVar[int]
        SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
        RECIPE_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
        BASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
        instance_name: str
        digest: str
        size_bytes: int
        recipe_size_bytes: int
        base_digest: str
        def __init__(self, instance_name: _Optional[str] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., recipe_size_bytes: _Optional[int] = ..., base_digest: _Optional[str] = ...) -> None: ...
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    begin: PushRequest.Begin
    recipe: bytes
    chunks: ChunkFrame
    def __init__(self, begin: _Optional[_Union[PushRequest.Begin, _Mapping]] = ..., recipe: _Optional[bytes] = ..., chunks: _Optional[_Union[ChunkFrame, _Mapping]] = ...) -> None: ...

class PushResponse(_message.Message):
    __slots__ = ("wanted", "done")
    class Wanted(_message.Message):
        __slots__ = ("missing", "has_base")
        MISSING_FIELD_NUMBER: _ClassVar[int]
        HAS_BASE_FIELD_NUMBER: _ClassVar[int]
        missing: bytes
        has_base: bool
        def __init__(self, missing: _Optional[bytes] = ..., has_base: _Optional[bool] = ...) -> None: ...
    class Done(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    WANTED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    wanted: PushResponse.Wanted
    done: PushResponse.Done
    def __init__(self, wanted: _Optional[_Union[PushResponse.Wanted, _Mapping]] = ..., done: _Optional[_Union[PushResponse.Done, _Mapping]] = ...) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("begin", "wanted")
    class Begin(_message.Message):
        __slots__ = ("instance_name", "digest", "size_bytes")
        INSTANCE_NAME_FIELD_NUMBER: _ClassVar[int]
        DIGEST_FIELD_NUMBER: _ClassVar[int]
        SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
        instance_name: str
        digest: str
        size_bytes: int
        def __init__(self, instance_name: _Optional[str] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...
    class Wanted(_message.Message):
        __slots__ = ("missing", "base_digest", "groups")
        MISSING_FIELD_NUMBER: _ClassVar[int]
        BASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
        GROUPS_FIELD_NUMBER: _ClassVar[int]
        missing: bytes
        base_digest: str
        groups: _containers.RepeatedCompositeFieldContainer[ChunkGroup]
        def __init__(self, missing: _Optional[bytes] = ..., base_digest: _Optional[str] = ..., groups: _Optional[_Iterable[_Union[ChunkGroup, _Mapping]]] = ...) -> None: ...
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    begin: PullRequest.Begin
    wanted: PullRequest.Wanted
    def __init__(self, begin: _Optional[_Union[PullRequest.Begin, _Mapping]] = ..., wanted: _Optional[_Union[PullRequest.Wanted, _Mapping]] = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("recipe_size_bytes", "recipe", "chunks")
    RECIPE_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    recipe_size_bytes: int
    recipe: bytes
    chunks: ChunkFrame
    def __init__(self, recipe_size_bytes: _Optional[int] = ..., recipe: _Optional[bytes] = ..., chunks: _Optional[_Union[ChunkFrame, _Mapping]] = ...) -> None: ...

class ChunkGroup(_message.Message):
    __slots__ = ("chunks", "base")
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    chunks: int
    base: _containers.RepeatedCompositeFieldContainer[BaseRange]
    def __init__(self, chunks: _Optional[int] = ..., base: _Optional[_Iterable[_Union[BaseRange, _Mapping]]] = ...) -> None: ...

class BaseRange(_message.Message):
    __slots__ = ("offset", "size")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    offset: int
    size: int
    def __init__(self, offset: _Optional[int] = ..., size: _Optional[int] = ...) -> None: ...

class ChunkFrame(_message.Message):
    __slots__ = ("group", "data")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    group: ChunkGroup
    data: bytes
    def __init__(self, group: _Optional[_Union[ChunkGroup, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...
