"""The four serializers, and the codec through which the backends see any of them."""

from __future__ import annotations

import asyncio
import io
import json
import math
import pickle
import random
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pq_core
from pq_core import BackendNotInstalled, DecodeError, EncodeError, SerializerName, serializers
from pq_core.serializers import Codec, codec
from pq_core.serializers._awaited import AwaitedFile

msgpack = pytest.importorskip("msgpack")
cbor2 = pytest.importorskip("cbor2")

NAMES: list[SerializerName] = ["pickle", "json", "msgpack", "cbor2"]
MODULES: list[Any] = [getattr(serializers, name) for name in NAMES]
SOURCE = Path(pq_core.__file__).parents[1]

every_name = pytest.mark.parametrize("name", NAMES)


def called(serializer: object) -> str:
    """A name for a test's id, the same in every process."""
    return (
        serializer
        if isinstance(serializer, str)
        else getattr(serializer, "__name__", type(serializer).__name__)
    )


every_module = pytest.mark.parametrize("module", MODULES, ids=NAMES)

# What all four can hold. MessagePack has 64-bit ints, and UTF-8 no surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | texts
)
items = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner))
pickled_items = st.recursive(
    scalars
    | st.integers()
    | st.binary()
    | st.text()
    | st.dates()
    | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.integers(), inner),
)


def as_lists(value: Any) -> Any:
    """The item with every tuple made a list, since MessagePack knows one kind of sequence."""
    if isinstance(value, (list, tuple)):
        return [as_lists(each) for each in value]
    if isinstance(value, dict):
        return {key: as_lists(each) for key, each in value.items()}
    return value


def run_python(code: str, *options: str) -> str:
    """What a new interpreter prints that has imported nothing."""
    start = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
    run = subprocess.run(
        [sys.executable, "-I", *options, "-c", start + code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


# Modules


@every_module
@given(item=items)
def test_items_come_back(module: Any, item: object) -> None:
    """`loads` reads what `dumps` wrote."""
    data = module.dumps(item)
    assert type(data) is bytes
    assert as_lists(module.loads(data)) == item


@given(pickled_items)
def test_pickle_keeps_every_type(item: object) -> None:
    """A pickled item comes back with the types it had."""
    assert serializers.pickle.loads(serializers.pickle.dumps(item)) == item


@every_module
@given(several=st.lists(items, max_size=5))
def test_a_file_holds_items_one_after_the_other(module: Any, several: list[object]) -> None:
    """`load` stops behind each item that `dump` wrote, and raises EOFError at the end."""
    file = io.BytesIO()
    for item in several:
        module.dump(item, file)
    file.seek(0)

    assert [as_lists(module.load(file)) for _ in several] == several
    with pytest.raises(EOFError):
        module.load(file)


@every_module
def test_a_real_file_is_left_behind_the_item(module: Any, tmp_path: Path) -> None:
    """After `load` from a buffered file its position is the end of that item."""
    path = tmp_path / "items"
    ends = []
    with path.open("wb") as file:
        for item in ("first", "second" * 10_000, "third"):
            module.dump(item, file)
            ends.append(file.tell())

    with path.open("rb") as file:
        for end in ends:
            module.load(file)
            assert file.tell() == end


@every_module
@given(st.data())
def test_a_file_cut_short_gives_no_wrong_item(module: Any, data: st.DataObject) -> None:
    """An item of which bytes are missing raises; it never comes back as another."""
    file = io.BytesIO()
    module.dump({"id": 12, "name": "n"}, file)
    whole = file.getvalue()
    end = len(whole.rstrip(b"\n"))
    cut = data.draw(st.integers(0, end - 1))

    with pytest.raises((EOFError, ValueError, pickle.UnpicklingError)):
        module.load(io.BytesIO(whole[:cut]))


@pytest.mark.parametrize("name", ["msgpack", "cbor2"])
def test_a_damaged_length_is_an_end_of_file(name: str) -> None:
    """A length of 4 GiB in a short file is EOFError and allocates nothing of that size."""
    with pytest.raises(EOFError):
        getattr(serializers, name).load(io.BytesIO(b"\xff\xff\xff\xff" + bytes(10)))


def test_long_items_are_read_from_files_that_give_little() -> None:
    """A file that returns fewer bytes than asked for, as pipes do, is read on."""

    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 7))

    file = Trickle()
    serializers.msgpack.dump("text" * 100, file)
    file.seek(0)
    assert serializers.msgpack.load(file) == "text" * 100


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (
            "pickle",
            (
                b"\x80\x04\x95+\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01b\x94]\x94(K\x01K\x02K\x03"
                b"\x86\x94e\x8c\x01a\x94}\x94(\x8c\x01z\x94K\x01\x8c\x01y\x94\x8c\x01q\x94uu."
            ),
        ),
        ("json", b'{"b": [1, [2, 3]], "a": {"z": 1, "y": "q"}}\n'),
        ("msgpack", b"\x12\x00\x00\x00\x82\xa1b\x92\x01\x92\x02\x03\xa1a\x82\xa1z\x01\xa1y\xa1q"),
        ("cbor2", b"\x12\x00\x00\x00\xa2ab\x82\x01\x82\x02\x03aa\xa2az\x01ayaq"),
    ],
)
def test_files_are_those_of_the_predecessor(name: str, written: bytes) -> None:
    """`dump` writes the bytes that persist-queue 1.1.0 wrote for this item; `load` reads them."""
    module = getattr(serializers, name)
    item = {"b": [1, (2, 3)], "a": {"z": 1, "y": "q"}}
    file = io.BytesIO()
    module.dump(item, file)

    assert file.getvalue() == written
    assert as_lists(module.load(io.BytesIO(written))) == as_lists(item)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (
            "pickle",
            (
                b"\x80\x04\x95\x17\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x02\x8c\x01b\x94]"
                b"\x94(K\x01K\x02eu."
            ),
        ),
        ("json", b'{"a": 2, "b": [1, 2]}'),
        ("msgpack", b"\x82\xa1a\x02\xa1b\x92\x01\x02"),
        ("cbor2", b"\xa2aa\x02ab\x82\x01\x02"),
    ],
)
def test_sorted_bytes_are_those_of_the_predecessor(name: str, written: bytes) -> None:
    """A unique queue of persist-queue 1.1.0 has these bytes for this item, so it is found again."""
    assert getattr(serializers, name).dumps({"b": [1, 2], "a": 2}, sort_keys=True) == written


