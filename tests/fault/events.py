"""What the recording file system notes of each change."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Event"]

#: (kind, number of the file or directory, detail):
#:
#: - ("write", file, (offset, bytes)), ("truncate", file, length)
#: - ("name", directory, (name, number, whether it is a directory)), ("unname", directory, name)
#: - ("rename", directory, (old name, new directory, new name, number, whether a directory))
#: - ("sync", file or directory, None), ("failed sync", file, None)
#: - ("note", 0, anything that the test wants to have in its place)
Event: TypeAlias = tuple[str, int, Any]
