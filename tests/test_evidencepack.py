"""The evidence pack: what the guide asks for, for whom, and nothing that must not leave."""

import csv
import hashlib
import html
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from kayzen_nb.calls import CallEvidence, PixelFire
from kayzen_nb.causes import Cause, Certainty
from kayzen_nb.errors import OutputFolderError
from kayzen_nb.evidencepack import build_evidence_html, build_pack, pack_name, write_pack
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.sharecheck import check_bytes
from kayzen_nb.testcall import check_test_call
from kayzen_nb.vocabulary import Event

KEY = Secret("Kz9aB3dE7fG1h")
CALL_ID = "RGB" + "4F" * 10 + "A1B2V300123"
AT = datetime(2026, 11, 24, 14, 5, 6, tzinfo=UTC)
MADE = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)  # still the 24th in New York
FILLED = {
    "[Call:CallerNumber]": "%2b13035550123",
    "[Call:NumberDialed]": "%2B18885550122",
    "[Call:InboundCallId]": CALL_ID,
    "[Call:CallDateTime]": "11%2f24%2f2026+9%3a05%3a06+AM",
    "[Call:IsDuplicate]": "false",
    "[tag:InboundNumber:State]": "CO",
    "[Call:ConversionAmount]": "27.00",
}
HOSTILE = '=HYPERLINK("x") <script>alert(1)</script> +1 (303) 555-0123 Kz9aB3dE7fG1h \N{RIGHT-TO-LEFT OVERRIDE}\x00'


def fires(profile="per_event", events=tuple(Event)[:5]):
    for number, pixel in enumerate(render(build_plan(profile), KEY)):
        url = pixel.url
        for token, value in FILLED.items():
            url = url.replace(token, value)
        if pixel.event in events:
            yield PixelFire(pixel_name=pixel.name, fired_at=AT + timedelta(seconds=number), status=200, url=url)


def call(found=None, **changes):
    known = {"campaign": "CTV Spring", "caller": "+13035550123", "number": "+18885550122", "call_at": AT, "read_at": AT,
             "ended": True, "is_duplicate": False, "blocked": False, "connected": True, "completed": True,
             "converted": True, "paid": True, "error": False, "revenue_usd_micros": 27_000_000}  # fmt: skip
    return CallEvidence(call_id=CALL_ID, fires=tuple(fires() if found is None else found), **(known | changes))


HEALTHY = call()
COPIED = call(fires("as_published"))
REFUSED = call([replace(fire, status=403, fail_reason="Forbidden") for fire in fires()])
SILENT = call([])
UNKNOWN = call([], connected=None, completed=None, converted=None, paid=None, blocked=None, caller=None, number=None,
               campaign=None, call_at=None, read_at=None, missing=("half of the log",))  # fmt: skip
ATTACKED = call(
    [
        replace(fire, pixel_name=HOSTILE, fail_reason=HOSTILE, status=500, url=fire.url + f"&x={HOSTILE}")
        for fire in fires()
    ],
    campaign=HOSTILE,
    origin=HOSTILE,
    missing=(HOSTILE,),
)
CALLS = {
    "healthy": (HEALTHY, []),
    "guide copied": (COPIED, [Cause(code="guide_copied", evidence="5 pixels say incoming", events=(Event.PAYOUT,))]),
    "refused": (REFUSED, [Cause(code="refused_key", evidence="403 Forbidden", events=tuple(Event))]),
    "silent": (SILENT, [Cause(code="pixel_not_attached", evidence="none fired", certainty=Certainty.LIKELY)]),
    "routing": (HEALTHY, [Cause(code="no_conversion_rule", evidence="none is set")]),
    "unknown": (UNKNOWN, []),
    "attacked": (ATTACKED, [Cause(code="endpoint_failed", evidence=HOSTILE)]),
}


def arguments(evidence, causes):
    plan = build_plan()
    return (evidence, check_test_call(evidence, plan, KEY), causes, plan)


def options(**more):
    return {"zone": "America/New_York", "made_at": MADE, "keys": (KEY,)} | more


@cache
def pack_of(name, questions=(), *, invented=False):
    return build_pack(*arguments(*CALLS[name]), **options(questions=questions, invented=invented))


def opened(pack):
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def text_of(name, file, **more):
    return opened(pack_of(name, **more))[file].decode("utf-8-sig")


@pytest.mark.parametrize("name", CALLS)
def test_a_pack_passes_the_check_before_sharing(name):
    assert check_bytes(pack_of(name), "pack.zip", (KEY,)) == []


@pytest.mark.parametrize("name", CALLS)
def test_no_secret_stands_in_any_file_of_the_pack(name):
    for raw in opened(pack_of(name)).values():
        assert KEY.reveal().encode() not in raw
        assert b"5550123" not in raw
        assert b"555-0123" not in raw


def test_without_the_key_the_urls_are_masked_all_the_same():
    pack = build_pack(*arguments(HEALTHY, []), zone="UTC", made_at=MADE)
    assert check_bytes(pack, "pack.zip", (KEY,)) == []


def test_the_pack_holds_its_files_and_the_manifest_names_each_with_its_hash():
    files = opened(pack_of("refused"))
    manifest = json.loads(files.pop("manifest.json"))
    assert list(files) == ["evidence.html", "fire-log.png", "fire-log.csv", "pixels.csv", "letter.txt"]
    assert manifest["files"] == [{"name": n, "sha256": hashlib.sha256(raw).hexdigest()} for n, raw in files.items()]
    assert (manifest["call_id"], manifest["verdict"], manifest["plan_hash"]) == (
        CALL_ID,
        "fail",
        build_plan().content_hash,
    )
    assert manifest["status_of_each_pixel"] == dict.fromkeys(
        ["incoming", "connected", "completed", "converted", "payout"], "403"
    ) | {"error": "not fired, as expected"}


