"""Signed items: bytes that nobody without the key could have written.

Layout: one version byte (1), the payload as the inner serializer made it, then 32 bytes of
HMAC-SHA256 (RFC 2104) over both.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from pq_core.errors import DecodeError
from pq_core.protocols import AnySerializer
from pq_core.serializers._adapter import Codec, codec

__all__ = ["Key", "Signed", "signed"]

#: A secret: bytes, or a text that stands for its UTF-8.
Key: TypeAlias = str | bytes

#: Bytes. NIST SP 800-107 asks at least 14 of an HMAC key; a shorter one is a password.
SHORTEST_KEY: Final = 16

_DIGEST: Final = "sha256"
_TAG_SIZE: Final = 32
_VERSION: Final = b"\x01"


def signed(serializer: AnySerializer | Codec, key: Key | Sequence[Key]) -> Signed:
    """A serializer that signs what it writes and refuses what was not signed, before reading it.

    This makes `pickle` safe against whoever can write to the storage but has no key. It does not
    hide the items, and it says who wrote an item, not where or when: somebody who can write
    to the storage can repeat an item or copy it from another queue with the same key. Use one
    key for one queue.

    Example:
        >>> from pq_core import serializers
        >>> careful = serializers.signed(serializers.pickle, key="sixteen bytes or more")
        >>> careful.loads(careful.dumps({"id": 1}))
        {'id': 1}

    Args:
        serializer: whatever a `serializer=` parameter accepts.
        key: the secret, 16 bytes or more; ``secrets.token_bytes(32)`` makes a good one. To
            change it, give several: the first signs, any of them verifies.

    Returns:
        a serializer. A queue that has it can be pickled to a spawned process; the keys then
        travel inside that pickle, so do not store it.

    Raises:
        TypeError: a key is neither str nor bytes.
        ValueError: a key is shorter than 16 bytes, or there is none.
    """
    keys = [key] if isinstance(key, (str, bytes)) else list(key)
    return Signed(codec(serializer), tuple(_as_bytes(each) for each in keys))


class Signed:
    """A signing serializer, made by `signed`. Its keys are never shown.

    Attributes:
        name: 'signed(…)' with the name of the inner serializer.
    """

    __slots__ = ("_codec", "_keys", "name")

    def __init__(self, inner: Codec, keys: tuple[bytes, ...]) -> None:
        if not keys:
            raise ValueError("'key' is an empty list; give at least one key")
        self.name: Final = f"signed({inner.name})"
        self._codec = inner
        self._keys = keys

    def dumps(self, value: Any, sort_keys: bool = False) -> bytes:
        """The signed bytes of one item.

        Args:
            value: the item.
            sort_keys: equal dicts become equal bytes, whatever the order of their keys.

        Raises:
            EncodeError: the inner serializer cannot serialize it.
        """
        encode = self._codec.encode_sorted if sort_keys else self._codec.encode
        body = _VERSION + encode(value)
        return body + hmac.digest(self._keys[0], body, _DIGEST)

    def loads(self, data: bytes) -> Any:
        """The item that `dumps` made `data` of. The signature is checked first.

        Raises:
            DecodeError: `data` is not signed, was changed, or was signed with another key; or
                the inner serializer cannot read it.
        """
        if data[:1] != _VERSION or len(data) <= _TAG_SIZE:
            raise DecodeError(
                "the item is not signed in a way known here; if it was put before signing was "
                "turned on, get it with the plain serializer, and only where you trust the storage"
            )
        view = memoryview(data)
        body, tag = view[:-_TAG_SIZE], view[-_TAG_SIZE:]
        for key in self._keys:
            if hmac.compare_digest(hmac.digest(key, body, _DIGEST), tag):
                return self._codec.decode(bytes(body[1:]))
        raise DecodeError(
            "the signature does not match: the item was changed, or signed with another key; "
            "where it is an older key of yours, add that to signed(..., key=[new, old])"
        )

    def __reduce__(self) -> tuple[type[Signed], tuple[Codec, tuple[bytes, ...]]]:
        return Signed, (self._codec, self._keys)

    def __repr__(self) -> str:
        return f"<{self.name}, {len(self._keys)} key{'s' if len(self._keys) > 1 else ''}>"


def _as_bytes(key: object) -> bytes:
    if isinstance(key, str):
        key = key.encode()
    if not isinstance(key, bytes):
        raise TypeError(f"a key must be str or bytes, not {type(key).__name__!r}")
    if len(key) < SHORTEST_KEY:
        raise ValueError(
            f"a key must have {SHORTEST_KEY} bytes or more, not {len(key)}; "
            "secrets.token_bytes(32) makes a good one"
        )
    return key