def test_lists_in_messagepack_come_back_as_tuples() -> None:
    """MessagePack gives tuples, as the predecessor did."""
    assert serializers.msgpack.loads(serializers.msgpack.dumps([1, [2]])) == (1, (2,))


@pytest.mark.parametrize("name", ["pickle", "msgpack", "cbor2"])
def test_keys_of_dicts_need_not_be_texts(name: str) -> None:
    """A dict with ints as keys can be read back, not only written."""
    module = getattr(serializers, name)
    assert module.loads(module.dumps({1: "a", 2: "b"})) == {1: "a", 2: "b"}


def test_pickles_are_of_protocol_4() -> None:
    """The bytes are those of pickle.dumps(value, 4) on every Python."""
    item = {"id": 1, "tags": ("a", b"b")}
    assert serializers.pickle.dumps(item) == pickle.dumps(item, 4)
    assert codec("pickle").dumps(item) == pickle.dumps(item, 4)
    assert codec("pickle").encode(item) == pickle.dumps(item, 4)


# Sorted keys


@every_name
@given(item=items, seed=st.randoms())
def test_equal_dicts_are_equal_bytes_when_sorted(
    name: SerializerName, item: object, seed: random.Random
) -> None:
    """However the keys of its dicts were put in, an item has one sorted form."""

    def shuffled(value: Any) -> Any:
        if isinstance(value, list):
            return [shuffled(each) for each in value]
        if isinstance(value, dict):
            keys = list(value)
            seed.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return value

    module = getattr(serializers, name)
    data = module.dumps(item, sort_keys=True)
    assert module.dumps(shuffled(item), sort_keys=True) == data
    assert codec(name).encode_sorted(shuffled(item)) == data
    assert as_lists(module.loads(data)) == item


