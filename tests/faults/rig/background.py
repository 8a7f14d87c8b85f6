"""Run an asyncio loop beside a test, so that the test itself reads from top to bottom."""

import asyncio
import threading
from contextlib import contextmanager


@contextmanager
def background_loop():
    """A loop in a thread of its own; tasks that are still running at the end are cancelled."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        stopped = asyncio.Event()
        thread = threading.Thread(target=runner.run, args=(stopped.wait(),))
        thread.start()
        try:
            yield loop
        finally:
            loop.call_soon_threadsafe(stopped.set)
            thread.join()


def run_on(loop, coroutine):
    """Run a coroutine on the loop of another thread, and wait for what it returns."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
