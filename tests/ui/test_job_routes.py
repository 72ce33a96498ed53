"""The stream of what changes by itself."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from augment.store import Store
from tests.ui.desks import desk_of
from ui.job_routes import _stream


def test_the_stream_of_an_open_page_ends_when_the_server_closes(store: Store):
    """Otherwise Ctrl+C waits for the page, until gradio gives up on it."""
    closing = asyncio.Event()
    closing.set()

    async def is_disconnected() -> bool:
        raise AssertionError("the stream goes on")

    async def said() -> list[str]:
        request = SimpleNamespace(app=SimpleNamespace(stop_event=closing), is_disconnected=is_disconnected)
        return [text async for text in _stream(request, desk_of(store).of(request))]

    # In a thread of its own: the browser's driver keeps a loop running in this one for as long as tests run.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(said())).result() == ["retry: 1000\n\n"]