@every_module
def test_unsorted_keys_keep_their_order(module: Any) -> None:
    """Without sort_keys a dict comes back in the order it had."""
    assert list(module.loads(module.dumps({"b": 1, "a": 2}))) == ["b", "a"]


@every_module
def test_dump_sorts_too(module: Any) -> None:
    """`dump` takes sort_keys as `dumps` does, also by position."""
    one, two = io.BytesIO(), io.BytesIO()
    module.dump({"b": {"d": 1, "c": 2}, "a": 2}, one, True)
    module.dump({"a": 2, "b": {"c": 2, "d": 1}}, two, sort_keys=True)
    assert one.getvalue() == two.getvalue()


@every_module
def test_keys_that_cannot_be_compared_are_no_error(module: Any) -> None:
    """A dict with keys of several types is written in its own order, and the rest sorted."""
    item = {"z": {"b": 1, "a": 2}, None: 3}
    data = module.dumps(item, sort_keys=True)
    again = module.loads(data)
    assert next(iter(again)) == "z"
    assert list(again["z"]) == ["a", "b"]


def test_sorting_does_not_touch_the_item() -> None:
    """The item of the caller is the same afterwards, order and all."""
    inner = {"d": 1, "c": 2}
    item = {"b": [inner], "a": (inner,)}
    codec("pickle").encode_sorted(item)

    assert list(item) == ["b", "a"]
    assert list(inner) == ["d", "c"]


def test_sorting_leaves_ordered_dicts_alone() -> None:
    """The order of an OrderedDict is part of its value, and its type stays."""
    item = OrderedDict([("b", 1), ("a", 2)])
    again = pickle.loads(codec("pickle").encode_sorted(item))
    assert again == item
    assert type(again) is OrderedDict


def test_sorting_keeps_what_is_shared_and_cyclic() -> None:
    """An item that contains itself, or a part twice, is sorted and comes back so."""
    shared = {"b": 1, "a": 2}
    item: dict[str, Any] = {"two": [shared, shared], "pair": (shared,)}
    item["self"] = item
    again = pickle.loads(codec("pickle").encode_sorted(item))

    assert again["self"] is again
    assert again["two"][0] is again["two"][1] is again["pair"][0]
    assert list(again["two"][0]) == ["a", "b"]


# Lazy imports and missing libraries


@every_name
def test_a_serializer_is_an_attribute_from_the_start(name: str) -> None:
    """`serializers.msgpack` works though nothing has imported that module before."""
    code = f"""
from pq_core import serializers
assert "pq_core.serializers.msgpack" not in sys.modules and "msgpack" not in sys.modules
module = serializers.{name}
assert module.loads(module.dumps("text")) == "text"
assert module.__name__ == "pq_core.serializers.{name}", module
"""
    sites = {str(Path(library.__file__).parents[1]) for library in (msgpack, cbor2)}
    run_python(f"sys.path += {sorted(sites)!r}\n" + code)


@every_name
def test_a_serializer_can_be_imported_in_every_way(name: str) -> None:
    """Both forms of the import statement and the attribute give the one module."""
    run = f"""
import pq_core.serializers.{name}
import pq_core.serializers.{name} as by_path
from pq_core.serializers import {name} as by_name
from pq_core import serializers
assert by_path is by_name is serializers.{name}
"""
    exec(compile(run, "imports", "exec"), {})


@pytest.mark.parametrize("name", ["msgpack", "cbor2"])
@pytest.mark.parametrize(
    "use",
    [
        "serializers.{name}",
        "serializers.codec('{name}')",
        "__import__('pq_core.serializers.{name}')",
        "exec('from pq_core.serializers import {name}')",
    ],
)
def test_a_missing_library_is_told_with_the_remedy(name: str, use: str) -> None:
    """Where the library is not installed, an ImportError says which extra to install."""
    code = f"""
import sys
sys.modules[{name!r}] = None  # as if it were not installed
from pq_core import BackendNotInstalled, serializers
try:
    {use.format(name=name)}
except ImportError as error:
    assert type(error) is BackendNotInstalled
    print(error)
"""
    assert f"pip install 'pq-core[{name}]'" in run_python(code, "-S")  # without site-packages


