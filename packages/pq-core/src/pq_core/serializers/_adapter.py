"""A codec: the one shape in which every backend sees every serializer.

A backend turns each item into bytes exactly once, so what stands between it and the serializer
counts. A codec therefore has each direction twice:

- `encode` and `decode` raise nothing but `EncodeError` and `DecodeError` (and MemoryError, which
  says nothing about the item). Use them wherever 40 ns do not matter.
- `dumps` and `loads` are the bare functions, for pickle those of the standard library. They
  raise whatever the serializer raises. A hot path that has a try block anyway calls these::

      try:
          data = codec.dumps(item)
      except Exception as error:
          raise codec.encode_error(item, error) from error

Messages name the type of the item and the class of the error, and not the error's own text: some
libraries quote the payload there.
"""

from __future__ import annotations

import inspect
import pickle as stdlib_pickle
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import Any, BinaryIO, Final, TypeAlias, get_args

from pq_core.errors import DecodeError, EncodeError
from pq_core.protocols import AnySerializer, SerializerName
from pq_core.serializers import pickle
from pq_core.serializers._order import in_order

__all__ = ["Codec", "codec"]

Dumps: TypeAlias = Callable[[Any], bytes]

#: The protocol that the standard library's `dumps` writes unless told.
_UNASKED: Final[int] = stdlib_pickle.DEFAULT_PROTOCOL
_ASYNC_PICKLE: Final = "pq_core.serializers.async_pickle"
_NAMES: Final[tuple[SerializerName, ...]] = get_args(SerializerName)


def codec(serializer: AnySerializer | Codec) -> Codec:
    """The codec of a serializer.

    Args:
        serializer: one of the names 'pickle', 'json', 'msgpack', 'cbor2'; or an object or module
            with ``dumps(value)`` and ``loads(data)``, with or without `sort_keys`; or one that
            only has ``dump(value, fp)`` and ``load(fp)``; or a codec, which is returned. These
            may be coroutine functions; the methods of `fp` are awaited then.

    Raises:
        TypeError: it lacks one of these functions; the message says which.
        ValueError: there is no serializer of that name.
        BackendNotInstalled: its library is missing.
    """
    if isinstance(serializer, Codec):
        return serializer
    if isinstance(serializer, str):
        if serializer not in _NAMES:
            known = ", ".join(map(repr, _NAMES))
            raise ValueError(f"there is no serializer {serializer!r}; use one of {known}")
        return Codec(import_module(f"pq_core.serializers.{serializer}"))
    if getattr(serializer, "__name__", None) == _ASYNC_PICKLE:
        return Codec(pickle)
    return Codec(serializer)


class Codec:
    """A serializer as the backends see it; made by `codec`.

    It can be pickled where its serializer is a module, or an object that can be pickled.

    Attributes:
        name: what the serializer is called in messages.
        serializer: the object it was made of.
        encode: an item to bytes; raises `EncodeError`.
        encode_sorted: the same, and equal dicts become equal bytes, whatever the order of keys.
        decode: bytes to an item; raises `DecodeError`.
        dumps: an item to bytes; raises what the serializer raises.
        dumps_all: a list of items to a list of their bytes; raises what the serializer raises.
        loads: bytes to an item; raises what the serializer raises.
        load: the serializer's own reader of one item from a binary file, None where it has none
            or that is a coroutine function, which may read to the end. For files of the
            predecessors: it knows their framing.
    """

    __slots__ = (
        "decode",
        "dumps",
        "dumps_all",
        "encode",
        "encode_sorted",
        "load",
        "loads",
        "name",
        "serializer",
    )

    name: Final[str]
    serializer: Final[object]
    encode: Final[Callable[[Any], bytes]]
    encode_sorted: Final[Callable[[Any], bytes]]
    decode: Final[Callable[[bytes], Any]]
    dumps: Final[Callable[[Any], bytes]]
    dumps_all: Final[Callable[[list[Any]], list[bytes]]]
    loads: Final[Callable[[bytes], Any]]
    load: Final[Callable[[BinaryIO], Any] | None]

    def __init__(self, serializer: object) -> None:
        self.serializer = serializer
        self.name = name = _name_of(serializer)
        _check(serializer, name)
        load = getattr(serializer, "load", None)
        self.load = None if inspect.iscoroutinefunction(load) else _function(serializer, "load")
        self.loads = _loads_of(serializer)
        self.dumps, dumps_sorted = _dumps_of(serializer, name)
        self.dumps_all = pickle.dumps_all if serializer is pickle else _each(self.dumps)
        self.encode = _encoder(self.dumps, name)
        self.encode_sorted = _encoder(dumps_sorted, name)
        self.decode = _decoder(self.loads, name)

    def encode_error(self, item: object, error: Exception) -> EncodeError:
        """The error for an item that made the serializer raise `error`; raise it from that.

        Raises:
            MemoryError: `error` is one.
        """
        return _encode_error(self.name, item, error)

    def decode_error(self, error: Exception, *, id: int | None = None) -> DecodeError:
        """The error for stored bytes that made the serializer raise `error`; raise it from that.

        Args:
            error: what the serializer raised.
            id: the id of the item, None where it is not known.

        Raises:
            MemoryError: `error` is one.
        """
        return _decode_error(self.name, error, id)

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self.serializer, ModuleType):
            return _codec_of_module, (self.serializer.__name__,)
        return Codec, (self.serializer,)

    def __repr__(self) -> str:
        return f"<Codec {self.name}>"


