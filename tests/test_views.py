"""A view as text: people read it, schedules pass it, and it comes back as it went."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.errors import ParameterError
from kayzen_nb.views import MEASURES, View, parse_view


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("", View()),
        ("  ", View()),
        ("state", View(dimensions=("state",))),
        ("state by hour", View(dimensions=("state", "hour"))),
        ("Tracking  number BY Weekday", View(dimensions=("number", "weekday"))),
        ("where campaign = CTV Spring", View(only={"campaign": "CTV Spring"})),
        ("target where campaign = CTV Spring", View(dimensions=("target",), only={"campaign": "CTV Spring"})),
        (
            "state by weekday where target = Call Center A and is_duplicate = no",
            View(dimensions=("state", "weekday"), only={"target": "Call Center A", "is_duplicate": False}),
        ),
        ("state WHERE target=A AND duplicate=Yes", View(dimensions=("state",), only={"target": "A", "is_duplicate": True})),
        ("where state = (blank)", View(only={"state": None})),
        ("where is_duplicate = (blank)", View(only={"is_duplicate": None})),
        ('where state = "(blank)"', View(only={"state": "(blank)"})),
        ('where target = ""', View(only={"target": ""})),
        ('where target = "Smith and Sons" and publisher = "a=b ""c"""', View(only={"target": "Smith and Sons", "publisher": 'a=b "c"'})),
        ("where target = Sand and Grand", None),
        ("where target = Brandy Hand", View(only={"target": "Brandy Hand"})),
        ("where day = 2026-11-01", View(only={"day": date(2026, 11, 1)})),
        ("where weekday = mon and hour = 14:00", View(only={"weekday": 0, "hour": 14})),
        ("where hour = 0", View(only={"hour": 0})),
        ("converted rate: state by hour", View(dimensions=("state", "hour"), measure="converted rate")),
        ("Revenue:", View(measure="revenue")),
        ("exits: target where state = TX", View(dimensions=("target",), only={"state": "TX"}, measure="exits")),
    ],
)  # fmt: skip
def test_a_view_is_read_as_a_person_writes_it(text, view):
    if view is None:
        with pytest.raises(ParameterError):
            parse_view(text)
    else:
        assert parse_view(text) == view


@pytest.mark.parametrize(
    ("text", "what", "next_step"),
    [
        ("stat", "Calls cannot be divided by 'stat'.", "Did you mean 'state'?"),
        ("state by hours", "Calls cannot be divided by 'hours'.", "Did you mean 'hour'?"),
        ("state by hour by day", "A view is divided by two dimensions at most.", "For example: state by hour"),
        ("state by state", "A view cannot be divided twice by the same.", "For example"),
        ("where targte = A", "Calls cannot be divided by 'targte'.", "Did you mean 'target'?"),
        ("where target", "No condition can be read in 'target'.", "Write: state by hour where target"),
        ("where", "No condition can be read in ''.", "Write: "),
        ("state where target = A and", "No condition can be read in ''.", "Write: "),
        ("where target = A and B", "No condition can be read in 'B'.", "stands in double quotes"),
        ("where target = a=b", "No condition can be read in 'target = a=b'.", "stands in double quotes"),
        ("where target =", "No condition can be read in 'target ='.", "Write: "),
        ("where target = A and target = B", "target is limited twice.", "Keep one"),
        ("where is_duplicate = maybe", "is_duplicate cannot be 'maybe'.", "Write yes, no or (blank)."),
        ("where weekday = Mnday", "'Mnday' is no weekday.", "Did you mean 'Monday'?"),
        ("where hour = 24", "'24' is no hour.", "from 0 to 23"),
        ("where hour = (blank)", "'(blank)' is no hour.", "from 0 to 23"),
        ("where day = 1st", "'1st' is no day.", "like 2026-11-01"),
        ("revnue: state", "There is no measure 'revnue'.", "Did you mean 'revenue'?"),
        ("exits: state by hour", "Exits can be divided by one dimension only.", "Leave one"),
    ],
)
def test_what_cannot_be_read_is_told_in_three_parts(text, what, next_step):
    with pytest.raises(ParameterError) as refused:
        parse_view(text)
    [problem] = refused.value.problems
    assert problem.what == what
    assert next_step in problem.next_step
    assert problem.where == f"view {text!r}"


def test_all_problems_are_told_at_once():
    with pytest.raises(ParameterError) as refused:
        parse_view("revnue: stat by hou where weekday = never and hour = 99 and x")
    assert len(refused.value.problems) == 6


def test_a_view_made_in_a_program_is_checked_too():
    with pytest.raises(ParameterError, match="'stat'"):
        View(dimensions=("stat",))
    with pytest.raises(ParameterError, match="no measure 'x'"):
        View(measure="x")


def test_the_text_reads_as_the_guide_writes_it():
    only = {"target": "Call Center A", "is_duplicate": False, "weekday": 6, "hour": 9, "state": None}
    view = View(dimensions=("number", "day"), only=only, measure="paid rate")
    assert str(view) == (
        "paid rate: number by day where target = Call Center A and is_duplicate = no and weekday = Sunday "
        "and hour = 09:00 and state = (blank)"
    )
    assert not View()
    assert view


words = st.sampled_from(
    ["and", "AND", "where", "by", "=", '"', "(blank)", "(Blank)", "A", "x:y", "'", "\n", "\u00a0", ":"]
)
names = st.one_of(
    st.none(), st.text(), st.lists(words, max_size=5).map(" ".join), st.lists(words, max_size=5).map("".join)
)
values = dict.fromkeys(DIMENSIONS, names) | {
    "is_duplicate": st.sampled_from([True, False, None]),
    "day": st.dates(),
    "weekday": st.integers(0, 6),
    "hour": st.integers(0, 23),
}
dimensions = st.lists(st.sampled_from(list(DIMENSIONS)), max_size=2, unique=True).map(tuple)
limits = st.fixed_dictionaries({}, optional=values)


@given(dimensions, limits, st.sampled_from(list(MEASURES)))
@example((), {"target": "A and state = B"}, "calls")
@example((), {"target": 'A" and state = "B'}, "calls")
@example((), {"target": " A "}, "calls")
@example(("state",), {"campaign": "sale where state = TX by hour"}, "revenue")
def test_any_view_comes_back_from_its_text_whatever_the_names_in_the_data(divided, only, measure):
    if measure == "exits":
        divided = divided[:1]
    view = View(dimensions=divided, only=only, measure=measure)
    assert parse_view(view.as_text()) == view
    assert parse_view(view.as_text().strip()) == view
    assert list(parse_view(str(view)).only) == list(only)


@given(st.text() | st.lists(words | st.sampled_from(["state", "hour", "where state ="])).map(" ".join))
def test_any_text_is_a_view_or_is_refused_in_words(text):
    told = []
    try:
        parse_view(text)
    except ParameterError as refused:
        told = list(refused.problems)
    assert all(problem.what and problem.next_step for problem in told)


def test_the_readme_names_every_measure_and_dimension():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    section = readme.split("A view is ")[1].split("![")[0]
    assert [name for name in (*MEASURES, *DIMENSIONS) if f"`{name}`" not in section] == []