def test_a_library_that_fails_for_itself_is_not_called_missing(tmp_path: Path) -> None:
    """Where an installed library lacks something of its own, that is what the error says."""
    (tmp_path / "msgpack.py").write_text("import a_module_that_it_needs")
    code = f"""
sys.path.insert(0, {str(tmp_path)!r})
from pq_core import serializers
try:
    serializers.msgpack
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert run_python(code, "-S") == "a_module_that_it_needs\n"


def test_the_package_lists_its_modules() -> None:
    """dir() shows the four before they are imported, and another name is an AttributeError."""
    assert {*NAMES, "codec", "signed"} <= set(dir(serializers))
    assert not hasattr(serializers, "marshal")
    with pytest.raises(AttributeError, match="marshal"):
        _ = serializers.marshal


def test_importing_the_package_is_light() -> None:
    """`import pq_core` loads neither the optional libraries nor what takes long to load."""
    code = """
import pq_core
heavy = {"msgpack", "cbor2", "hmac", "importlib.metadata", "asyncio", "sqlite3", "logging"}
print(sorted(heavy & set(sys.modules)))
"""
    assert run_python(code, "-S") == "[]\n"


# Codecs


class OnlyFiles:
    """As documented for the file queue: `dump` and `load`, the latter reading to the end."""

    def dump(self, value: Any, fp: BinaryIO) -> None:
        fp.write(repr(value).encode())

    def load(self, fp: BinaryIO) -> Any:
        return eval(fp.read())


class Plain:
    """`dumps` and `loads` without sort_keys."""

    def dumps(self, value: Any) -> bytes:
        return repr(value).encode()

    def loads(self, data: bytes) -> Any:
        return eval(data)


class Sorting(Plain):
    """`dumps` that knows sort_keys."""

    def dumps(self, value: Any, sort_keys: bool = False) -> bytes:
        return repr((sort_keys, dict(sorted(value.items())) if sort_keys else value)).encode()

    def loads(self, data: bytes) -> Any:
        return eval(data)[1]


class Options(Plain):
    """`dumps` that seems to take any option and refuses sort_keys."""

    def dumps(self, value: Any, **options: Any) -> bytes:
        assert not options
        return super().dumps(value)


class Static:
    """A class used as it is."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        return repr(value).encode()

    @staticmethod
    def loads(data: bytes) -> Any:
        return eval(data)


class AwaitedFiles:
    """As persist-queue's async file queue takes them: `dump` and `load` are awaited."""

    async def dump(self, value: Any, fp: Any) -> None:
        # One turn of the loop and no time: run without a loop, a coroutine ends here and not well.
        await asyncio.sleep(0)
        await fp.write(repr(value).encode())

    async def load(self, fp: Any) -> Any:
        return eval(await fp.read())


class Awaited(Plain):
    """`dumps` that is awaited and knows sort_keys, and `loads` that is not."""

    async def dumps(self, value: Any, sort_keys: bool = False) -> bytes:  # type: ignore[override]
        return repr(dict(sorted(value.items())) if sort_keys else value).encode()


CUSTOM: list[Any] = [
    *(OnlyFiles(), Plain(), Sorting(), Options(), Static, Static()),
    *(AwaitedFiles(), Awaited()),
]
FOREIGN: list[Any] = [pickle, json, msgpack, cbor2]


@pytest.mark.parametrize("serializer", [*NAMES, *MODULES, *CUSTOM, *FOREIGN], ids=called)
def test_a_codec_is_made_of_any_serializer(serializer: Any) -> None:
    """Names, our modules, other libraries and one's own objects all encode, sort and decode."""
    made = codec(serializer)
    item = {"b": 1, "a": {"c": 2}}
    again = {"a": {"c": 2}, "b": 1}

    for encode in (made.encode, made.dumps, made.encode_sorted):
        data = encode(item)
        assert isinstance(data, bytes)
        assert made.decode(data) == made.loads(data) == item
    assert made.encode_sorted(item) == made.encode_sorted(again)