def _codec_of_module(name: str) -> Codec:
    return Codec(import_module(name))


def _name_of(serializer: object) -> str:
    if isinstance(serializer, ModuleType):
        return serializer.__name__.rpartition(".")[2]
    name = getattr(serializer, "name", None)
    if isinstance(name, str):
        return name
    return (serializer if isinstance(serializer, type) else type(serializer)).__name__


def _function(serializer: object, name: str) -> Callable[..., Any] | None:
    found: Callable[..., Any] | None = getattr(serializer, name, None)
    if inspect.iscoroutinefunction(found):
        from pq_core.serializers._awaited import completed

        return completed(found, has_file=name in ("dump", "load"))
    return found if callable(found) else None


def _check(serializer: object, name: str) -> None:
    missing = [
        f"neither {text}() nor {file}()"
        for text, file in (("dumps", "dump"), ("loads", "load"))
        if _function(serializer, text) is None and _function(serializer, file) is None
    ]
    if missing:
        raise TypeError(
            f"the serializer {name!r} has {' and '.join(missing)}; give it dumps(value) and "
            "loads(data), or dump(value, fp) and load(fp)"
        )


def _loads_of(serializer: object) -> Callable[[bytes], Any]:
    loads = _function(serializer, "loads")
    if loads is not None:
        return loads
    load = _function(serializer, "load")
    assert load is not None  # seen to by _check
    return lambda data: load(BytesIO(data))


def _dumps_of(serializer: object, name: str) -> tuple[Dumps, Dumps]:
    """The bare function, and the one that sorts keys."""
    if serializer is pickle and pickle.protocol == _UNASKED:
        # Up to Python 3.13 the function of the standard library writes this protocol unasked:
        # 35 ns less an item than any function around it.
        return stdlib_pickle.dumps, _sorted(pickle.dumps)
    dumps = _function(serializer, "dumps")
    if dumps is None:
        dump = _function(serializer, "dump")
        assert dump is not None  # seen to by _check
        dumps = _to_memory(dump)
    if getattr(serializer, "__package__", None) == __package__:
        return dumps, _sorted(dumps)  # one of our own four, which return bytes
    return _checked(dumps, name), _checked(_sorted(dumps), name)


def _each(dumps: Dumps) -> Callable[[list[Any]], list[bytes]]:
    return lambda items: [dumps(item) for item in items]


def _to_memory(dump: Callable[..., object]) -> Callable[..., bytes]:
    @wraps(dump)  # keeps the signature that _sorted looks at
    def dumps(value: Any, **options: Any) -> bytes:
        file = BytesIO()
        dump(value, file, **options)
        return file.getvalue()

    return dumps


def _sorted(dumps: Callable[..., Any]) -> Callable[[Any], Any]:
    # A function that only takes **options may well refuse `sort_keys` (msgpack.packb does), so
    # the name itself has to be there.
    try:
        takes_sort_keys = "sort_keys" in inspect.signature(dumps).parameters
    except (TypeError, ValueError):  # some functions written in C do not tell
        takes_sort_keys = False
    if takes_sort_keys:
        return lambda value: dumps(value, sort_keys=True)
    return lambda value: dumps(in_order(value))


def _checked(dumps: Callable[[Any], Any], name: str) -> Dumps:
    def checked(value: Any) -> bytes:
        data = dumps(value)
        if isinstance(data, bytes):
            return data
        if isinstance(data, str):
            return data.encode()
        raise EncodeError(
            f"{_of_type(value)} cannot be serialized: {name!r} made "
            f"{type(data).__name__!r} of it instead of bytes; repair that serializer"
        )

    return checked


def _encoder(dumps: Dumps, name: str) -> Dumps:
    def encode(item: Any) -> bytes:
        try:
            return dumps(item)
        except Exception as error:
            raise _encode_error(name, item, error) from error

    return encode


def _decoder(loads: Callable[[bytes], Any], name: str) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        try:
            return loads(data)
        except Exception as error:
            raise _decode_error(name, error, None) from error

    return decode


def _encode_error(name: str, item: object, error: Exception) -> EncodeError:
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, EncodeError):
        return EncodeError(str(error))
    return EncodeError(
        f"{_of_type(item)} cannot be serialized by {name!r} ({type(error).__name__}); "
        "use a type that it knows, or another serializer"
    )


def _decode_error(name: str, error: Exception, id: int | None) -> DecodeError:
    if isinstance(error, MemoryError):
        raise error
    which = "a stored item" if id is None else f"item {id}"
    if isinstance(error, DecodeError):
        return DecodeError(f"{which}: {error}", id=id)
    return DecodeError(
        f"{which} cannot be read back by {name!r} ({type(error).__name__}); "
        "open the queue with the serializer that wrote it",
        id=id,
    )


def _of_type(item: object) -> str:
    return f"an item of type {type(item).__name__!r}"
