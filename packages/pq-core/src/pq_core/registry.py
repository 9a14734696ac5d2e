"""Queues by URL, whatever wheel they come from.

A backend is an entry point in the group ``persistqueue.backends``. Its name is the scheme of its
URLs; what it loads is either

- an object with ``from_url(url, **options)``, which gets a `QueueURL` and returns a queue, or
- a class (or function) that takes a path first. Its attribute ``url_options`` maps the options
  that a URL may give to their types, as `convert_options` takes them.

::

    file:///var/spool/orders?durability=full     an absolute path
    file:spool/orders                            a relative path
    sqlite:///var/lib/app?name=orders            an absolute path
    mysql://user:secret@host:3306/database       a server

What has a meaning in a URL is percent-encoded (RFC 3986): ``%40`` for ``@`` in a password,
``%23`` for ``#`` and ``%3F`` for ``?`` in a path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pq_core.errors import BackendNotInstalled

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "QueueURL", "backends", "convert_options", "open_queue"]

#: The entry-point group.
GROUP: Final = "persistqueue.backends"

#: Which wheel has which scheme, to tell what to install.
_WHEELS: Final = {
    "file": "pq-file",
    "mariadb": "pq-mysql",
    "mysql": "pq-mysql",
    "postgres": "pq-postgres",
    "postgresql": "pq-postgres",
    "sqlite": "pq-sqlite",
}
_SECRETS: Final = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)
_DRIVE: Final = re.compile(r"/[A-Za-z]:(?:[/\\]|$)")
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True)
class QueueURL:
    """A URL of a queue in its parts, percent-decoded. The repr shows no password.

    Attributes:
        scheme: in lower case; names the backend.
        path: as in the URL, so with its leading slash; see `local_path`.
        query: the options, as texts.
        username: None where not given.
        password: None where not given.
        host: None where not given.
        port: None where not given.
    """

    scheme: str
    path: str
    query: dict[str, str] = field(default_factory=dict, hash=False)
    username: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, url: str) -> QueueURL:
        """The parts of `url`.

        Raises:
            ValueError: it has no scheme, a bad port, a fragment, or gives an option twice.
        """
        parts = _split(url)
        if len(parts.scheme) < 2:  # one letter is a Windows drive
            raise ValueError(
                "the queue URL has no scheme; write file:relative/path or file:///absolute/path"
            )
        if parts.fragment:
            raise ValueError(f"the {parts.scheme} URL has a fragment; write '#' as %23")
        query: dict[str, str] = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name in query:
                raise ValueError(f"the {parts.scheme} URL gives the option {name!r} twice")
            query[name] = value
        return cls(
            scheme=parts.scheme,
            path=unquote(parts.path),
            query=query,
            username=_decoded(parts.username),
            password=_decoded(parts.password),
            host=_decoded(parts.hostname),
            port=parts.port,
        )

    def local_path(self, *, windows: bool = os.name == "nt") -> str:
        """The path on this machine that the URL means.

        Args:
            windows: take ``/C:/queue`` for ``C:/queue``.

        Raises:
            ValueError: the URL names another host (``file://relative/path`` does), or no path.
        """
        if self.host not in (None, "localhost"):
            raise ValueError(
                f"the {self.scheme} URL names the host {self.host!r}; write "
                f"{self.scheme}:relative/path or {self.scheme}:///absolute/path"
            )
        if not self.path:
            raise ValueError(f"the {self.scheme} URL has no path; write {self.scheme}:path")
        return self.path[1:] if windows and _DRIVE.match(self.path) else self.path

    def __repr__(self) -> str:
        query = {k: "***" if _SECRETS.search(k) else v for k, v in self.query.items()}
        password = None if self.password is None else "***"
        return (
            f"QueueURL(scheme={self.scheme!r}, path={self.path!r}, query={query!r}, "
            f"username={self.username!r}, password={password!r}, host={self.host!r}, "
            f"port={self.port!r})"
        )


def backends() -> dict[str, EntryPoint]:
    """The installed backends by scheme, in alphabetical order; none of them is imported."""
    from importlib.metadata import entry_points  # most of the start-up time, were it above

    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def open_queue(url: str | QueueURL, **options: Any) -> Any:
    """The queue that a URL names, created where there is none.

    Args:
        url: such as ``file:///var/spool/orders?durability=full``.
        options: parameters of the queue, as objects; they win over those in the URL.

    Returns:
        a queue of the backend that the scheme names.

    Raises:
        BackendNotInstalled: no installed wheel has that scheme.
        ValueError: the URL cannot be understood, or has an option that the backend does not
            know, or a value that the option cannot take.
    """
    if isinstance(url, str):
        url = QueueURL.parse(url)
    installed = backends()
    if url.scheme not in installed:
        raise _not_installed(url.scheme, list(installed))
    target = installed[url.scheme].load()
    from_url = getattr(target, "from_url", None)
    if from_url is not None:
        return from_url(url, **options)
    given = convert_options(url.query, getattr(target, "url_options", {}))
    return target(url.local_path(), **{**given, **options})


def convert_options(
    given: Mapping[str, str], types: Mapping[str, Callable[[str], Any]]
) -> dict[str, Any]:
    """The options of a URL, each as the type that the backend wants.

    Args:
        given: the texts, as in `QueueURL.query`.
        types: the known options. `bool` takes 1, true, yes, on and 0, false, no, off; anything
            else (`int`, `float`, `str`, a function of one's own) is called with the text.

    Raises:
        ValueError: an option is not known, or its text does not fit.
    """
    converted: dict[str, Any] = {}
    for name, text in given.items():
        if name not in types:
            known = ", ".join(sorted(types)) or "none"
            raise ValueError(f"the URL option {name!r} is not known; known are: {known}")
        kind = types[name]
        try:
            converted[name] = _to_bool(text) if kind is bool else kind(text)
        except ValueError as error:
            wanted = getattr(kind, "__name__", str(kind))
            raise ValueError(f"the URL option {name!r} must be {wanted}, not {text!r}") from error
    return converted


def _to_bool(text: str) -> bool:
    word = text.lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("neither yes nor no")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked on access
    except ValueError:
        pass
    else:
        return parts
    # Outside of the handler: the errors of urllib quote the text, and so parts of a password.
    raise ValueError(
        "the queue URL has a host or port that cannot be understood; percent-encode '/', '#', "
        "'?', '[' and '@' in the user name and password"
    )


def _decoded(part: str | None) -> str | None:
    return None if part is None else unquote(part)


def _not_installed(scheme: str, installed: list[str]) -> BackendNotInstalled:
    wheel = _WHEELS.get(scheme)
    if wheel is not None:
        return BackendNotInstalled(
            f"the scheme {scheme!r} comes with the wheel {wheel}, which is not installed; "
            f"run: pip install {wheel}",
            name=wheel,
        )
    known = ", ".join(installed) or "none"
    return BackendNotInstalled(
        f"no installed wheel has a backend for the scheme {scheme!r}; installed are: {known}"
    )