@pytest.mark.parametrize(
    ("serializer", "name"),
    [
        ("json", "json"),
        (serializers.msgpack, "msgpack"),
        (pickle, "pickle"),
        (Plain(), "Plain"),
        (Static, "Static"),
    ],
)
def test_a_codec_has_a_name(serializer: Any, name: str) -> None:
    """A module gives its last name, an object its class, and the repr shows it."""
    assert codec(serializer).name == name
    assert repr(codec(serializer)) == f"<Codec {name}>"


def test_a_codec_of_a_codec_is_itself() -> None:
    """What is a codec already is not wrapped."""
    made = codec("json")
    assert codec(made) is made


def test_the_own_sort_keys_of_a_serializer_is_used() -> None:
    """A `dumps` that has a parameter sort_keys gets it, and only for sorted bytes."""
    made = codec(Sorting())
    assert made.encode({"b": 1, "a": 2}) == b"(False, {'b': 1, 'a': 2})"
    assert made.encode_sorted({"b": 1, "a": 2}) == b"(True, {'a': 2, 'b': 1})"


def test_load_gets_exactly_one_item() -> None:
    """A `load` that reads to the end gets one item and nothing of the next."""
    made = codec(OnlyFiles())
    first, second = made.encode("first"), made.encode("second")
    assert [made.decode(first), made.decode(second)] == ["first", "second"]
    assert made.load is not None
    assert made.load(io.BytesIO(first)) == "first"


def test_an_awaited_serializer_is_refused_on_an_event_loop() -> None:
    """It could not be awaited there; the item's error says so in its cause."""

    async def main() -> None:
        with pytest.raises(EncodeError) as caught:
            codec(Awaited()).encode({})  # type: ignore[arg-type]
        assert "runs an event loop" in str(caught.value.__cause__)

    asyncio.run(main())


def test_the_awaited_pickle_is_pickle() -> None:
    """In a queue it is `pickle` itself; a file is written and read as with that."""
    awaited = serializers.async_pickle
    assert codec(awaited).serializer is serializers.pickle

    async def main() -> None:
        file = io.BytesIO()
        item = {"b": 1, "a": 2}
        await awaited.dump(item, AwaitedFile(file), sort_keys=True)
        assert file.getvalue() == await awaited.dumps(item, sort_keys=True)
        assert file.getvalue() == serializers.pickle.dumps(item, sort_keys=True)
        file.seek(0)
        assert await awaited.load(AwaitedFile(file)) == awaited.loads(file.getvalue()) == item

    asyncio.run(main())


def test_an_awaited_file_is_read_by_lines() -> None:
    """`readline` and `read` with a size are there, too."""

    async def main() -> None:
        file = AwaitedFile(io.BytesIO(b"one\ntwo three"))
        assert await file.readline() == b"one\n"
        assert [await file.read(3), await file.read()] == [b"two", b" three"]

    asyncio.run(main())


def test_a_serializer_without_load_has_none() -> None:
    """`load` is None where the serializer has no reader for files."""
    assert codec(Plain()).load is None


def test_the_hot_path_of_pickle_is_the_standard_library() -> None:
    """No Python function stands between a backend and pickle where none is needed."""
    made = codec("pickle")
    assert made.loads is pickle.loads
    if sys.version_info < (3, 14):
        assert made.dumps is pickle.dumps


class NoLoads:
    def dumps(self, _: Any) -> bytes:
        return b""


class NoDumps:
    def load(self, fp: BinaryIO) -> Any:
        return fp.read()


class NotCallable:
    dumps = b""
    loads = None


@pytest.mark.parametrize(
    ("wrong", "missing", "not_missing"),
    [
        (NoLoads(), ["loads", "load"], "neither dumps"),
        (NoDumps(), ["dumps", "dump"], "neither loads"),
        (NotCallable(), ["dumps", "loads"], "nothing"),
        (object(), ["dumps", "dump", "loads", "load"], "nothing"),
        (None, ["dumps", "loads"], "nothing"),
        (42, ["dumps", "loads"], "nothing"),
        (math, ["dumps", "loads"], "nothing"),
    ],
)
def test_a_wrong_object_is_told_what_it_lacks(
    wrong: Any, missing: list[str], not_missing: str
) -> None:
    """What is no serializer is a TypeError that names the missing functions."""
    with pytest.raises(TypeError) as caught:
        codec(wrong)
    lacks = str(caught.value).partition(";")[0]
    assert all(f"{name}()" in lacks for name in missing)
    assert not_missing not in lacks


