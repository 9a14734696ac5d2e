"""The tree of errors."""

from __future__ import annotations

import pickle
import queue
from pathlib import Path

import pytest

from pq_core import errors
from pq_core.errors import (
    BackendNotInstalled,
    DecodeError,
    Empty,
    EncodeError,
    Full,
    LeaseLost,
    OutcomeUnknown,
    QueueClosed,
    QueueError,
    SchemaMismatch,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageUnusable,
)

ONE_OF_EACH: list[QueueError] = [
    QueueError("q"),
    Empty("e"),
    Full("f"),
    QueueClosed("c"),
    LeaseLost("l"),
    EncodeError("x"),
    DecodeError("y", id=7),
    StorageError("s"),
    StorageBusy("b"),
    StorageCorrupt(Path("spool/q00000"), 12, "checksum does not match"),
    StorageUnusable("u"),
    OutcomeUnknown("o"),
    SchemaMismatch("m"),
    BackendNotInstalled("n"),
]


def test_one_of_each_is_every_error() -> None:
    """This module looks at every error that there is."""
    assert {type(error).__name__ for error in ONE_OF_EACH} == set(errors.__all__)


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (Empty, queue.Empty),
        (Full, queue.Full),
        (EncodeError, ValueError),
        (DecodeError, ValueError),
        (StorageBusy, StorageError),
        (StorageCorrupt, StorageError),
        (StorageUnusable, StorageError),
        (OutcomeUnknown, StorageError),
        (SchemaMismatch, StorageError),
        (BackendNotInstalled, ImportError),
    ],
)
def test_errors_are_what_the_standard_library_expects(
    error: type[Exception], also: type[Exception]
) -> None:
    """Whoever catches the standard library's error, or the group, catches ours."""
    assert issubclass(error, also)


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_every_error_is_a_queue_error(error: QueueError) -> None:
    """One except clause catches whatever a queue raises on purpose."""
    assert isinstance(error, QueueError)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_every_error_travels_between_processes(error: QueueError, protocol: int) -> None:
    """An unpickled error has the type, the text and the attributes of the original."""
    again = pickle.loads(pickle.dumps(error, protocol))

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_decode_error_names_the_item() -> None:
    """A DecodeError has the id of the item, or None."""
    assert DecodeError("unreadable", id=7).id == 7
    assert DecodeError("unreadable").id is None


def test_storage_corrupt_names_file_place_reason_and_remedy() -> None:
    """The message of a StorageCorrupt says which file, where, what, and what to do."""
    error = StorageCorrupt("spool/q00000", 12, "checksum does not match")

    assert str(error) == (
        "spool/q00000 at byte 12: checksum does not match; keep a copy, then call repair()"
    )
    assert (error.path, error.offset, error.reason) == (
        Path("spool/q00000"),
        12,
        "checksum does not match",
    )


def test_storage_corrupt_of_a_whole_file_names_no_offset() -> None:
    """Without an offset the message names the file alone, and a remedy of its own is shown."""
    error = StorageCorrupt("spool/info", None, "it is empty", "delete it")

    assert str(error) == "spool/info: it is empty; delete it"
