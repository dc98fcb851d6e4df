"""Other books beside the calls: known by their titles, all problems at once, shown beside the funnel."""

import pytest
from conftest import build_calls

from kayzen_nb.books import Books, read_books
from kayzen_nb.errors import InputError
from kayzen_nb.funnel import count_funnel

SPEND = "Day,Campaign,Impressions,Spend\n2026-11-02,CTV Spring,1000,12.50\n"
SUMMARY = '"Target","Incoming","Live","Completed","Ended","Connected","Converted","IVR Hangup","Blocked"\n"","2","0","2","2","1","0","0","0"\n'
CALLS = "Inbound Call ID,Call Date\nRGB000,11/02/2026 10:00:00 AM\n"


@pytest.fixture
def files(tmp_path):
    paths = {}
    for name, text in (("spend", SPEND), ("summary", SUMMARY), ("calls", CALLS)):
        paths[name] = tmp_path / f"{name}.csv"
        paths[name].write_text(text)
    return paths


def read(paths):
    asked = []

    def read_exports(given):
        asked.append(given)
        return build_calls([{"connected": True}])

    return read_books(";".join(map(str, paths)), read_exports), asked


def test_each_file_is_known_by_its_titles(files):
    books, asked = read(files.values())
    assert books.spend.total_usd_micros == 12_500_000
    assert [summary.name for summary in books.summaries] == ["summary.csv"]
    assert asked == [str(files["calls"])]
    assert set(books.inputs) == {"spend.csv", "summary.csv"}


def test_no_files_are_no_books():
    books, asked = read([])
    assert books == Books()
    assert asked == []
    assert "can be given" in books.spend_notes


def test_all_files_that_cannot_be_read_are_named_at_once(files, tmp_path):
    with pytest.raises(InputError) as refused:
        read([tmp_path / "gone.csv", files["spend"], tmp_path / "lost.csv"])
    assert [problem.where for problem in refused.value.problems] == ["gone.csv", "lost.csv"]


def test_a_file_that_is_no_book_of_ours_is_refused_in_plain_words(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"other\.csv"):
        read([path])


def test_the_comparisons_are_shown_and_checked(files, week, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle["text/plain"]))
    books, _ = read([files["summary"], files["calls"]])
    counted = count_funnel(build_calls([{"connected": True}, {}]), week)
    books.show_comparisons(counted)
    assert any("summary.csv" in text for text in shown)
    assert {check.name for check in books.checks(counted)} >= {"the counts agree with summary.csv"}
    shown.clear()
    Books().show_comparisons(counted)
    assert "were not given" in shown[0]
    assert Books().checks(counted) == []
