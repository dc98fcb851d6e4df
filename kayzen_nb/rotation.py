"""The key: which pixels carry which one, how to change it, and the proof that no old one has fired since.

Keys are told apart by their fingerprints; no key stands in any text here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.pixelset import carries_key, is_kayzen_url, is_placeholder, key_in, keys_of, match_pixels
from kayzen_nb.privacy import mask_url

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from kayzen_nb.account import Pixel
    from kayzen_nb.calls import PixelFire
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.vocabulary import Event

KIND = "key_seen"
_CHANGE_SIX = (
    "In Ringba > Integrations > Pixels, open each of the six Kayzen pixels and put the new key in the place of the old "
    "one, after api_key= in the URL. Save each."
)
_LOOK_BACK = (
    "Look at the pixel fires of the hours since: no fire may carry another key. Whether a call that began before the "
    "change still fires the old URL is not documented, so take a few hours with calls."
)


@dataclass(frozen=True, kw_only=True)
class PixelKey:
    """Which key one pixel carries: ``standing`` is new, old, another, placeholder, none, or no pixel."""

    event: Event
    pixel: str
    fingerprint: str
    standing: str

    @property
    def is_done(self) -> bool:
        """Whether the pixel carries the new key."""
        return self.standing == "new"


def compare_keys(
    pixels: Iterable[Pixel], plan: Plan, new_key: Secret, old_fingerprints: Collection[str] = ()
) -> tuple[PixelKey, ...]:
    """Which of the six carry the new key, which an old one, which another. One row a pixel, at least one an event."""
    return tuple(
        _standing(event, one, plan, new_key, old_fingerprints)
        for event, found in match_pixels(pixels, plan).items()
        for one in found or (None,)
    )


def fingerprints_seen(pixels: Iterable[Pixel], plan: Plan) -> dict[str, str]:
    """The fingerprint that each event's pixel carries, as the journal keeps it (kind ``key_seen``)."""
    keys = {event: keys_of(found) for event, found in match_pixels(pixels, plan).items()}
    return {event.value: ", ".join(sorted(key.fingerprint for key in some)) for event, some in keys.items() if some}


def check_keys(keys: Sequence[PixelKey]) -> Check:
    """Whether all six carry the new key."""
    left = [f"{key.event}: {_words(key)}" for key in keys if not key.is_done]
    return Check(
        name="all six pixels carry the new key",
        verdict=Verdict.FAIL if left else Verdict.PASS,
        expected="the new key in six",
        found="; ".join(left) or f"{len(keys)} of {len(keys)}",
        next_step="Put the new key into these URLs, and save." if left else "",
    )


def explain_rotation(
    new_fingerprint: str = "", old_fingerprints: Collection[str] = (), keys: Sequence[PixelKey] = ()
) -> tuple[str, ...]:
    """The steps of a change of key, in order; those already seen to be done say so."""
    new = f" (fingerprint {new_fingerprint})" if new_fingerprint else ""
    old = f" (fingerprint {', '.join(sorted(old_fingerprints))})" if old_fingerprints else ""
    left = [key for key in keys if not key.is_done]
    names = f" Still to change: {', '.join(dict.fromkeys(key.event.value for key in left))}." if left else ""
    done = " All six carry it already." if keys and not left else ""
    return (
        "Ask your Kayzen account manager for the new key, and whether the old one stays valid until you say so.",
        f"Set the new key{new} here: KAYZEN_API_KEY in the environment, in .env, or in the keyring.",
        _CHANGE_SIX + names + done,
        "Note the time at which the last of the six was saved, and place a test call that an agent answers.",
        "Verify the test call (notebook 02, or kayzen-nb verify): each pixel fire must carry the new fingerprint.",
        _LOOK_BACK,
        f"Only then tell Kayzen to retire the old key{old}.",
    )


def check_rotation(fires: Iterable[PixelFire], new_key: Secret, changed_at: datetime) -> list[Check]:
    """The proof from pixel fires that no other key has fired since ``changed_at`` (aware).

    The first check is the answer; one for each pixel that fired since follows. Unknown when no pixel fired since, or
    when a fire does not show its time or its URL. Keys are compared byte for byte after percent-decoding. Fires of
    pixels for anyone but Kayzen are left out.
    """
    known = _for_kayzen(list(fires))
    names = dict.fromkeys(fire.pixel_name.strip() for fire in known)
    by_name = {name: [fire for fire in known if fire.pixel_name.strip() == name] for name in names}
    checks = [c for name, some in by_name.items() if (c := _check_pixel(name, some, new_key, changed_at))]
    silent = [name for name in by_name if not any(_is_since(f, changed_at) for f in by_name[name])]
    undated = sum(fire.fired_at is None for fire in known)
    return [_answer(checks, silent, undated, changed_at), *checks]


