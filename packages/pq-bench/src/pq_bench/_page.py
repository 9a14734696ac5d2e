"""`page`: results as one HTML file that needs nothing else."""

from __future__ import annotations

from typing import Any

__all__ = ["page"]


def page(document: dict[str, Any]) -> str:
    """The page."""
    return f"<!doctype html><title>{document['command']}</title>"
