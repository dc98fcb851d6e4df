"""What people touch in JupyterLab, up to the wire: no key, no pasted text and no number in anything that is saved."""

from datetime import UTC, datetime

import ipywidgets
import pytest

from kayzen_nb import copybuttons, forms, keybox, parameters, pastebox
from kayzen_nb.declarations import Parameter
from kayzen_nb.errors import PixelListError, Problem
from kayzen_nb.pixels import PLACEHOLDER_KEY, build_plan, render
from kayzen_nb.privacy import Secret

CANARY = "CANARY-key-7Yq2ZkP0"
KEY = Secret(CANARY)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What a notebook would have displayed."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    return displayed


def saved_state():
    """All that JupyterLab would save of all widgets, defaults included."""
    return str(ipywidgets.Widget.get_manager_state(drop_defaults=False))


def spoken(widget, monkeypatch):
    """What a widget sends to its front end by message."""
    messages = []
    monkeypatch.setattr(widget, "send", messages.append)
    return messages


class FakeRun:
    """As much of a run as a form touches."""

    def __init__(self, notebook="02_verify_test_call", **given):
        self.parameters = parameters.resolve(notebook, given, NOW)

    def take_over(self, chosen):
        self.parameters = chosen


def test_copy_fields_stand_in_the_order_of_ringbas_form_with_the_hint_before_the_method():
    cards = copybuttons.shown_pixels(build_plan(), None)
    assert [card["title"] for card in cards][3] == "Converted: Kayzen CTV - Converted Postback"
    assert [[field["name"] for field in card["fields"]] for card in cards] == [
        ["Name", "Fire Pixel On", "URL", "HTTP Method"]
    ] * 6
    assert cards[1]["fields"][1]["value"] == "Connected (Answered)"
    assert cards[0]["fields"][3] == {
        "name": "HTTP Method", "value": "GET", "hint": "Toggle on Advanced Options to see HTTP Method."
    }  # fmt: skip


def test_without_a_key_the_placeholder_stands_in_the_shown_url_and_is_marked():
    [url] = [f for f in copybuttons.shown_pixels(build_plan(), None)[0]["fields"] if f["name"] == "URL"]
    assert url["value"] == render(build_plan(), None)[0].url
    assert url["marked"] == PLACEHOLDER_KEY
    assert url["asks"] is True


def test_with_a_key_the_shown_url_has_its_fingerprint_in_the_keys_place():
    [url] = [f for f in copybuttons.shown_pixels(build_plan(), KEY)[0]["fields"] if f["name"] == "URL"]
    assert f"api_key=«your key, fingerprint {KEY.fingerprint}»&app_event=incoming" in url["value"]
    assert CANARY not in str(url)


def test_a_click_gets_the_whole_url_by_message_and_the_saved_state_never_holds_the_key(monkeypatch):
    fields = copybuttons.show_copy_fields(build_plan, lambda: KEY)
    messages = spoken(fields, monkeypatch)
    fields._answer(fields, {"ask": 3, "turn": 9}, [])
    assert messages == [
        {
            "turn": 9,
            "text": render(build_plan(), KEY)[3].url,
            "says": f"Copied, with the key of fingerprint {KEY.fingerprint}.",
        }
    ]
    assert CANARY in messages[0]["text"]
    assert CANARY not in saved_state()


def test_a_click_without_a_key_copies_the_placeholder_and_says_so(monkeypatch):
    fields = copybuttons.show_copy_fields(build_plan, lambda: None)
    messages = spoken(fields, monkeypatch)
    fields._answer(fields, {"ask": 0, "turn": 1}, [])
    assert messages[0]["text"] == render(build_plan(), None)[0].url
    assert messages[0]["says"].startswith("Copied without a key: KAYZEN_PROVIDED stands in its place.")


@pytest.mark.parametrize("asked", [{}, {"ask": 6}, {"ask": -1}, {"ask": "0"}, {"ask": None}, "0", None])
def test_a_message_that_asks_for_no_pixel_gets_no_answer(monkeypatch, asked):
    fields = copybuttons.show_copy_fields(build_plan, lambda: KEY)
    messages = spoken(fields, monkeypatch)
    fields._answer(fields, asked, [])
    assert messages == []


def test_a_key_that_is_typed_later_shows_after_refresh(shown):
    keys = [None]
    fields = copybuttons.show_copy_fields(build_plan, lambda: keys[0])
    keys[0] = KEY
    fields.refresh()
    assert KEY.fingerprint in fields.pixels[5]["fields"][2]["value"]
    assert shown == [fields]


def test_the_key_box_takes_a_key_tells_its_fingerprint_and_saves_nothing_of_it(shown):
    kept = []
    box = keybox.show_key_box(kept.append, lambda: "")
    box._act(box, {"typed": f" {CANARY}\n"}, [])
    assert kept == [KEY]
    assert box.answer == f"Key taken, fingerprint {KEY.fingerprint}. It lives in this session's memory only."
    assert CANARY not in saved_state()
    assert shown == [box]


def test_a_second_typing_replaces_the_first_and_a_refused_one_does_not():
    kept = []
    box = keybox.show_key_box(kept.append, lambda: "")
    for typed in ("first-key-1", "second-key-2", PLACEHOLDER_KEY):
        box._act(box, {"typed": typed}, [])
    assert kept == [Secret("first-key-1"), Secret("second-key-2")]
    assert box.answer == "This is a placeholder such as the guide's KAYZEN_PROVIDED, not a key. Nothing was kept."


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", "too short"),
        ("kayzen_provided", "a placeholder"),
        ("<your key>", "a placeholder"),
        ("two words", "a space or a line break"),
        ("https://api-events.eventstracker.io/v1/ev?api_key=abcdefgh", "more than the key"),
        ("api_key=abcdefgh", "more than the key"),
        ("abcde", "too short"),
        ("ключключ", "letters no key has"),
        ("abcdef\x00", "letters no key has"),
    ],
)
def test_what_can_be_no_key_is_refused_with_the_reason_and_not_quoted(typed, fault):
    told = keybox.fault_of_typed(typed)
    assert fault in told
    assert len(typed) < 6 or typed.casefold() == "kayzen_provided" or typed not in told


