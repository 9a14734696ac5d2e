"""Imported before the tests: has pytest explain their assertions as it does in test modules."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__package__}.{path.stem}"
        for path in Path(__file__).parent.glob("_[a-z]*.py")
        if path.stem != "_rewrite"
    )
)
