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

class Platform(_message.Message):
    __slots__ = ("os", "architecture", "variant")
    OS_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    os: str
    architecture: str
    variant: str
    def __init__(self, os: _Optional[str] = ..., architecture: _Optional[str] = ..., variant: _Optional[str] = ...) -> None: ...

class Instruction(_message.Message):
    __slots__ = ("name", "arguments", "flags", "form", "heredocs")
    class Form(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FORM_UNSPECIFIED: _ClassVar[Instruction.Form]
        SHELL: _ClassVar[Instruction.Form]
        EXEC: _ClassVar[Instruction.Form]
    FORM_UNSPECIFIED: Instruction.Form
    SHELL: Instruction.Form
    EXEC: Instruction.Form
    class Flag(_message.Message):
        __slots__ = ("name", "value")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        name: str
        value: str
        def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class Heredoc(_message.Message):
        __slots__ = ("name", "body")
        NAME_FIELD_NUMBER: _ClassVar[int]
        BODY_FIELD_NUMBER: _ClassVar[int]
        name: str
        body: str
        def __init__(self, name: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    HEREDOCS_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: _containers.RepeatedScalarFieldContainer[str]
    flags: _containers.RepeatedCompositeFieldContainer[Instruction.Flag]
    form: Instruction.Form
    heredocs: _containers.RepeatedCompositeFieldContainer[Instruction.Heredoc]
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[_Iterable[str]] = ..., flags: _Optional[_Iterable[_Union[Instruction.Flag, _Mapping]]] = ..., form: _Optional[_Union[Instruction.Form, str]] = ..., heredocs: _Optional[_Iterable[_Union[Instruction.Heredoc, _Mapping]]] = ...) -> None: ...

class ExecutionContext(_message.Message):
    __slots__ = ("env", "user", "workdir", "shell")
    class Variable(_message.Message):
        __slots__ = ("name", "value")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        name: str
        value: str
        def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ENV_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    WORKDIR_FIELD_NUMBER: _ClassVar[int]
    SHELL_FIELD_NUMBER: _ClassVar[int]
    env: _containers.RepeatedCompositeFieldContainer[ExecutionContext.Variable]
    user: str
    workdir: str
    shell: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, env: _Optional[_Iterable[_Union[ExecutionContext.Variable, _Mapping]]] = ..., user: _Optional[str] = ..., workdir: _Optional[str] = ..., shell: _Optional[_Iterable[str]] = ...) -> None: ...

class Input(_message.Message):
    __slots__ = ("kind", "name", "value")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    value: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("platform", "context", "instruction", "inputs")
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTION_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    platform: Platform
    context: ExecutionContext
    instruction: Instruction
    inputs: _containers.RepeatedCompositeFieldContainer[Input]
    def __init__(self, platform: _Optional[_Union[Platform, _Mapping]] = ..., context: _Optional[_Union[ExecutionContext, _Mapping]] = ..., instruction: _Optional[_Union[Instruction, _Mapping]] = ..., inputs: _Optional[_Iterable[_Union[Input, _Mapping]]] = ...) -> None: ...

class Layer(_message.Message):
    __slots__ = ("media_type", "digest", "size_bytes", "diff_id")
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIFF_ID_FIELD_NUMBER: _ClassVar[int]
    media_type: str
    digest: str
    size_bytes: int
    diff_id: str
    def __init__(self, media_type: _Optional[str] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., diff_id: _Optional[str] = ...) -> None: ...

class StepResult(_message.Message):
    __slots__ = ("layer", "config_change", "duration", "builder", "created")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    CONFIG_CHANGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    BUILDER_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    layer: Layer
    config_change: str
    duration: _duration_pb2.Duration
    builder: str
    created: _timestamp_pb2.Timestamp
    def __init__(self, layer: _Optional[_Union[Layer, _Mapping]] = ..., config_change: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., builder: _Optional[str] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("scope", "builder", "steps")
    class Node(_message.Message):
        __slots__ = ("step", "chain_id", "index", "inputs_pending")
        STEP_FIELD_NUMBER: _ClassVar[int]
        CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
        INDEX_FIELD_NUMBER: _ClassVar[int]
        INPUTS_PENDING_FIELD_NUMBER: _ClassVar[int]
        step: Step
        chain_id: str
        index: int
        inputs_pending: bool
        def __init__(self, step: _Optional[_Union[Step, _Mapping]] = ..., chain_id: _Optional[str] = ..., index: _Optional[int] = ..., inputs_pending: _Optional[bool] = ...) -> None: ...
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    BUILDER_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    scope: str
    builder: str
    steps: _containers.RepeatedCompositeFieldContainer[ResolveRequest.Node]
    def __init__(self, scope: _Optional[str] = ..., builder: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[ResolveRequest.Node, _Mapping]]] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("answers",)
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[ResolveResponse.Status]
        HIT: _ClassVar[ResolveResponse.Status]
        MISS: _ClassVar[ResolveResponse.Status]
        UNKNOWN: _ClassVar[ResolveResponse.Status]
    STATUS_UNSPECIFIED: ResolveResponse.Status
    HIT: ResolveResponse.Status
    MISS: ResolveResponse.Status
    UNKNOWN: ResolveResponse.Status
    class Answer(_message.Message):
        __slots__ = ("status", "key", "result", "chain_id")
        STATUS_FIELD_NUMBER: _ClassVar[int]
        KEY_FIELD_NUMBER: _ClassVar[int]
        RESULT_FIELD_NUMBER: _ClassVar[int]
        CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
        status: ResolveResponse.Status
        key: str
        result: StepResult
        chain_id: str
        def __init__(self, status: _Optional[_Union[ResolveResponse.Status, str]] = ..., key: _Optional[str] = ..., result: _Optional[_Union[StepResult, _Mapping]] = ..., chain_id: _Optional[str] = ...) -> None: ...
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[ResolveResponse.Answer]
    def __init__(self, answers: _Optional[_Iterable[_Union[ResolveResponse.Answer, _Mapping]]] = ...) -> None: ...

class CommitRequest(_message.Message):
    __slots__ = ("scope", "builder", "step", "parent_chain_id", "key", "result")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    BUILDER_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PARENT_CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    scope: str
    builder: str
    step: Step
    parent_chain_id: str
    key: str
    result: StepResult
    def __init__(self, scope: _Optional[str] = ..., builder: _Optional[str] = ..., step: _Optional[_Union[Step, _Mapping]] = ..., parent_chain_id: _Optional[str] = ..., key: _Optional[str] = ..., result: _Optional[_Union[StepResult, _Mapping]] = ...) -> None: ...

class CommitResponse(_message.Message):
    __slots__ = ("result", "chain_id", "created")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    result: StepResult
    chain_id: str
    created: bool
    def __init__(self, result: _Optional[_Union[StepResult, _Mapping]] = ..., chain_id: _Optional[str] = ..., created: _Optional[bool] = ...) -> None: ...