def test_a_wrong_name_is_told_the_right_ones() -> None:
    """An unknown name is a ValueError that lists the four, and nothing else is imported."""
    names: list[Any] = ["yaml", "_adapter", "", "os.path"]
    for name in names:
        with pytest.raises(ValueError, match="'pickle', 'json', 'msgpack', 'cbor2'"):
            codec(name)


class Secret:
    """Shows itself in every error that quotes it, and cannot be serialized."""

    def __repr__(self) -> str:
        return "s3cret"

    def __reduce__(self) -> Any:
        raise RuntimeError("s3cret")


def failing(error: BaseException) -> Any:
    """A serializer that raises this in both directions."""

    class Failing:
        def dumps(self, _: Any) -> bytes:
            raise error

        def loads(self, _: bytes) -> Any:
            raise error

    return Failing()


@every_name
def test_encode_errors_show_type_and_serializer_only(name: SerializerName) -> None:
    """An item that cannot be serialized raises EncodeError from the cause, without its content."""
    with pytest.raises(EncodeError) as caught:
        codec(name).encode(Secret())
    with pytest.raises(EncodeError):
        codec(name).encode_sorted(Secret())

    assert f"type 'Secret' cannot be serialized by {name!r}" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pickle", b"s3cret"),
        ("pickle", b""),
        ("json", b"{s3cret"),
        ("json", b"\xff\xfe"),
        ("json", b'"a" "b"'),
        ("msgpack", b"s3cret"),
        ("msgpack", b""),
        ("cbor2", b"\x66s3c"),
        ("cbor2", b""),
    ],
)
def test_decode_errors_show_the_serializer_only(name: SerializerName, data: bytes) -> None:
    """Bytes that cannot be read back raise DecodeError from the cause, without showing them."""
    with pytest.raises(DecodeError) as caught:
        codec(name).decode(data)

    assert f"a stored item cannot be read back by {name!r}" in str(caught.value)
    assert "s3c" not in str(caught.value)
    assert caught.value.id is None
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "error",
    [RuntimeError("s3cret"), RecursionError(), KeyError("s3cret"), StopIteration(), OSError()],
    ids=repr,
)
def test_whatever_a_serializer_raises_is_translated(error: Exception) -> None:
    """Any Exception becomes EncodeError or DecodeError, with itself as the cause."""
    made = codec(failing(error))
    with pytest.raises(EncodeError, match=type(error).__name__) as encoding:
        made.encode(1)
    with pytest.raises(DecodeError, match=type(error).__name__) as decoding:
        made.decode(b"1")
    assert encoding.value.__cause__ is error
    assert decoding.value.__cause__ is error
    assert "s3cret" not in f"{encoding.value}{decoding.value}"


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), SystemExit()], ids=repr)
def test_what_is_no_fault_of_the_item_is_not_translated(error: BaseException) -> None:
    """MemoryError, Ctrl-C and exit pass through both directions as they are."""
    made = codec(failing(error))
    for act in (lambda: made.encode(1), lambda: made.decode(b"1")):
        with pytest.raises(type(error)) as caught:
            act()
        assert caught.value is error


@pytest.mark.parametrize("name", ["pickle", "json", "msgpack"])  # cbor2 6.2 itself crashes here
def test_items_nested_too_deeply_are_encode_errors(name: SerializerName) -> None:
    """An item deeper than the stack raises EncodeError, plain and sorted."""
    item: list[Any] = []
    for _ in range(100_000):
        item = [item]
    with pytest.raises(EncodeError):
        codec(name).encode(item)
    with pytest.raises(EncodeError):
        codec(name).encode_sorted(item)


def test_a_text_from_dumps_is_stored_as_utf8() -> None:
    """A `dumps` that returns str works, as the json of the standard library does."""

    class Text(Plain):
        def dumps(self, _: Any) -> Any:
            return "é"

    assert codec(Text()).encode("x") == codec(Text()).dumps("x") == "é".encode()


