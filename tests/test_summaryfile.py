"""Ringba's Summary export: read as it is written, refused with all problems at once, held against its own formulas."""

import hashlib
from decimal import Decimal

import pytest

from kayzen_nb.checks import Verdict
from kayzen_nb.errors import CallFileError
from kayzen_nb.summaryfile import is_summary_file, read_summary
from kayzen_nb.summaryformulas import check_formulas, check_summary, formulas_table

HEADER = (
    "Target,Incoming,Live,Completed,Ended,Connected,Paid,Converted,No Connect,Duplicate,Blocked,IVR Hangup,"
    "RPC,Revenue,Payout,Profit,Margin,Conversion %,TCL,ACL,Total Cost"
)
# By hand. Center A: 20 incoming = 18 ended + 1 live + 1 hung up; 18 = 16 completed + 2 blocked; ACL = 36,000 / 17.
ROWS = (
    "Center A,20,1,16,18,12,8,9,8,4,2,1,13.5,243.00,160.00,83.00,34.16%,45.00%,10:00:00,00:35:17,1.234",
    "-no value-,5,0,3,3,0,0,0,5,1,0,2,0,0.00,0.00,0.00,,0.00%,00:01:01,00:00:12,0.000",
    ",25,1,19,21,12,8,9,13,5,2,3,11.571428571428571,243.00,160.00,83.00,34.16%,36.00%,150:40:00,06:50:54,1.234",
)


def written(folder, *rows, header=HEADER, name="call-summary.csv"):
    """As Ringba writes it: a byte-order mark, every cell quoted."""
    lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in (header, *rows)]
    file = folder / name
    file.write_bytes(b"\xef\xbb\xbf" + ("\r\n".join(lines) + "\r\n").encode())
    return file


def test_groups_totals_and_every_kind_of_cell_are_read(tmp_path):
    file = written(tmp_path, *ROWS)
    summary = read_summary(file)
    first, blank = summary.rows
    assert (summary.group_title, summary.dimension, summary.name) == ("Target", "target", "call-summary.csv")
    assert (first.group, blank.group) == ("Center A", None)
    assert first.counts == {
        "incoming": 20, "live": 1, "target_tried": 16, "ended": 18, "connected": 12, "paid": 8, "converted": 9,
        "no_connect": 8, "duplicate": 4, "blocked": 2, "ivr_hangup": 1,
    }  # fmt: skip
    assert first.micros == {
        "revenue": 243_000_000,
        "payout": 160_000_000,
        "profit": 83_000_000,
        "total_cost": 1_234_000,
    }
    assert first.percents == {"margin": Decimal("34.16"), "conversion": Decimal("45.00")}
    assert summary.total.seconds["tcl"] == 150 * 3600 + 40 * 60
    assert summary.total.rpc_usd == Decimal("11.571428571428571")
    assert "margin" not in blank.percents
    assert summary.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert summary.notes == ()


def test_a_report_that_keeps_to_its_formulas_passes(tmp_path):
    summary = read_summary(written(tmp_path, *ROWS))
    assert check_summary(summary).verdict is Verdict.PASS
    assert check_summary(summary).found == "36 of 36 comparisons agree"
    assert formulas_table(summary).empty
    answers = formulas_table(summary, all_rows=True)
    assert answers[answers["Answer"] == "cannot be told"]["Formula"].tolist() == ["Margin = Profit / Revenue"]


@pytest.mark.parametrize(
    ("right", "wrong", "formula", "answer"),
    [
        (",20,1,16,18,", ",20,0,16,18,", "Incoming = Ended + Live + IVR Hangup", "differs by 1"),
        (",16,18,12,", ",15,18,12,", "Ended = Completed + Blocked", "differs by 1"),
        ("9,8,4,2,1,", "9,7,4,2,1,", "No Connect = Incoming - Connected", "differs by -1"),
        ("45.00%", "45.01%", "Conversion % = Converted / Incoming", "differs by 0.01"),
        ("13.5,", "13.6,", "RPC = Revenue / Ended", "differs by 0.1"),
        ("83.00,", "83.02,", "Profit = Revenue - Payout", "differs by 0.02"),
        ("34.16%", "34.17%", "Margin = Profit / Revenue", "differs by 0.0136"),
        ("00:35:17", "00:35:18", "ACL = TCL / (Incoming - Live - Blocked), seconds cut off", "differs by 1"),
    ],
)
def test_a_formula_that_does_not_hold_is_named_with_its_difference(tmp_path, right, wrong, formula, answer):
    assert right in ROWS[0]
    summary = read_summary(written(tmp_path, ROWS[0].replace(right, wrong), *ROWS[1:]))
    apart = [(one.group, str(one)) for one in check_formulas(summary) if one.name == formula and str(one) != "agrees"]
    assert ("Center A", answer) in apart
    assert check_summary(summary).verdict is Verdict.UNKNOWN
    assert answer in set(formulas_table(summary)["Answer"])


