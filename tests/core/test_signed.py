"""Signed items."""

from __future__ import annotations

import hmac
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pq_core
from pq_core import DecodeError, EncodeError, Serializer, serializers
from pq_core.serializers import codec, signed

KEY = "a key of sixteen bytes or more"
OLD = b"an older key that was used before"
SOURCE = Path(pq_core.__file__).parents[1]


class Tattler:
    """Makes a directory when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@given(st.recursive(st.none() | st.integers() | st.text() | st.binary(), st.lists))
def test_signed_items_come_back(item: object) -> None:
    """What was signed is read back, whatever it is."""
    serializer = signed("pickle", key=KEY)
    assert serializer.loads(serializer.dumps(item)) == item


@pytest.mark.parametrize("inner", ["pickle", "json", json, serializers.pickle])
def test_any_serializer_can_be_signed(inner: Any) -> None:
    """Names, our modules and anybody's objects can be signed; the codec takes the result."""
    both = codec(signed(inner, key=KEY))
    assert both.decode(both.encode({"id": 1})) == {"id": 1}
    assert both.name == f"signed({codec(inner).name})"


def test_a_serializer_of_files_can_be_signed() -> None:
    """A serializer that only has dump and load can be signed."""

    class Files:
        def dump(self, value: object, fp: BinaryIO) -> None:
            fp.write(str(value).encode())

        def load(self, fp: BinaryIO) -> object:
            return fp.read().decode()

    serializer = signed(Files(), key=KEY)
    assert serializer.loads(serializer.dumps("text")) == "text"


def test_the_layout_is_version_payload_tag() -> None:
    """The bytes are 1, the payload as it is, and 32 bytes of HMAC-SHA256 over both."""
    data = signed("json", key=b"k" * 16).dumps([1])

    assert data[:-32] == b"\x01[1]"
    # printf '\x01[1]' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkk
    assert data[-32:].hex() == "9a0920a8065dd017f56a25d5a2bf58c139eb0b9a2eca3aef3869b29be2784946"


def test_nothing_is_unpickled_before_the_signature_is_checked(tmp_path: Path) -> None:
    """Bytes without a valid signature run no code."""
    serializer = signed("pickle", key=KEY)
    trace = tmp_path / "ran"
    evil = pickle.dumps(Tattler(trace))
    genuine = serializer.dumps("genuine")
    other = signed("pickle", key=OLD).dumps(Tattler(trace))

    for data in (evil, b"\x01" + evil, b"\x01" + evil + genuine[-32:], other, other[1:]):
        with pytest.raises(DecodeError):
            serializer.loads(data)
        assert not trace.exists()

    serializer.loads(serializer.dumps(Tattler(trace)))
    assert trace.exists()  # it would have told


@pytest.mark.parametrize("at", range(1 + 3 + 32))
@pytest.mark.parametrize("bit", [0, 7])
def test_any_flipped_bit_is_refused(at: int, bit: int) -> None:
    """One changed bit anywhere, in the version, the payload or the tag, is refused."""
    serializer = signed("json", key=KEY)
    data = bytearray(serializer.dumps([1]))
    assert len(data) == 36
    data[at] ^= 1 << bit

    with pytest.raises(DecodeError, match="sign"):
        serializer.loads(bytes(data))


@pytest.mark.parametrize("length", range(36))
def test_truncated_data_is_refused(length: int) -> None:
    """Data of which bytes are missing is refused, and without room for a tag it is unsigned."""
    serializer = signed("json", key=KEY)
    why = "is not signed" if length <= 32 else "does not match"
    with pytest.raises(DecodeError, match=why):
        serializer.loads(serializer.dumps([1])[:length])


def test_bytes_after_the_tag_are_refused() -> None:
    """Data to which something was appended is refused."""
    serializer = signed("json", key=KEY)
    with pytest.raises(DecodeError):
        serializer.loads(serializer.dumps([1]) + b" ")


def test_unsigned_data_is_told_apart() -> None:
    """Data from before signing was turned on gets a message that says so."""
    with pytest.raises(DecodeError, match="is not signed"):
        signed("json", key=KEY).loads(b'"a text that is longer than any tag would be"')


def test_another_version_is_refused() -> None:
    """A layout of a version that this one does not know is not read, however well signed."""
    body = b"\x02[1]"
    with pytest.raises(DecodeError, match="is not signed"):
        signed("json", key=KEY).loads(body + hmac.digest(KEY.encode(), body, "sha256"))


