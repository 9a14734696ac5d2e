"""The async examples that users were shown work as they stand, but for their paths."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import pytest

QUICK = """
import asyncio
from persistqueue import AsyncQueue

async def main():
    async with AsyncQueue("path/to/queue") as queue:
        await queue.put("async item")
        item = await queue.get()
        await queue.task_done()
    return item

result = asyncio.run(main())
"""
BOTH = """
import asyncio
from persistqueue import AsyncQueue, AsyncSQLiteQueue

async def example():
    # File-based async queue
    async with AsyncQueue("path/to/queue") as queue:
        await queue.put("data item")
        item = await queue.get()
        await queue.task_done()

    # SQLite-based async queue
    async with AsyncSQLiteQueue("path/to/queue.db") as queue:
        item_id = await queue.put({"key": "value"})
        item = await queue.get()
        await queue.update({"key": "new_value"}, item_id)
        await queue.task_done()
    return item_id, item

result = asyncio.run(example())
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_quick_start() -> None:
    """put, get and task_done inside `async with`."""
    names: dict[str, object] = {}
    exec(QUICK, names)
    assert names["result"] == "async item"


def test_the_example_of_both_kinds() -> None:
    """Put returns the id that update takes; an update of an item that was got is no error."""
    names: dict[str, object] = {}
    exec(BOTH, names)
    assert names["result"] == (1, {"key": "value"})


@pytest.mark.parametrize("module", ["async_queue", "async_sqlqueue"])
def test_the_module_names(module: str) -> None:
    """The classes can be imported from the modules that had them."""
    found = importlib.import_module(f"persistqueue.{module}")
    assert all(hasattr(found, name) for name in found.__all__)


def test_update_of_what_waits() -> None:
    """The id that put returns is that of the item which update replaces."""
    from persistqueue import AsyncSQLiteQueue

    async def main() -> None:
        queue = AsyncSQLiteQueue[dict[str, int]]("path/to/queue.db")
        first = await queue.put({"n": 1})
        second = await queue.put({"n": 2})
        assert await queue.update({"n": 20}, second) == second
        assert await queue.update({"n": 10}, first) == first
        assert [await queue.get(), await queue.get()] == [{"n": 10}, {"n": 20}]
        await queue.close()

    asyncio.run(main())