@pytest.mark.parametrize("typed", ["abcdef", "0a1b2c3d-4e5f", "Zm9vYmFyYmF6==", "  padded-key  "])
def test_what_may_be_a_key_is_not_refused(typed):
    assert keybox.fault_of_typed(typed) == ""


def test_the_write_button_answers_in_the_box():
    box = keybox.show_key_box(lambda _: None, lambda: "Written to there.")
    box._act(box, {"write": True}, [])
    assert box.answer == "Written to there."


@pytest.mark.parametrize("asked", [{}, {"typed": 3}, {"write": "yes"}, "typed", None])
def test_a_message_the_key_box_does_not_know_changes_nothing(asked):
    kept = []
    box = keybox.show_key_box(kept.append, lambda: "written")
    box._act(box, asked, [])
    assert (kept, box.answer) == ([], "")


def test_pasted_text_is_handed_over_and_the_answer_says_what_was_understood(monkeypatch):
    got = []
    box = pastebox.show_paste_box("Your pixels", lambda text: got.append(text) or "6 pixels taken.")
    messages = spoken(box, monkeypatch)
    box._act(box, {"text": f"api_key={CANARY} +12135550142"}, [])
    assert got == [f"api_key={CANARY} +12135550142"]
    assert messages == [{"taken": True}]
    assert box.answer == "6 pixels taken."
    assert CANARY not in saved_state()
    assert "5550142" not in saved_state()


def test_a_text_that_cannot_be_used_stays_in_the_box_and_the_reason_is_masked(monkeypatch):
    def refuse(text):
        raise PixelListError(Problem(what=f"No pixel in {text!r}.", next_step="Paste the URLs."))

    box = pastebox.show_paste_box("Your pixels", refuse, lambda: KEY)
    messages = spoken(box, monkeypatch)
    box._act(box, {"text": f"https://x.example/?api_key=other-key-9&k={CANARY}&caller_id=+12135550142"}, [])
    assert messages == [{"taken": False}]
    assert box.answer.startswith("Not taken.\nNo pixel in 'https://x.example/?api_key=«removed»&k=«removed»&caller_id=")
    assert "Paste the URLs." in box.answer
    for forbidden in (CANARY, "other-key-9", "5550142"):
        assert forbidden not in saved_state()


@pytest.mark.parametrize("asked", [{}, {"text": None}, {"text": ["a"]}, "text", None])
def test_a_message_that_brings_no_text_reads_nothing(asked):
    box = pastebox.show_paste_box("x", lambda _: pytest.fail("nothing was pasted"))
    box._act(box, asked, [])
    assert box.answer == ""


def form_of(run, shown):
    forms.show_form(run)
    *rows, button, answer = shown[-1].children
    return {row.children[0].value: row.children[1].children[0] for row in rows}, button, answer


def test_every_parameter_has_a_label_in_words_and_its_help_under_the_control(shown):
    run = FakeRun("03_funnel")
    forms.show_form(run)
    rows = shown[-1].children[:-2]
    declared = parameters.declared("03_funnel")
    assert [row.children[0].value for row in rows][:3] == ["<b>Source</b>", "<b>Scenario</b>", "<b>CSV path</b>"]
    assert len(rows) == len(declared)
    for row, parameter in zip(rows, declared, strict=True):
        assert parameter.meaning in row.children[1].children[1].value.replace("&#x27;", "'")


def test_a_click_takes_the_values_over_and_tells_the_line_to_schedule(shown):
    run = FakeRun()
    controls, button, answer = form_of(run, shown)
    controls["<b>Scenario</b>"].value = "guide_copied"
    button.click()
    assert run.parameters["scenario"] == "guide_copied"
    assert "kayzen-nb run 02_verify_test_call --set scenario=guide_copied" in answer.value


def test_a_value_that_cannot_be_used_changes_nothing_and_is_shown_literally(shown):
    run = FakeRun("03_funnel")
    before = run.parameters
    controls, button, answer = form_of(run, shown)
    controls["<b>Time zone</b>"].value = "<img src=x>"
    controls["<b>Period start</b>"].value = "someday"
    button.click()
    assert run.parameters is before
    assert "Nothing was changed." in answer.value
    assert "&lt;img src=x&gt;" in answer.value
    assert "someday" in answer.value


def test_a_files_whole_path_survives_the_form(shown):
    run = FakeRun("03_funnel", source="csv", csv_path="/somewhere/else/calls.csv")
    _, button, _ = form_of(run, shown)
    button.click()
    assert run.parameters["csv_path"] == "/somewhere/else/calls.csv"


def test_a_choice_between_yes_and_no_is_a_tick_box_that_reads_as_papermill_would_inject_it():
    tick = Parameter(name="wait", kind="choice", default="yes", meaning="wait for late events", choices=("yes", "no"))
    row, read = forms._row(tick, "yes")
    assert isinstance(row.children[1].children[0], ipywidgets.Checkbox)
    assert read() == "yes"
    row.children[1].children[0].value = False
    assert read() == "no"


def test_a_kind_the_form_does_not_know_is_a_text():
    row, read = forms._row(Parameter(name="x", kind="to come", default="", meaning="m"), "as it stands")
    assert isinstance(row.children[1].children[0], ipywidgets.Text)
    assert read() == "as it stands"
