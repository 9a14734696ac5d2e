"""Libraries that pq-core does not depend on."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pq_core.errors import BackendNotInstalled

__all__ = ["library"]


def library(name: str) -> Any:
    """The top-level module `name`, which comes with the extra of the same name.

    Raises:
        BackendNotInstalled: it is not there. (What a module that is there lacks for itself is
            passed on as it is.)
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise BackendNotInstalled(
            f"the {name} serializer needs the library {name}, which is not installed; "
            f"run: pip install 'pq-core[{name}]'",
            name=name,
        ) from error
