"""Serializers: how an item becomes bytes and an item again.

Four modules, each with ``dump(value, fp, sort_keys=False)``, ``dumps(value, sort_keys=False)``,
``load(fp)`` and ``loads(data)``: `pickle` (any Python object; the default of the queues), `json`,
`msgpack` and `cbor2` (never run code). They are imported when they are first asked for, and one
whose library is missing raises `BackendNotInstalled`, an ImportError that says what to install.

`async_pickle` is `pickle` with functions that are awaited, as persist-queue has it.
`signed` wraps any of them so that changed or foreign bytes are refused before they are read.
`codec` is what the backends see of a serializer.

`pickle` loads whatever bytes it is given, and a pickle can run any code. Where others can write
to the storage of a queue, use one of the other three, or ``signed(pickle, key=…)``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pq_core.serializers._adapter import Codec, codec

if TYPE_CHECKING:
    from pq_core.serializers import async_pickle, cbor2, json, msgpack, pickle
    from pq_core.serializers._signed import Signed, signed

__all__ = [
    "Codec",
    "Signed",
    "async_pickle",
    "cbor2",
    "codec",
    "json",
    "msgpack",
    "pickle",
    "signed",
]


def __getattr__(name: str) -> Any:
    if name in ("async_pickle", "cbor2", "json", "msgpack", "pickle"):
        return import_module(f"{__name__}.{name}")
    if name in ("Signed", "signed"):  # imports OpenSSL, which takes 3 ms
        return getattr(import_module(f"{__name__}._signed"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
