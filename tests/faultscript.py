"""What happens to requests: single actions, scripts of them, and the requests that came; see ``faultserver``."""

from __future__ import annotations

import gzip
import json
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Answer = tuple[int, Mapping[str, str], bytes]
    Respond = Callable[[str, str, Mapping[str, str], bytes], Answer]

_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html"}


# Actions.


@dataclass(frozen=True, kw_only=True)
class Action:
    """What happens to one request. Made by the functions below."""

    kind: str
    after: int = 0
    lying: bool = True
    tick_s: float = 0.0
    answer: Answer | None = None
    content: bytes = b""
    before: Callable[[], object] | None = None


def ok(*, before: Callable[[], object] | None = None) -> Action:
    return Action(kind="ok", before=before)


def status(code: int, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Action:
    return Action(kind="ok", answer=(code, dict(headers or {}), body))


def rate_limited(*, span: str = "Minute", code: int = 429, headers: Mapping[str, str] | None = None) -> Action:
    told = {"isRateLimited": True, "exceedingRateLimit": span, "message": "Your account has been rate limited"}
    return status(code, headers=_JSON | dict(headers or {}), body=json.dumps(told).encode())


def redirect(url: str) -> Action:
    return status(302, headers={"Location": url})


def login_page() -> Action:
    return status(200, headers=_HTML, body=b"<!DOCTYPE html><html><title>Sign in</title></html>")


def reset(*, after: int = 0) -> Action:
    return Action(kind="reset", after=after)


def cut(*, after: int, lying: bool = True) -> Action:
    return Action(kind="cut", after=after, lying=lying)


def drip(*, tick_s: float = 0.05) -> Action:
    return Action(kind="drip", tick_s=tick_s)


def silent() -> Action:
    return Action(kind="silent")


def refused() -> Action:
    return Action(kind="refused")


def gzip_bomb(megabytes: int) -> Action:
    packed = gzip.compress(b" " * 1_000_000 * megabytes, compresslevel=9)
    return status(200, headers=_JSON | {"Content-Encoding": "gzip"}, body=packed)


def raw(content: bytes) -> Action:
    return Action(kind="raw", content=content)


# Scripts.

SURVIVABLE = ("5xx", "reset", "cut", "cut_unseen", "429", "limited_in_200", "moved")
FATAL = ("login_page",)  # no reader should try again here


def random_faults(
    seed: int,
    rate: float,
    *,
    kinds: Iterable[str] = SURVIVABLE,
    in_a_row: int = 2,
    move: Callable[[random.Random], object] | None = None,
) -> Iterator[Action]:
    """Actions without end: about ``rate`` of them are faults of the given kinds, the same ones for the same seed.

    At most ``in_a_row`` faults follow each other, so that a reader that tries three times always comes through. A
    "moved" request is answered well after ``move(rng)`` moved the data (``sandbox.disturb``); without ``move`` there
    is none.
    """
    rng = random.Random(seed)  # noqa: S311  # a game, not a secret
    usable = [kind for kind in kinds if kind != "moved" or move]
    faults_so_far = 0
    while True:
        kind = rng.choice(usable) if rng.random() < rate else "ok"
        if kind not in ("ok", "moved"):
            faults_so_far += 1
            kind = kind if faults_so_far <= in_a_row else "ok"
        if kind in ("ok", "moved"):
            faults_so_far = 0
        yield _random_action(kind, rng, move)


def _random_action(kind: str, rng: random.Random, move: Callable[[random.Random], object] | None) -> Action:
    after = rng.randrange(1, 4000)
    makers: dict[str, Callable[[], Action]] = {
        "ok": ok,
        "moved": lambda: ok(before=lambda: move(rng) if move else None),
        "5xx": lambda: status(rng.choice((500, 502, 503, 504))),
        "reset": lambda: reset(after=rng.choice((0, after))),
        "cut": lambda: cut(after=after),
        "cut_unseen": lambda: cut(after=after, lying=False),
        "429": lambda: rate_limited(headers={"Retry-After": str(rng.randrange(1, 30))}),
        "limited_in_200": lambda: rate_limited(code=200),
        "login_page": login_page,
    }
    return makers[kind]()


def records_of(records: list[object], *, path_ends_with: str = "/calllogs") -> Respond:
    """Answers every call-log request with these records and their number; everything else with 404."""

    def respond(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG001  # the shape of Respond
        if not target.endswith(path_ends_with):
            return 404, _JSON, b"{}"
        report = {"partialResult": False, "totalCount": len(records), "records": records}
        return 200, _JSON, json.dumps({"isSuccessful": True, "report": report}).encode()

    return respond


# What was asked.


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came; header names in lower case. ``action`` is what happened to it."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
    action: Action

    def json(self) -> object:
        return json.loads(self.body)


class Script:
    """Deals out the actions, keeps the requests, and asks who answers; safe in threads."""

    def __init__(self, respond: Respond, script: Iterable[Action]) -> None:
        self.requests: list[Asked] = []
        self._respond, self._actions, self._lock = respond, iter(script), threading.Lock()

    def take(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[Action, Answer]:
        """What happens to a request, and the answer that it would get. A fault leaves no trace in who answers."""
        lower = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            action = next(self._actions, None) or ok()
            self.requests.append(Asked(method=method, path=path, headers=lower, body=body, action=action))
            if action.before:
                action.before()
            if action.answer or action.kind in ("silent", "refused", "raw"):
                return action, action.answer or (200, {}, b"")
            return action, self._respond(method, path, headers, body)