def _standing(
    event: Event, pixel: Pixel | None, plan: Plan, new_key: Secret, old_fingerprints: Collection[str]
) -> PixelKey:
    name, carried = plan.pixel(event).name, key_in(pixel.url) if pixel else None
    if pixel is None or carried is None:
        return PixelKey(event=event, pixel=name, fingerprint="", standing="none" if pixel else "no pixel")
    if is_placeholder(carried):
        return PixelKey(event=event, pixel=name, fingerprint="", standing="placeholder")
    old = "old" if carried.fingerprint in old_fingerprints else "another"
    standing = "new" if carries_key(pixel.url, new_key) else old
    return PixelKey(event=event, pixel=name, fingerprint=carried.fingerprint, standing=standing)


def _for_kayzen(fires: Sequence[PixelFire]) -> list[PixelFire]:
    """Kayzen's fires: by their URL; where the log shows none, by a name that such a fire has, or that says Kayzen."""
    names = {fire.pixel_name.strip() for fire in fires if is_kayzen_url(fire.url)}
    by_name = {fire.pixel_name.strip() for fire in fires if "kayzen" in fire.pixel_name.casefold()}
    ours = (f for f in fires if is_kayzen_url(f.url) or f.pixel_name.strip() in names | by_name)
    # A pasted time without a zone cannot be set before or after the change: it counts as no time.
    return [f if f.fired_at is None or f.fired_at.tzinfo else replace(f, fired_at=None) for f in ours]


def _words(key: PixelKey) -> str:
    kind = {"old": "the old key", "another": "another key", "placeholder": "the placeholder", "none": "no key"}
    return kind.get(key.standing, key.standing) + (f" ({key.fingerprint})" if key.fingerprint else "")


def _is_since(fire: PixelFire, changed_at: datetime) -> bool:
    return fire.fired_at is not None and fire.fired_at >= changed_at


def _check_pixel(name: str, fires: Sequence[PixelFire], new_key: Secret, changed_at: datetime) -> Check | None:
    """One pixel's fires since the change; None where there are none."""
    since = [fire for fire in fires if _is_since(fire, changed_at)]
    if not since:
        return None
    shown = [fire for fire in fires if fire.url and fire.fired_at]
    other = [fire for fire in shown if not carries_key(fire.url, new_key)]
    wrong, unseen = [f for f in other if _is_since(f, changed_at)], sum(not fire.url for fire in since)
    verdict = Verdict.FAIL if wrong else Verdict.UNKNOWN if unseen else Verdict.PASS
    step = {
        Verdict.FAIL: "Open this pixel in Ringba and put in the new key; do not retire the old one yet.",
        Verdict.UNKNOWN: "Look at the fired URLs in Ringba (Call Details, Events): their keys are not shown here.",
    }
    return Check(
        name=f"key of {mask_url(name) or 'a pixel without a name'}",
        verdict=verdict,
        expected=f"fingerprint {new_key.fingerprint} in each fire since the change",
        found=_found(since, [f for f in shown if f not in other], other, len(wrong), unseen),
        next_step=step.get(verdict, ""),
    )


def _found(
    since: Sequence[PixelFire], new: Sequence[PixelFire], other: Sequence[PixelFire], wrong: int, unseen: int
) -> str:
    parts = [f"{len(since) - wrong - unseen} of {len(since)} fires since the change carry it"]
    if new:
        parts.append(f"first with it {_time(min(new, key=_fired_at))}")
    if other:
        last = max(other, key=_fired_at)
        parts.append(f"last with another ({_print(last)}) {_time(last)}")
    if unseen:
        parts.append(f"{unseen} without a URL")
    return "; ".join(parts)


def _answer(checks: Sequence[Check], silent: Sequence[str], undated: int, changed_at: datetime) -> Check:
    """The whole: pass only where every pixel that fired since the change carried the new key, and one did."""
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    proven = bool(checks) and not undated and all(check.verdict is Verdict.PASS for check in checks)
    verdict = Verdict.FAIL if failed else Verdict.PASS if proven else Verdict.UNKNOWN
    found = f"{len(checks)} pixels fired since, {len(failed)} of them with another key"
    found += f"; not fired since: {', '.join(mask_url(name) for name in silent)}" if silent else ""
    found += f"; {undated} fires without a time" if undated else ""
    step = {
        Verdict.FAIL: failed[0].next_step if failed else "",
        Verdict.UNKNOWN: "Place a test call, then look again." if not checks else "See the pixels below.",
    }
    return Check(
        name="no other key has fired since the change",
        verdict=verdict,
        expected=f"only the new key since {changed_at:%Y-%m-%d %H:%M %Z}".rstrip(),
        found=found if checks else "no pixel fired since" + (f"; {undated} fires without a time" if undated else ""),
        next_step=step.get(verdict, ""),
    )


def _fired_at(fire: PixelFire) -> datetime:
    if fire.fired_at is None:
        raise TypeError("only fires with a time are compared")
    return fire.fired_at


def _time(fire: PixelFire) -> str:
    return f"{_fired_at(fire).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _print(fire: PixelFire) -> str:
    key = key_in(fire.url)
    if key is None:
        return "no key"
    return "the placeholder" if is_placeholder(key) else f"fingerprint {key.fingerprint}"
