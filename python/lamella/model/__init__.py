"""Frozen value types: the words of the project, with their invariants, and nothing that does I/O."""

from lamella.model.chain import SCRATCH, chain_id, extend_chain
from lamella.model.descriptor import (
    MEDIA_TYPE_LAYER,
    MEDIA_TYPE_LAYER_GZIP,
    MEDIA_TYPE_LAYER_ZSTD,
    Descriptor,
    Layer,
)
from lamella.model.digest import EMPTY, Digest
from lamella.model.group_by import GroupBy
from lamella.model.platform import Platform
from lamella.model.scope import Scope
from lamella.model.sha512 import BlobName, Sha512
from lamella.model.step import ExecutionContext, Form, Heredoc, Input, Instruction, Step, StepResult

__all__ = [
    "EMPTY",
    "MEDIA_TYPE_LAYER",
    "MEDIA_TYPE_LAYER_GZIP",
    "MEDIA_TYPE_LAYER_ZSTD",
    "SCRATCH",
    "BlobName",
    "Descriptor",
    "Digest",
    "ExecutionContext",
    "Form",
    "GroupBy",
    "Heredoc",
    "Input",
    "Instruction",
    "Layer",
    "Platform",
    "Scope",
    "Sha512",
    "Step",
    "StepResult",
    "chain_id",
    "extend_chain",
]
