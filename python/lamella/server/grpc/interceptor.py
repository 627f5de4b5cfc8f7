"""Turns what a service raises into a status, around every method of every service of ours."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import grpc.aio

from lamella.errors import LamellaError
from lamella.server.grpc.status import DETAILS_KEY, code_of, text_of, to_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from lamella.server.grpc.caller import Context
    from lamella.server.grpc.calls import Calls

logger = logging.getLogger(__name__)

FOREIGN = "/grpc."
"""Health and reflection are gRPC's own services and answer for themselves."""


class ErrorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # generic in the stubs only
    """A domain error becomes its status; any other is logged and becomes INTERNAL, without its text.

    Every call is counted while it runs.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap the handler of a method; there is none where the method is not known."""
        handler: Any = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(FOREIGN):
            return handler
        codecs = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._single(handler.unary_unary, method), *codecs)
        if handler.stream_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._single(handler.stream_unary, method), *codecs)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, method), *codecs)
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream, method), *codecs)
        return handler

    def _single(self, behavior: Callable[..., Any], method: str) -> Callable[..., Any]:
        async def call(request: Any, context: Context) -> Any:
            self._calls.begin(context)
            try:
                return await behavior(request, context)
            except Exception as error:  # noqa: BLE001 - every error ends in a status
                await _abort(context, error, method)

        return call

    def _stream(self, behavior: Callable[..., Any], method: str) -> Callable[..., Any]:
        async def call(request: Any, context: Context) -> AsyncIterator[Any]:
            self._calls.begin(context)
            try:
                async with aclosing(behavior(request, context)) as responses:
                    async for response in responses:
                        yield response
            except Exception as error:  # noqa: BLE001 - every error ends in a status
                await _abort(context, error, method)

        return call


async def _abort(context: Context, error: Exception, method: str) -> NoReturn:
    if not isinstance(error, LamellaError):
        logger.error("%s failed", method, exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, "the server made a mistake; its log says more")
    code = code_of(error)
    if code is grpc.StatusCode.INTERNAL:
        logger.error("%s failed", method, exc_info=error)
    await context.abort(code, text_of(error), ((DETAILS_KEY, to_status(error).SerializeToString()),))