def test_keys_are_rotated() -> None:
    """The first of several keys signs, any of them verifies, and a removed one no longer does."""
    before = signed("json", key=OLD)
    during = signed("json", key=[KEY, OLD])
    after = signed("json", key=KEY)

    assert during.loads(before.dumps([1])) == [1]
    assert after.loads(during.dumps([2])) == [2]
    with pytest.raises(DecodeError, match="does not match"):
        after.loads(before.dumps([3]))
    with pytest.raises(DecodeError, match="does not match"):
        before.loads(during.dumps([4]))


def test_a_text_key_is_its_utf8() -> None:
    """A str key and the bytes of its UTF-8 are one key."""
    text = "ключ-ключ"
    assert signed("json", key=text.encode()).loads(signed("json", key=text).dumps([1])) == [1]


@pytest.mark.parametrize("key", ["", "fifteen bytes..", b"\x00" * 15, [KEY, "short"], []])
def test_short_keys_are_refused(key: Any) -> None:
    """A key of less than 16 bytes is a ValueError, alone or among others; so is none at all."""
    with pytest.raises(ValueError, match="key"):
        signed("json", key=key)


def test_sixteen_bytes_are_enough() -> None:
    """The shortest key has 16 bytes, not characters."""
    signed("json", key=b"\x00" * 16)
    signed("json", key="ключключ")


@pytest.mark.parametrize("key", [[1], [None], [bytearray(16)]])
def test_keys_are_text_or_bytes(key: Any) -> None:
    """Any other type of key is a TypeError."""
    with pytest.raises(TypeError, match="str or bytes"):
        signed("json", key=key)


def test_the_repr_shows_no_key() -> None:
    """A signing serializer in a log shows what it wraps and how many keys it has."""
    serializer = signed("pickle", key=[KEY, OLD])
    assert repr(serializer) == "<signed(pickle), 2 keys>"
    assert repr(codec(signed("pickle", key=KEY))) == "<Codec signed(pickle)>"
    assert not hasattr(serializer, "__dict__")


def test_errors_name_the_whole_and_no_payload() -> None:
    """Errors of the inner serializer are EncodeError and DecodeError and quote no payload."""
    both = codec(signed("json", key=KEY))
    with pytest.raises(EncodeError, match=r"type 'set' .* 'json'") as caught:
        both.encode({"s3cret"})
    assert "s3cret" not in str(caught.value)
    assert KEY not in str(caught.value)

    with pytest.raises(DecodeError, match=r"^item 7: the item is not signed") as refused:
        try:
            both.loads(b"s3cret")
        except Exception as error:
            raise both.decode_error(error, id=7) from error
    assert refused.value.id == 7
    assert "s3cret" not in str(refused.value)


def test_sorted_keys_reach_the_inner_serializer() -> None:
    """Equal dicts are equal signed bytes where keys are sorted."""
    encode = codec(signed("json", key=KEY)).encode_sorted
    assert encode({"a": 1, "b": 2}) == encode({"b": 2, "a": 1})


def test_it_does_not_read_files_of_the_predecessors() -> None:
    """There is no `load`, so nothing unsigned from an older format is unpickled."""
    assert codec(signed("pickle", key=KEY)).load is None


def test_it_is_a_serializer() -> None:
    """A signed serializer fits the protocol, so it can itself be wrapped."""
    once: Serializer[Any] = signed("json", key=KEY)
    twice = signed(once, key=OLD)
    assert twice.loads(twice.dumps([1])) == [1]
    assert twice.name == "signed(signed(json))"


READ_AND_WRITE = """
import pickle, sys
serializer, data = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(serializer.dumps([serializer.loads(data)]))
"""


def test_it_travels_to_a_spawned_process() -> None:
    """Unpickled in another process it reads and writes with the same keys."""
    serializer = signed(serializers.json, key=[KEY, OLD])
    again = pickle.loads(pickle.dumps(serializer))
    assert repr(again) == repr(serializer)

    run = subprocess.run(
        [
            sys.executable,
            "-c",
            READ_AND_WRITE,
        ],
        input=pickle.dumps((serializer, serializer.dumps({"id": 1}))),
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(SOURCE)},
        check=True,
    )
    assert serializer.loads(run.stdout) == [{"id": 1}]


def test_large_items_are_signed() -> None:
    """A payload of many megabytes survives signing."""
    serializer = signed("pickle", key=KEY)
    item = bytes(5_000_000)
    assert serializer.loads(serializer.dumps(item)) == item
