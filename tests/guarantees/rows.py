"""The rows of docs/guarantees.md: what is promised, by what it is kept, and which test shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """One promise.

    Attributes:
        promise: what a user may rely on.
        mechanism: how it is kept, with the number of the rule in a DESIGN.md where it has one.
        tests: paths with ``::`` and the name of a test.
        figures: what of the counts of `tests.figures` belongs to it.
    """

    promise: str
    mechanism: str
    tests: tuple[str, ...]
    figures: tuple[str, ...] = ()


ROWS: Final = (
    Row(
        '`durability="full"`: a put, ack or task_done that returned survives power loss',
        "file: a sync before the return, seen means synced (I6); SQLite: `synchronous=FULL`",
        ("tests/fault/test_power_loss.py::test_power_cut",),
        ("power cuts",),
    ),
    Row(
        '`"normal"` and `"off"`: power loss leaves a clean prefix, never damage',
        "file: what was noted as synced, and a cut at the first gap (I7); SQLite: the log is "
        "synced before it is emptied (D4)",
        (
            "tests/fault/test_power_loss.py::test_power_cut",
            "tests/fault/test_power_cut.py::test_a_sector_that_never_reached_the_medium",
        ),
        ("power cuts",),
    ),
    Row(
        "A new queue is durable by its name too, whoever died while making it",
        "directories are synced up to the mount point before the first item (I1, D1, D3)",
        ("tests/fault/test_power_loss.py::test_a_creation_that_was_interrupted",),
    ),
    Row(
        "A failed write raises, the item is not in the queue, all others are",
        "file: the write is taken back (I4); SQLite: the transaction is rolled back (E1, E2)",
        (
            "tests/fault/test_file_faults.py::test_a_call_fails",
            "tests/fault/test_sqlite_faults.py::test_a_call_fails",
        ),
        ("faults",),
    ),
    Row(
        "A full disk: puts are refused, consumers go on, and puts work again once there is room",
        "file: a cursor that never grows (I1, I10); SQLite: the reserve (R1 to R4)",
        (
            "tests/fault/test_file_faults.py::test_a_disk_that_stays_full",
            "tests/fault/test_sqlite_faults.py::test_a_disk_that_stays_full",
            "tests/sqlite/test_full_disk.py::test_19_consumers_go_on_when_the_disk_is_full",
        ),
        ("faults",),
    ),
    Row(
        "After a failed sync nothing is believed: `StorageUnusable` until the queue is opened anew",
        "file: a latch (I6); SQLite: the engine refuses (E4)",
        (
            "tests/fault/test_file_faults.py::test_a_sync_fails",
            "tests/fault/test_sqlite_faults.py::test_a_sync_fails",
        ),
        ("faults",),
    ),
    Row(
        "kill -9 at any moment loses nothing that returned, brings back nothing that was settled",
        "file: one write, then the words (I3), the slot before the "
        "claim is dropped (I10); SQLite: one transaction an operation, owners by their locks (O1)",
        ("tests/kill/test_kill.py::test_killed_at_any_moment",),
        ("rounds of kill -9", "kills", "items of killed processes"),
    ),
    Row(
        "An exception of a signal's handler in the middle of a call (Ctrl-C, a time limit) leaves "
        "nothing locked, and nothing taken that nobody was told of",
        "locks are held by a `with`, turns and transactions begin inside of the `try` that ends "
        "them (S5, T3, E5); a get that is broken off puts its items back (I15)",
        (
            "tests/file/test_interrupts.py::test_a_get_is_interrupted",
            "tests/sqlite/test_interrupts.py::test_a_get_is_interrupted",
        ),
    ),
    Row(
        "Every kind does what its documentation says, in any order of calls, crashes included",
        "one state machine for all backends",
        (
            "tests/property/test_model.py::test_a_queue_is_its_model",
            "tests/property/test_awaited.py::test_an_awaited_queue_is_its_model",
            "tests/property/test_processes.py::test_two_processes_are_one_queue",
            "tests/property/test_servers.py::test_in_mysql",
            "tests/property/test_servers.py::test_in_postgres",
        ),
        ("scripts",),
    ),
    Row(
        "A damaged file never becomes a wrong item; a loss is reported",
        "file: a checksum over every frame, a sequence and a seed (I14); SQLite: a checksum of each "
        "payload, and every page is read by `verify`",
        (
            "tests/file/test_damage.py::test_every_byte_that_says_something",
            "tests/file/test_damage.py::test_random_mutations",
            "tests/sqlite/test_damage.py::test_flips",
            "tests/sqlite/test_damage.py::test_random_mutations",
            "tests/sqlite/test_damage.py::test_payloads_swapped_between_rows",
        ),
        ("flips", "mutations"),
    ),
    Row(
        "`repair` sets what is damaged aside, and keeps the rest",
        "file: `*.bad` and a VOID frame (I14); SQLite: dead letters with their bytes",
        (
            "tests/file/test_damage.py::test_repair_keeps_the_damaged_bytes",
            "tests/sqlite/test_damage.py::test_repair_sets_aside_and_keeps_the_rest",
        ),
    ),
    Row(
        "No reader of bytes hangs or fails with anything but its own errors",
        "checksum before the serializer; every length is checked against what there is",
        ("tests/fuzz/test_targets.py::test_a_target",),
        ("fuzzed inputs",),
    ),
    Row(
        "Memory, descriptors and disk stay flat",
        "segments are removed (I11); free pages are given back, acked rows trimmed",
        ("tests/soak/test_soak.py::test_everything_stays_flat",),
        ("soaked items", "soaked seconds"),
    ),
    Row(
        "Directories are 0700 and files 0600",
        "the modes are given where a file is made",
        ("tests/security/test_storage_of_others.py::test_only_the_owner_may_look",),
    ),
    Row(
        "A queue's name is never read as SQL",
        "identifiers are quoted in one place",
        ("tests/security/test_storage_of_others.py::test_a_name_is_only_a_name",),
    ),
    Row(
        "A link planted in place of a queue's file leads no write elsewhere",
        "`O_NOFOLLOW` on every file that a queue opens or makes",
        (
            "tests/security/test_storage_of_others.py::test_a_link_planted_later",
            "tests/security/test_storage_of_others.py::test_a_link_in_place_of_a_file_of_a_database",
        ),
    ),
    Row(
        "A signed item that was tampered with is refused before it is unpickled",
        "an HMAC over the bytes, checked first",
        (
            "tests/security/test_storage_of_others.py::test_a_tampered_pickle_is_refused_before_it_is_read",
            "tests/security/test_storage_of_others.py::test_every_byte_of_a_signed_item",
        ),
    ),
    Row(
        "A predecessor's hostile `info` file runs nothing",
        "its pickle is read by an interpreter of numbers only, and only where the serializer is "
        "pickle",
        (
            "tests/security/test_storage_of_others.py::test_a_hostile_info_is_not_unpickled_by_others",
            "tests/security/test_storage_of_others.py::test_a_hostile_info_runs_nothing_with_pickle",
        ),
    ),
    Row(
        "Logs and errors never show a payload",
        "messages are made of names, numbers and types",
        ("tests/security/test_canary.py::test_bytes_that_are_no_item",),
    ),
)
