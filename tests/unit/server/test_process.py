import asyncio

import pytest

from lamella.server import process


async def fail() -> None:
    raise ZeroDivisionError("a mistake")


async def test_a_background_task_that_fails_is_logged_while_the_server_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with process._background(asyncio.sleep(60), fail()):
        await asyncio.sleep(0.01)
        assert "ZeroDivisionError: a mistake" in caplog.text
    assert caplog.text.count("a background task failed") == 1
