"""The worker: plays what its standard input asks for, in the interpreter of a peer.

A request is a line of JSON: `{"id", "peer", "backend", "url", "spec", "root", "count", "record"}`
plays a round of session `id`, opened at its first request; `{"close": id}` ends one. Every request is
answered by one line. With `"marked": true` the session is a marked one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from .peers import OpenPeer, Unplayable
from .session import Session
from .spec import Spec

__all__ = ["main"]

#: So many latencies of a round are sent.
MOST = 20_000


def main() -> None:
    """Answers requests until there are no more."""
    # What a peer prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sessions: dict[int, Session] = {}
    try:
        for line in sys.stdin:
            answers.write(json.dumps(_answer(json.loads(line), sessions)) + "\n")
            answers.flush()
    finally:
        for session in sessions.values():
            session.close()


def _answer(request: dict[str, Any], sessions: dict[int, Session]) -> dict[str, Any]:
    try:
        if "close" in request:
            session = sessions.pop(request["close"], None)
            if session is not None:
                session.close()
            return {}
        if request["id"] not in sessions:
            spec = Spec.from_json(request["spec"])
            opened = OpenPeer(request["peer"], request["backend"], spec, request["url"])
            sessions[request["id"]] = Session(
                opened, spec, Path(request["root"]), is_marked=request.get("marked", False)
            )
        sample = sessions[request["id"]].play(request["count"], request["record"])
    except Unplayable as error:
        return {"unplayable": str(error)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {
        "items": sample.items,
        "seconds": sample.seconds,
        "latencies": sample.latencies[:MOST],
    }


if __name__ == "__main__":
    main()