@pytest.mark.parametrize("name", CALLS)
def test_the_page_holds_what_the_guide_asks_for(name):
    page = html.unescape(text_of(name, "evidence.html"))
    assert CALL_ID in page
    assert page.count('<img src="data:image/png;base64,') == 1
    for event in Event:
        assert f"{event.value.capitalize()}: <strong>" in page


def test_the_log_is_a_table_with_times_in_utc_and_local():
    rows = list(csv.reader(io.StringIO(text_of("healthy", "fire-log.csv"))))
    assert len(rows) == 6
    assert rows[0] == [
        "Pixel", "Fired at (UTC)", "Fired at (America/New_York)", "HTTP status", "Fail reason", "Fired URL (masked)",
    ]  # fmt: skip
    assert rows[1][:5] == [
        "Kayzen CTV - Incoming Postback", "2026-11-24 14:05:06 UTC", "2026-11-24 09:05:06 EST", "200", "",
    ]  # fmt: skip
    assert "api_key=«removed»" in rows[1][5]
    assert "caller_id=***-***-**23" in rows[1][5]


def test_no_cell_starts_a_formula():
    for file in ("fire-log.csv", "pixels.csv"):
        for row in csv.reader(io.StringIO(text_of("attacked", file))):
            assert all(cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or not cell for cell in row)


def test_hostile_names_stay_text():
    page = text_of("attacked", "evidence.html")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not {"\x00", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(page)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("healthy", "For your Kayzen account manager, who alone can say that the events arrived."),
        ("guide copied", "First put right what is named below, and test again."),
        ("refused", "For your Kayzen account manager or Kayzen support."),
        ("routing", "For Ringba support."),
        ("unknown", "no cause was found here"),
    ],
)
def test_the_pack_says_for_whom_it_is(name, told):
    assert told in text_of(name, "evidence.html")


def test_the_letter_asks_each_who_can_help():
    letter = text_of("routing", "letter.txt")
    assert letter.startswith("To Ringba support\n\nHello,")
    assert "\n\n\nTo your Kayzen account manager or Kayzen support\n\nHello," in letter
    assert f"call_id: {CALL_ID}\nTime of the call: 2026-11-24 14:05:06 UTC (2026-11-24 09:05:06 EST" in letter
    assert "  Converted: 200\n  Payout: 200\n  Error: not fired, as expected" in letter


@pytest.mark.parametrize(
    ("name", "told"),
    [("healthy", "looks right on our side"), ("refused", "does not show what"), ("silent", "does not show what")],
)
def test_the_letter_says_no_more_than_is_proven(name, told):
    letter = text_of(name, "letter.txt")
    assert told in letter
    assert ("If a request was refused or not used: why?" in letter) == (name != "healthy")


def test_what_is_unknown_is_called_unknown():
    page = text_of("unknown", "evidence.html")
    assert "Time of the call</dt><dd>time unknown" in page
    assert "Not known whether</dt><dd>blocked, connected, completed, converted, paid out" in page
    assert "<li>half of the log</li>" in page
    assert "No cause was found in what was read." in page


def test_questions_are_numbered_after_the_standing_ones_and_cleaned():
    letter = text_of("healthy", "letter.txt", questions=("Is the amount right?", "Call 303-555-0123?"))
    assert "3. Is the amount right?\n4. Call ***-***-**23?" in letter


def test_causes_are_told_with_how_sure_they_are_and_who_can_help():
    page = html.unescape(text_of("refused", "evidence.html"))
    for told in ("Seen in the evidence", "403 Forbidden", "Your Kayzen account manager or Kayzen support",
                 "the pixel-fire log, the call id, the status of each pixel", "doesn't show 200 status?"):  # fmt: skip
        assert told in page


def test_invented_data_are_called_invented():
    assert "Invented data" in text_of("healthy", "evidence.html", invented=True)
    assert "Invented data" not in text_of("healthy", "evidence.html")


def test_the_same_evidence_makes_the_same_bytes():
    assert pack_of("refused") == build_pack(*arguments(*CALLS["refused"]), **options())


def test_the_page_alone_is_the_page_of_the_pack():
    assert build_evidence_html(*arguments(*CALLS["refused"]), **options()) == text_of("refused", "evidence.html")


def test_a_pack_is_written_under_the_calls_end_and_the_local_day(tmp_path):
    path = write_pack(tmp_path / "new", *arguments(*CALLS["refused"]), **options())
    assert path == tmp_path / "new" / "evidence-2026-11-24-call-300123.zip"
    assert path.read_bytes() == pack_of("refused")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("call_id", "name"),
    [("../../x", "x"), ("", "call"), ("CON:é/\\", "CON"), ("A" * 300, "AAAAAA"), ("3035550123", "550123")],
)
def test_any_call_id_makes_a_safe_file_name(call_id, name):
    assert pack_name(call_id, AT, "UTC") == f"evidence-2026-11-24-call-{name}.zip"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputFolderError, match="cannot be written"):
        write_pack(tmp_path / "file", *arguments(*CALLS["healthy"]), **options())


def test_a_short_callers_number_is_masked_too():
    page = build_evidence_html(*arguments(call(caller="5550123"), []), **options())
    assert "Caller (masked)</dt><dd>***-**23" in page
    assert "5550123" not in page.replace("A1B2V300123", "")
