"""A reader of the encoding in docs/step-key.md, written from that page: what it can read back cannot be ambiguous."""

from __future__ import annotations

from lamella.model import Digest, ExecutionContext, Form, Heredoc, Input, Instruction, Platform, Step


def decode_step(encoded: bytes, encoded_context: bytes) -> Step:
    fields = _fields(encoded, b"lamella.step.v1\0", last_tag=11)
    os, architecture, variant, parent, context, name, form = (_single(fields, tag) for tag in (1, 2, 3, 4, 5, 6, 8))
    assert context == Digest.of(encoded_context).raw
    return Step(
        Platform(os.decode(), architecture.decode(), variant.decode()),
        Digest(parent),
        decode_context(encoded_context),
        Instruction(
            name=name.decode(),
            arguments=tuple(value.decode() for value in _all(fields, 9)),
            flags=tuple(_pair(value) for value in _all(fields, 7)),
            form={b"\1": Form.SHELL, b"\2": Form.EXEC}[form],
            heredocs=tuple(Heredoc(*_pair(value)) for value in _all(fields, 10)),
        ),
        tuple(Input(*_texts(value, 3)) for value in _all(fields, 11)),
    )


def decode_context(encoded: bytes) -> ExecutionContext:
    fields = _fields(encoded, b"lamella.context.v1\0", last_tag=4)
    return ExecutionContext(
        env=tuple(_pair(value) for value in _all(fields, 1)),
        user=_single(fields, 2).decode(),
        workdir=_single(fields, 3).decode(),
        shell=tuple(value.decode() for value in _all(fields, 4)),
    )


def _fields(encoded: bytes, domain: bytes, last_tag: int) -> list[tuple[int, bytes]]:
    assert encoded.startswith(domain)
    place = len(domain)
    fields: list[tuple[int, bytes]] = []
    while place < len(encoded):
        tag = encoded[place]
        value, place = _take(encoded, place + 1)
        assert (fields[-1][0] if fields else 1) <= tag <= last_tag
        fields.append((tag, value))
    return fields


def _take(encoded: bytes, place: int) -> tuple[bytes, int]:
    end = place + 8 + int.from_bytes(encoded[place : place + 8], "big")
    assert end <= len(encoded)
    return encoded[place + 8 : end], end


def _texts(encoded: bytes, count: int) -> list[str]:
    texts, place = [], 0
    for _ in range(count):
        value, place = _take(encoded, place)
        texts.append(value.decode())
    assert place == len(encoded)
    return texts


def _pair(encoded: bytes) -> tuple[str, str]:
    first, second = _texts(encoded, 2)
    return first, second


def _all(fields: list[tuple[int, bytes]], tag: int) -> list[bytes]:
    return [value for found, value in fields if found == tag]


def _single(fields: list[tuple[int, bytes]], tag: int) -> bytes:
    (value,) = _all(fields, tag)
    return value
