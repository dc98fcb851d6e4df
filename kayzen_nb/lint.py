"""The pixel linter: what is wrong with a URL, where, and what to do about it.

The rules and their codes stand in ``lintrules``; one pixel is checked in ``lintpixel``, the set in ``lintset``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kayzen_nb.lintjudged import judge, parameter_names
from kayzen_nb.lintpixel import check_pixel
from kayzen_nb.lintrules import RULES, Finding
from kayzen_nb.lintset import check_set, is_placeholder
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import REMOVED, Secret, mask_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kayzen_nb.account import Pixel
    from kayzen_nb.lintjudged import Judged
    from kayzen_nb.pixels import Plan

__all__ = ["RULES", "Finding", "check_pixels", "check_plan", "check_text", "has_errors"]


def check_text(text: str, plan: Plan | None = None, key: Secret | None = None) -> list[Finding]:
    """Findings about the pixels in a pasted text, a CSV or JSON. Raises PixelListError when it holds no URL."""
    return check_pixels(read_pixels(text), plan, key)


def check_plan(profile: str = "per_event") -> list[Finding]:
    """Findings about the planned six, rendered with an invented key: the linter's word on our own plan."""
    return check_pixels(render(build_plan(profile), Secret("an-invented-key")))


def check_pixels(pixels: Iterable[Pixel], plan: Plan | None = None, key: Secret | None = None) -> list[Finding]:
    """Everything wrong with each pixel and with the set, in reading order.

    They are judged by ``plan`` (the profile per_event without one); a ``key`` is compared with the keys found, and
    shown by its fingerprint only.
    """
    by = plan or build_plan("per_event")
    judged = [judge(pixel, number, by) for number, pixel in enumerate(pixels, 1)]
    found = [finding for one in judged for finding in check_pixel(one)]
    return _without_secrets([*found, *check_set(judged, by, key)], _keys_in(judged, by, key))


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding fails the set."""
    return any(finding.severity == "error" for finding in findings)


def _keys_in(judged: Sequence[Judged], plan: Plan, key: Secret | None) -> list[str]:
    """Every text that is or may be a key, longest first: no message may repeat it, wherever in a URL it stands."""
    values = {part.value for one in judged for part in one.url.parts if "key" in part.name.casefold()}
    values |= {unquote(value) for value in values} | ({key.reveal()} if key else set())
    words = parameter_names(plan) | {p.value for pixel in plan.pixels for p in pixel.parameters}
    keys = (value for value in values if len(value) > 3 and value not in words and not is_placeholder(value))
    return sorted(keys, key=len, reverse=True)


def _without_secrets(findings: list[Finding], keys: list[str]) -> list[Finding]:
    """The findings without a key or a full phone number: names and hosts are repeated in them, and may hold one."""

    def hide(text: str) -> str:
        for key in keys:
            if key in text:
                text = text.replace(key, REMOVED)
        return mask_url(text)

    return [
        replace(f, pixel=hide(f.pixel), message=hide(f.message), fix=hide(f.fix), field=hide(f.field)) for f in findings
    ]
