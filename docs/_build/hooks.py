"""What mkdocs does for this site beyond its plugins.

The changelogs and design documents of the wheels become pages. They lie in `packages/`, where the
reader of a wheel finds them, and are not copied.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

#: The page and the file of each wheel that it is made of.
PAGES: Final = {"changelogs.md": "CHANGELOG.md", "design.md": "DESIGN.md"}
ABOUT: Final = {
    "changelogs.md": "# Changelogs\n\nEvery wheel has its own version.\n",
    "design.md": "# Design\n\nWhat is on the disk, and the order of writes that makes it safe.\n",
}
#: Comments that tell the tests how to run a block.
COMMENT: Final = re.compile(r"^<!-- test: .* -->\n", re.MULTILINE)
#: A link to a file of the repository that is no page.
RELATIVE: Final = re.compile(r"\[([^\]]+)\]\((?!\w+:|#)[^)]*\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made of the wheels' own files."""
    packages = Path(config.config_file_path).parent / "packages"
    for page, name in PAGES.items():
        parts = [ABOUT[page]]
        for file in sorted(packages.glob(f"*/{name}")):
            parts.append(_part(file))
        files.append(File.generated(config, page, content="\n".join(parts)))
    return files


def on_page_markdown(markdown: str, **_context: object) -> str:
    """The page without what is only for the tests."""
    return COMMENT.sub("", markdown)


def _part(file: Path) -> str:
    """A file of a wheel as a part of a page: its title names the wheel, its headings are below."""
    lines = []
    is_code = False
    name = file.parent.name
    for line in RELATIVE.sub(r"\1", file.read_text("utf-8")).splitlines():
        if line.startswith("```"):
            is_code = not is_code
        if line.startswith("# ") and not is_code:
            # "Changelog of pq-core" becomes "pq-core", "The file queue on disk" stays with the name.
            line = f"# {name}" if name in line else f"{line} ({name})"
        lines.append(f"#{line}" if line.startswith("#") and not is_code else line)
    return "\n".join(lines) + "\n"