@pytest.mark.parametrize("wrong", [None, 3, bytearray(b"x"), ["x"], "\ud800"], ids=repr)
def test_anything_else_from_dumps_is_an_encode_error(wrong: Any) -> None:
    """A `dumps` that returns neither bytes nor text that UTF-8 can hold raises EncodeError."""

    class Wrong(Plain):
        def dumps(self, _: Any) -> Any:
            return wrong

    for encode in (codec(Wrong()).encode, codec(Wrong()).encode_sorted):
        with pytest.raises(EncodeError, match="type 'str' cannot be serialized"):
            encode("x")


def test_a_backend_makes_the_same_errors_itself() -> None:
    """`encode_error` and `decode_error` make of a raw error what encode and decode raise."""
    made = codec(failing(RuntimeError("s3cret")))
    with pytest.raises(EncodeError) as encoding:
        made.encode("x")
    assert str(made.encode_error("x", RuntimeError("s3cret"))) == str(encoding.value)

    error = made.decode_error(RuntimeError("s3cret"), id=7)
    assert error.id == 7
    assert str(error).startswith("item 7 cannot be read back by 'Failing' (RuntimeError)")

    for make in (lambda e: made.encode_error("x", e), made.decode_error):
        with pytest.raises(MemoryError):
            make(MemoryError())


def test_errors_of_our_own_are_not_wrapped_twice() -> None:
    """What a serializer already raised as DecodeError keeps its words and gets the id."""
    made = codec("json")
    error = made.decode_error(DecodeError("the signature does not match"), id=7)
    assert str(error) == "item 7: the signature does not match"
    assert str(made.encode_error(1, EncodeError("too large"))) == "too large"


@pytest.mark.parametrize("serializer", [*NAMES, *MODULES, *FOREIGN, Plain(), Static], ids=called)
def test_a_codec_can_be_pickled(serializer: Any) -> None:
    """A codec travels to another process by the name of its module or as its object."""
    made = codec(serializer)
    again = pickle.loads(pickle.dumps(made))

    assert isinstance(again, Codec)
    assert again.name == made.name
    assert again.decode(made.encode([1, 2])) == made.decode(again.encode([1, 2]))
    if isinstance(made.serializer, ModuleType):
        assert again.serializer is made.serializer


# The examples of the documentation


@pytest.mark.parametrize(
    "choose",
    [
        lambda: pq_core.serializers.msgpack,
        lambda: pq_core.serializers.cbor2,
        lambda: pq_core.serializers.json,
        lambda: serializers.pickle,
    ],
)
def test_the_documented_serializers_hold_the_documented_items(choose: Callable[[], Any]) -> None:
    """`serializer=serializers.msgpack` and its three sisters carry 'a', 'b' and {'a': 1}."""
    made = codec(choose())
    for item in ("a", "b", {"a": 1}, None, 0, ""):
        assert made.decode(made.encode(item)) == item


def test_backend_not_installed_is_an_import_error() -> None:
    """Whoever guards an import with `except ImportError` is safe."""
    assert issubclass(BackendNotInstalled, ImportError)


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 300])
@every_name
def test_many_items_are_the_bytes_of_each(name: SerializerName, count: int) -> None:
    """What `dumps_all` makes of a list are the bytes that `dumps` makes of each item."""
    shared = ["text" * 9, 2**70]
    items = [{"id": at, "shared": shared, "again": shared} for at in range(count)]
    if name == "msgpack":
        items = [{"id": at, "shared": "text"} for at in range(count)]
    of_items = codec(name)
    assert of_items.dumps_all(items) == [of_items.dumps(item) for item in items]


def test_one_large_item_among_many_is_the_same_bytes() -> None:
    """An item above the size of a pickle's frame is one text of bytes in `dumps_all` too."""
    of_items = codec("pickle")
    large: list[Any] = [b"x" * 70_000, "y" * 200_000, list(range(50_000))]
    for items in ([*large, 1], [1, *large], large, large[:1], [1] * 127 + large[1:2] + [2]):
        assert of_items.dumps_all(items) == [of_items.dumps(item) for item in items]
