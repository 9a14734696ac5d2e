"""The serializers: `pickle`, `json`, `msgpack`, `cbor2`, and `signed` around any of them.

Each of the four is a module with `dump`, `dumps`, `load` and `loads`. What msgpack and cbor2 need
comes with ``pip install "persist-queue[extra]"``. `async_pickle` is `pickle` with functions that are
awaited, as persist-queue has it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pq_core.serializers import signed

if TYPE_CHECKING:
    from pq_core.serializers import async_pickle, cbor2, json, msgpack, pickle

__all__ = ["async_pickle", "cbor2", "json", "msgpack", "pickle", "signed"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
