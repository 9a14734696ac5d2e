"""Takes the mechanism of each guarantee out, and looks whether its test notices.

``python -m tests.guarantees.mutants [PART-OF-A-PROMISE ...]`` copies the project, changes one place
of it at a time and runs the test that the row names: it has to fail. That takes a few minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["MUTANTS", "SOURCES", "Mutant"]

ROOT: Final = Path(__file__).parent.parent.parent
SOURCES: Final = "packages/pq-core/src/pq_core/"


class Mutant(NamedTuple):
    """One mechanism, taken out.

    Attributes:
        promise: the beginning of the row's promise.
        path: the file, below pq_core.
        old: what stands there, once or more.
        new: what stands there instead.
        test: the test that has to fail.
        only: what pytest is told to choose of it, as with its ``-k``.
    """

    promise: str
    path: str
    old: str
    new: str
    test: str
    only: str = ""


MUTANTS: Final = (
    Mutant(
        '`durability="full"`',
        "log/head.py",
        "        self._disk.datasync(segment.fd)\n        words = self._words\n",
        "        words = self._words\n",
        "tests/fault/test_power_loss.py::test_power_cut",
        "file and full and not autosave",
    ),
    Mutant(
        '`durability="full"`',
        "sqlite/files.py",
        '"full": "FULL"',
        '"full": "NORMAL"',
        "tests/fault/test_power_loss.py::test_power_cut",
        "sqlite and full",
    ),
    Mutant(
        '`"normal"` and `"off"`',
        "log/recovery.py",
        "if cut and unsynced and _never_written(",
        "if False and _never_written(",
        "tests/fault/test_power_cut.py::test_a_sector_that_never_reached_the_medium",
    ),
    Mutant(
        "A new queue is durable by its name",
        "log/create.py",
        "    disk.sync_path(path)\n    disk.sync_directory(path)\n    disk.rename",
        "    disk.rename",
        "tests/fault/test_power_loss.py::test_a_creation_that_was_interrupted",
        "file",
    ),
    Mutant(
        "A failed write raises",
        "log/head.py",
        "                    raise failure(error, self._store.segment_path(self._number)) from error\n"
        "                raise\n            finally:\n                self._turn.leave()\n"
        "        if full:\n            self.syncing.reach(after)\n        return seq\n",
        "                    return self._seq\n"
        "                raise\n            finally:\n                self._turn.leave()\n"
        "        if full:\n            self.syncing.reach(after)\n        return seq\n",
        "tests/fault/test_file_faults.py::test_a_call_fails",
    ),
    Mutant(
        "A full disk",
        "sqlite/link.py",
        "self._reserve = None if path is None else Reserve(path)",
        "self._reserve: Reserve | None = None",
        "tests/sqlite/test_full_disk.py::test_19_consumers_go_on_when_the_disk_is_full",
    ),
    Mutant(
        "After a failed sync",
        "log/group.py",
        "        if self.error is not None:\n            raise StorageUnusable(",
        "        if False:\n            raise StorageUnusable(",
        "tests/fault/test_file_faults.py::test_a_sync_fails",
    ),
    Mutant(
        "After a failed sync",
        "sqlite/link.py",
        "        if has_lost_sync(error):",
        "        if False:",
        "tests/fault/test_sqlite_faults.py::test_a_sync_fails",
    ),
    Mutant(
        "kill -9",
        "log/owners.py",
        "claims.give_back(run.at)",
        "claims.runs()",
        "tests/kill/test_kill.py::test_killed_at_any_moment",
        "file",
    ),
    Mutant(
        "An exception of a signal's handler",
        "log/queue.py",
        "        self._session.mend(unseen)\n",
        "",
        "tests/file/test_interrupts.py::test_a_get_is_interrupted",
    ),
    Mutant(
        "An exception of a signal's handler",
        "sqlite/run.py",
        "    try:\n        cursor.execute(begin)",
        "    cursor.execute(begin)\n    try:\n        pass",
        "tests/sqlite/test_interrupts.py::test_a_get_is_interrupted",
        "holding or ack",
    ),
    Mutant(
        "Every kind does",
        "sql/plans/acked_sql.py",
        '" DESC" if kind.newest_first else ""',
        '""',
        "tests/property/test_model.py::test_a_queue_is_its_model",
        "filo",
    ),
    Mutant(
        "A damaged file",
        "log/frame.py",
        "    if crc32(memoryview(data)[start + 8 : end - marks], seed) != crc:",
        "    if False:",
        "tests/file/test_damage.py::test_random_mutations",
    ),
    Mutant(
        "A damaged file",
        "sql/rows.py",
        "if crc is not None and crc32(data) != crc:",
        "if False:",
        "tests/sqlite/test_damage.py::test_payloads_swapped_between_rows",
    ),
    Mutant(
        "`repair` sets",
        "log/store.py",
        "                self.disk.write_all(fd, data, at)\n                at += len(data)\n",
        "                at += len(data)\n",
        "tests/file/test_damage.py::test_repair_keeps_the_damaged_bytes",
    ),
    Mutant(
        "No reader of bytes",
        "log/frame.py",
        "    if behind > len(data):\n        return None\n",
        "",
        "tests/fuzz/test_targets.py::test_a_target",
    ),
    Mutant(
        "Memory, descriptors and disk",
        "sql/plans/acked.py",
        "if boundary is None or limit == 0:",
        "if boundary is None or limit >= 0:",
        "tests/soak/test_soak.py::test_everything_stays_flat",
    ),
    Mutant(
        "Directories are 0700",
        "disk.py",
        "file_mode: int = 0o600",
        "file_mode: int = 0o666",
        "tests/security/test_storage_of_others.py::test_only_the_owner_may_look",
    ),
    Mutant(
        "A queue's name",
        "sql/dialect.py",
        "name.replace(self.quote, self.quote * 2)",
        "name",
        "tests/security/test_storage_of_others.py::test_a_name_is_only_a_name",
    ),
    Mutant(
        "A link planted",
        "disk.py",
        'getattr(os, "O_NOFOLLOW", 0)',
        "0",
        "tests/security/test_storage_of_others.py::test_a_link_planted_later",
    ),
    Mutant(
        "A signed item",
        "serializers/_signed.py",
        "if hmac.compare_digest(hmac.digest(key, body, _DIGEST), tag):",
        "if key:",
        "tests/security/test_storage_of_others.py::test_every_byte_of_a_signed_item",
    ),
    Mutant(
        "A predecessor's hostile",
        "log/legacy.py",
        "        if code not in _INFO_OPCODES or",
        "        return pickle.loads(data)\n        if code not in _INFO_OPCODES or",
        "tests/security/test_storage_of_others.py::test_a_hostile_info_runs_nothing_with_pickle",
    ),
    Mutant(
        "Logs and errors",
        "serializers/_adapter.py",
        "cannot be read back by {name!r} ({type(error).__name__}); ",
        "cannot be read back by {name!r} ({error!r}); ",
        "tests/security/test_canary.py::test_bytes_that_are_no_item",
    ),
)


def _is_noticed(mutant: Mutant) -> bool:
    """Whether the test fails without the mechanism, in a copy of the project."""
    with tempfile.TemporaryDirectory(prefix="pq-mutant-") as name:
        copy = Path(name) / "project"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "dist", "site")
        shutil.copytree(ROOT, copy, ignore=ignored)
        changed = copy / SOURCES / mutant.path
        changed.write_text(changed.read_text("utf-8").replace(mutant.old, mutant.new), "utf-8")
        sources = sorted(str(path) for path in copy.glob("packages/*/src"))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        selection = ["-m", "slow or not slow", *(["-k", mutant.only] if mutant.only else [])]
        done = subprocess.run(
            [*command, *selection, mutant.test],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sources)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(f"{mutant.test} did not run:\n{done.stdout[-2000:]}{done.stderr}")
        return done.returncode == 1


def main(chosen: list[str]) -> int:
    """Tries the mutants, and returns how many were not noticed."""
    missed = 0
    for mutant in MUTANTS:
        if chosen and not any(part in mutant.promise for part in chosen):
            continue
        noticed = _is_noticed(mutant)
        missed += not noticed
        said = "noticed" if noticed else "MISSED"
        sys.stdout.write(f"{said}: {mutant.promise} - {mutant.path}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{missed} of the mechanisms can be taken out without a test that fails\n")
    return missed


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
