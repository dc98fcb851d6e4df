"""One pixel under the linter: its address, its parameters, its values, and the fields of Ringba's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.lintaddress import check_address, check_damage
from kayzen_nb.lintform import AMOUNTS, check_amounts, check_form
from kayzen_nb.lintjudged import event_told, names_event
from kayzen_nb.lintrules import Finding, is_showable_name, meant_name, shown, shown_name
from kayzen_nb.pixelurl import decoded
from kayzen_nb.pixelvalue import judge_extra, judge_value
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.lintjudged import Judged
    from kayzen_nb.pixels import PlannedPixel, UrlParameter
    from kayzen_nb.pixelurl import Part

# Kayzen's page "Event API integration" documents these; the guide's URLs do not carry them (kayzen.md 1.1).
_IN_KAYZENS_PAGE = frozenset({
    "bid_id", "idfa", "gaid", "idfv", "os", "activity_kind", "package_name", "event_items", "view_through",
    "is_reengagement", "revenue_USD", "ip", "country_code", "city", "c0", "c1", "c2",
})  # fmt: skip
_NOT_ON_ERROR = (*AMOUNTS, "[tag:CallLength:", "[Call:IsDuplicate]", "[tag:CallInfo:IsDuplicate]")


def check_pixel(judged: Judged) -> Iterator[Finding]:
    """Everything wrong with one pixel, in reading order."""
    yield from check_damage(judged.url, judged.finding)
    yield from check_address(judged.url, judged.finding)
    yield from _check_cut(judged)
    yield from _check_parts(judged)
    yield from _check_missing(judged)
    yield from check_amounts(judged)
    yield from check_form(judged)


def _check_cut(judged: Judged) -> Iterator[Finding]:
    """A URL that ends in the middle of a parameter while others should follow."""
    url, names = judged.url, [p.name for p in judged.planned.parameters]
    given = {part.name for part in url.parts}
    last = url.parts[-1] if url.parts else None
    missing = [name for name in names if name not in given]
    if last and missing and not _ends_early(last, missing, judged.planned):
        return
    if missing and (last or not url.question):
        yield judged.finding(
            "KZ009",
            "the URL ends here, in the middle" if last else "the URL ends before its parameters",
            "Copy the URL again, to its end.",
            max(len(url.given), 1),
            "URL",
        )


def _ends_early(last: Part, missing: list[str], planned: PlannedPixel) -> bool:
    wanted = planned.value(last.name)
    if wanted is None:
        return not last.equals and any(name.startswith(last.name) for name in missing)
    begun = last.value != wanted and wanted.startswith(last.value) and bool(last.equals)
    names = [p.name for p in planned.parameters]
    return begun and names[-1] != last.name and set(names[names.index(last.name) + 1 :]) <= set(missing)


def _check_parts(judged: Judged) -> Iterator[Finding]:
    seen: dict[str, Part] = {}
    for part in judged.url.parts:
        yield from _check_separators(part, judged)
        first = seen.setdefault(part.name.casefold(), part)
        if not part.name and not part.value:
            continue
        if first is not part:
            yield _repeated(part, first, judged)
        else:
            yield from _check_part(part, judged)


def _check_separators(part: Part, judged: Judged) -> Iterator[Finding]:
    name = part.name if is_showable_name(part.name) else "the next parameter"
    if not part.name and not part.value:
        message = "two & stand together, or one at the end"
        yield judged.finding("KZ023", message, "Delete the extra &.", part.position, "&")
    elif part.joint != "&":
        how = "is lost" if not part.joint else f"is written as {part.joint}"
        code = "KZ006" if part.joint.startswith("%") else "KZ023"
        yield judged.finding(code, f"the & before {name} {how}", f"Write &{name}=...", part.position, part.name)
    if part.equals != "=" and part.name in judged.names:
        lost = not part.equals
        how = "is lost" if lost else f"is written as {part.equals}"
        code = "KZ006" if part.equals.startswith("%") else "KZ025"
        yield judged.finding(code, f"the = after {name} {how}", f"Write {name}=...", part.value_position, part.name)


def _repeated(part: Part, first: Part, judged: Judged) -> Finding:
    same = "with the same value" if part.value == first.value else "with another value"
    case = "" if part.name == first.name else "; only the letter case differs"
    message = f"parameter {shown_name(part.name)} stands more than once, {same}{case}"
    return judged.finding("KZ022", message, "Delete the repetition.", part.position, part.name)


def _check_part(part: Part, judged: Judged) -> Iterator[Finding]:
    wanted = judged.planned.value(part.name)
    if judged.event is Event.ERROR and _not_on_error(part, judged):
        what = "the duplicate flag" if "uplicate" in part.value + part.name else "this value (revenue, duration)"
        fix = f"Leave {part.name} out of the Error pixel once Kayzen agrees (inferred)."
        message = f"the guide says {what} is not available on Error calls"
        yield judged.finding("KZ111", message, fix, part.position, part.name)
    elif wanted is None and (judged.event or part.name not in judged.names):
        yield from _check_extra(part, judged)
    elif part.name == "api_key":
        yield from _check_key(part, judged)
    elif part.name == "app_event":
        yield from _check_app_event(part, judged)
    elif wanted is not None:
        yield from _check_value(part, wanted, judged)


def _not_on_error(part: Part, judged: Judged) -> bool:
    """Whether the Error pixel sends what the guide says does not exist there, and Kayzen has not asked for it."""
    planned = next((p for p in judged.planned.parameters if p.name == part.name), None)
    if planned is not None and planned.standing == "confirmed":
        return False
    return part.name == "is_duplicate" or any(token in part.value for token in _NOT_ON_ERROR)


def _check_value(part: Part, wanted: str, judged: Judged) -> Iterator[Finding]:
    for found in judge_value(part.name, part.value, wanted):
        position = judged.url.position(part.value_span[0] + found.offset) if found.offset else part.position
        yield judged.finding(found.code, found.message, found.fix, position, part.name)


def _check_key(part: Part, judged: Judged) -> Iterator[Finding]:
    """The key's own faults; whether it is a placeholder or another's is asked of all pixels at once (``lintset``)."""
    if not part.value:
        fix = "Put in the key that Kayzen provided."
        yield judged.finding("KZ011", "the key is empty", fix, part.position, "api_key")


def _check_extra(part: Part, judged: Judged) -> Iterator[Finding]:
    given = {p.name for p in judged.url.parts}
    names = [p.name for p in judged.planned.parameters if p.name not in given]
    if not part.equals and part is judged.url.parts[-1] and any(name.startswith(part.name) for name in names):
        return  # the URL was cut here (KZ009)
    message = f"parameter {shown_name(part.name)} is not in the plan"
    if meant := meant_name(part.name, names):
        fix = f"Check its spelling: did you mean {meant!r}?"
    elif part.name in _IN_KAYZENS_PAGE:
        fix = "Kayzen's Event API page names it, the guide does not: ask Kayzen whether to send it for calls."
    else:
        fix = f"Delete it unless Kayzen asked for it. Planned: {', '.join(p.name for p in judged.planned.parameters)}."
    yield judged.finding("KZ021", message, fix, part.position, part.name)
    if not meant:
        for found in judge_extra(part.name if is_showable_name(part.name) else "a parameter", part.value):
            position = judged.url.position(part.value_span[0] + found.offset)
            yield judged.finding(found.code, found.message, found.fix, position, part.name)


def _check_app_event(part: Part, judged: Judged) -> Iterator[Finding]:
    wanted = judged.planned.value("app_event") or ""
    told = [pixel.value("app_event") or "" for pixel in judged.plan.pixels]
    if "[" in part.value or decoded(part.value) != part.value or (judged.event and not part.value):
        yield from _check_value(part, wanted, judged)
    elif judged.event and part.value != wanted:
        yield _other_event(part, wanted, judged)
    elif not judged.event and part.value not in told:
        near = meant_name(part.value, told)
        hint = f"did you mean {near!r}?" if near else f"planned: {', '.join(told)}"
        message = f"app_event={shown(part.value)} is not one of the six events"
        fix = f"Check its spelling: {hint}"
        yield judged.finding("KZ024", message, fix, part.position, "app_event")


def _other_event(part: Part, wanted: str, judged: Judged) -> Finding:
    """app_event against Fire Pixel On; where name and app_event agree with each other, Fire Pixel On is the odd one."""
    told = event_told(judged.url, judged.plan)
    message = (
        f"app_event={shown(part.value)} on the pixel that fires on {judged.event}: "
        f"Kayzen would count this as {shown(part.value)!r}"
    )
    if told and judged.pixel.fire_on and names_event(judged.pixel.name, told, judged.plan):
        fix = f"Name and app_event both say {told}: set Fire Pixel On to {judged.plan.pixel(told).fire_on}."
        return judged.finding("KZ101", message, fix, part.position, "Fire Pixel On")
    planned = next(p for p in judged.planned.parameters if p.name == "app_event")
    confirm = " (inferred: confirm with Kayzen)" if planned.standing == "inferred" else ""
    return judged.finding("KZ101", message, f"Write app_event={wanted}{confirm}.", part.position, "app_event")


def _check_missing(judged: Judged) -> Iterator[Finding]:
    given = {part.name for part in judged.url.parts}
    strange = [part.name for part in judged.url.parts if part.name not in judged.names]
    for planned in judged.planned.parameters:
        if planned.name in given or _is_unconfirmed_amount(planned, judged):
            continue
        instead = next((name for name in strange if meant_name(name, [planned.name])), "")
        why = f" ({instead!r} stands there)" if is_showable_name(instead) else ""
        value = "and the key that Kayzen provided" if planned.name == "api_key" else planned.value
        fix = f"Correct the name to {planned.name}." if why else f"Add &{planned.name}={value}."
        yield judged.finding("KZ020", f"parameter {planned.name} is missing{why}", fix, None, planned.name)


def _is_unconfirmed_amount(planned: UrlParameter, judged: Judged) -> bool:
    return judged.event is Event.CONVERTED and planned.value in AMOUNTS and planned.standing == "inferred"
