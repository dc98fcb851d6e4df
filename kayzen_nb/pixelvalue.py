"""Is a parameter's value the planned one, or another that sends the same? Judged for the linter and for repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.lintrules import shown
from kayzen_nb.pixels import build_plan
from kayzen_nb.pixelurl import decoded
from kayzen_nb.tokens import KNOWN, SAME_VALUE, TOKEN, choices, is_known, nearest
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

# Different times of a call: none is surely the wrong one for event_ts, whose format and meaning are not documented.
_TIMES = frozenset({"[Call:CallDateTime]", "[Call:CallConnectionDt]"})


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is wrong with a value: the code, why, what to write, and how far into the value it stands."""

    code: str
    message: str
    fix: str
    offset: int = 0


def _read_families() -> dict[str, tuple[str, ...]]:
    """For each token of the guide and each documented alternative: all the tokens that carry the same value."""
    printed = build_plan("as_published").pixel(Event.INCOMING)
    families = [(printed.value(name) or "", *others) for name, others in SAME_VALUE.items()]
    return {token: family for family in families for token in family}


_FAMILY = _read_families()


def same_values(wanted: str) -> tuple[str, ...]:
    """The planned value and the documented tokens that carry the same."""
    return (wanted, *(token for token in _FAMILY.get(wanted, ()) if token != wanted))


def is_accepted(value: str, wanted: str) -> bool:
    """Whether the value sends what the plan sends: itself, a documented alternative, or a priority token with one."""
    accepted = same_values(wanted)
    if value in accepted:
        return True
    is_priority = "|" in value and TOKEN.fullmatch(value) is not None
    return is_priority and is_known(value) and any(choice in accepted for choice in choices(value))


def judge_value(name: str, value: str, wanted: str) -> Iterator[Judgement]:
    """Everything wrong with a value, against the planned one."""
    right = f"Write {name}={wanted}."
    if is_accepted(value, wanted):
        return
    if not value:
        yield Judgement(code="KZ024", message=f"{name} is empty, not {wanted}", fix=right)
        return
    plain = decoded(value)
    if "[" in plain or is_accepted(plain, wanted):
        yield from _judge_percent(name, value, right)
        value = plain
    if not is_accepted(value, wanted):
        yield from judge_brackets(name, value, right) or _judge_plain(name, value, wanted)


def judge_extra(name: str, value: str) -> Iterator[Judgement]:
    """What is surely wrong with the value of a parameter that is not planned: broken and misspelt tokens."""
    right = f"Correct the value of {name}."
    if "[" in decoded(value):
        yield from _judge_percent(name, value, right)
    broken = judge_brackets(name, decoded(value), right)
    yield from broken or (found for found in _judge_tokens(name, decoded(value), "") if found.code == "KZ032")


def _judge_percent(name: str, value: str, right: str) -> list[Judgement]:
    """Percent codes in place of the brackets of a token or the letters of the planned value."""
    if decoded(value) == value:
        return []
    twice = "%25" in value
    what = "a percent code is encoded a second time" if twice else "percent codes stand in place of plain characters"
    coded = Judgement(
        code="KZ007" if twice else "KZ006",
        offset=value.find("%"),
        message=f"{name}: {what}; Ringba may not know the token, and Kayzen would read the code as text",
        fix=right,
    )
    return [coded]


def judge_brackets(name: str, value: str, right: str) -> list[Judgement]:
    """The bracket that has no partner, or stands inside another pair; empty when all are in order."""
    rest = TOKEN.sub(lambda found: " " * len(found[0]), value)
    places = [at for at, sign in enumerate(rest) if sign in "[]"]
    if not places:
        return []
    nested = f"{name}: a bracket of {shown(value)} has no partner, or a token stands inside another"
    return [Judgement(code="KZ030", offset=places[0], message=nested, fix=right)]


def _judge_plain(name: str, value: str, wanted: str) -> Iterator[Judgement]:
    has_token, wants_token = bool(TOKEN.search(value)), "[" in wanted
    right = f"Write {name}={wanted}."
    if has_token and not wants_token:
        message = f"{name} is filled from {shown(value)}; it has the same value in every call, {wanted}"
        yield Judgement(code="KZ034", message=message, fix=right)
    elif wants_token and not has_token:
        yield _fixed_for_token(name, value, wanted, right)
    elif not wants_token:
        yield Judgement(code="KZ024", message=f"{name} is {shown(value)}, not {wanted}", fix=right)
    elif TOKEN.sub("", value):
        yield Judgement(code="KZ024", message=f"{name}: text stands beside the token in {shown(value)}", fix=right)
    else:
        yield from _judge_tokens(name, value, wanted)


def _fixed_for_token(name: str, value: str, wanted: str, right: str) -> Judgement:
    if f"[{value}]" in same_values(wanted):
        why = f"{name} is {value} without its brackets"
    else:
        why = f"{name} is {shown(value)} for every call, where Ringba should fill in {wanted}"
    return Judgement(
        code="KZ034", message=why, fix=f"{right} If this URL is from a call's event log, paste the pixel's URL instead."
    )


def _judge_tokens(name: str, value: str, wanted: str) -> Iterator[Judgement]:
    for token in TOKEN.finditer(value):
        for choice in choices(token[0]):
            if not is_known(choice):
                yield _unknown(name, choice, wanted, token.start())
        if wanted and is_known(token[0]):
            yield _other_value(name, token[0], wanted, token.start())


def _unknown(name: str, token: str, wanted: str, offset: int) -> Judgement:
    meant = nearest(token) if len(token) <= 100 else None
    known = " or ".join(same_values(wanted)) if wanted else "the name that Ringba's Token button gives"
    if meant:
        return Judgement(
            code="KZ032",
            offset=offset,
            message=f"{name}: there is no token {shown(token)}; Ringba fills a misspelt one with nothing",
            fix=f"Write {meant if not wanted or meant in same_values(wanted) else wanted}: letter case counts.",
        )
    return Judgement(
        code="KZ031",
        offset=offset,
        message=f"{name} is filled from {shown(token)}, which is not documented for it; Ringba blanks unknown tokens",
        fix=f"Use {known}; the complete list is only in Ringba's Token button.",
    )


def _other_value(name: str, token: str, wanted: str, offset: int) -> Judgement:
    """A token that is right elsewhere: surely wrong here, but for another time of the call, or a tag of your own."""
    meanings = " or ".join(KNOWN.get(choice, "a value of your own") for choice in choices(token))
    may_be = {wanted, *choices(token)} <= _TIMES or "[tag:User:" in token
    return Judgement(
        code="KZ031" if may_be else "KZ033",
        offset=offset,
        message=f"{name} is filled from {shown(token)}: that is {meanings}",
        fix=f"Use {' or '.join(same_values(wanted)[:3])}.",
    )


def is_wrong(value: str, wanted: str) -> bool:
    """Whether a value has to be replaced by the planned one; what only deserves a look is left."""
    return any(found.code != "KZ031" for found in judge_value("", value, wanted))