def test_totals_that_are_not_the_sum_of_their_groups_are_named(tmp_path):
    summary = read_summary(written(tmp_path, *ROWS[:2], ROWS[2].replace(",13,5,2,3,", ",13,6,2,3,")))
    (apart,) = [one for one in check_formulas(summary) if one.verdict is Verdict.FAIL]
    assert (apart.group, apart.name, str(apart)) == ("(totals)", "sum of Duplicate", "differs by 1")


def test_a_number_as_group_is_masked_as_in_the_call_table(tmp_path):
    row = ROWS[0].replace("Center A", "+18885550122")
    summary = read_summary(written(tmp_path, row, header=HEADER.replace("Target", "Dialed #")))
    assert summary.dimension == "number"
    assert summary.rows[0].group == "***-***-0122"
    assert "has no totals row" in summary.notes[0]


def test_a_caller_as_group_is_masked_and_is_no_dimension(tmp_path):
    summary = read_summary(
        written(tmp_path, ROWS[0].replace("Center A", "+18885550122"), header=HEADER.replace("Target", "Caller ID"))
    )
    assert summary.dimension == ""
    assert "888555" not in repr(summary)


def test_all_unreadable_cells_are_told_at_once_with_line_column_and_masked_value(tmp_path):
    rows = ROWS[0].replace("20,1,", "20,+12125550123,"), ROWS[1].replace("00:01:01", "a minute"), "one,cell"
    with pytest.raises(CallFileError) as refused:
        read_summary(written(tmp_path, *rows))
    first, second, third = refused.value.problems
    assert "line 2, column 'Live'" in first.where
    assert "is not a whole number" in first.what
    assert "5550123" not in str(refused.value)
    assert "line 3, column 'TCL'" in second.where
    assert third.what == "The line has 2 cells, the header 21."
    assert all(problem.next_step for problem in refused.value.problems)


def test_two_rows_without_a_group_are_refused_because_either_may_be_the_totals(tmp_path):
    with pytest.raises(CallFileError, match="which are the totals"):
        read_summary(written(tmp_path, *ROWS, ROWS[2]))


def test_a_column_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(CallFileError, match="'Live' stands twice"):
        read_summary(written(tmp_path, ROWS[0] + ",1", header=HEADER + ",Live"))


def test_an_export_of_calls_is_refused_and_sent_to_its_place(tmp_path):
    file = written(tmp_path, "RGB1,11/02/2026 08:00:00 AM", header="Inbound Call ID,Call Date")
    assert not is_summary_file(file)
    with pytest.raises(CallFileError, match="holds calls, not a summary"):
        read_summary(file)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "<html>"])
def test_anything_else_is_refused(tmp_path, text):
    file = tmp_path / "other.csv"
    file.write_text(text)
    with pytest.raises(CallFileError):
        read_summary(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CallFileError, match=r"There is no file 'gone\.csv'"):
        read_summary(tmp_path / "gone.csv")


def test_columns_that_are_not_known_are_named_and_not_used(tmp_path):
    summary = read_summary(written(tmp_path, *(f"{row},x" for row in ROWS), header=HEADER + ",Colour"))
    assert summary.notes == ("Columns of call-summary.csv not used: Colour.",)


def test_a_summary_without_groups_is_its_totals(tmp_path):
    row = ROWS[2].removeprefix(",")
    summary = read_summary(written(tmp_path, row, header=HEADER.removeprefix("Target,")))
    assert summary.rows == ()
    assert summary.total.counts["incoming"] == 25
