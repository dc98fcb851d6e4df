"""The spend report: every row used or set aside, amounts exact, and what is unsafe refused in words."""

import contextlib
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.checks import Verdict
from kayzen_nb.errors import SpendFileError
from kayzen_nb.spendcolumns import is_spend
from kayzen_nb.spendfile import read_spend
from kayzen_nb.spendgrid import is_spend_file
from kayzen_nb.spendvalues import as_micros, read_amount, read_count, read_hour

HEAD = "Day,Campaign,Creative,Impressions,Advertiser Spend"


def write(folder, *lines, name="kayzen.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes("\n".join(lines).encode(encoding) + b"\n")
    return file


def check_of(table, name):
    return next(check for check in table.checks if name in check.name)


def refusal(file):
    with pytest.raises(SpendFileError) as refused:
        read_spend(file)
    return str(refused.value)


def test_rows_of_one_day_and_campaign_are_parts_and_the_amounts_are_exact(tmp_path):
    table = read_spend(write(tmp_path, HEAD, "2026-11-02,A,x,1000,0.1", "2026-11-02,A,y,500,0.2", "2026-11-03,B,x,0,7"))
    assert table.total_usd_micros == 7_300_000
    assert list(table.rows["spend_usd_micros"]) == [100_000, 200_000, 7_000_000]
    assert table.days == (date(2026, 11, 2), date(2026, 11, 3))
    assert (table.ledger.rows_in, table.ledger.rows_used) == (3, 3)
    assert table.held == {"day", "campaign", "creative", "impressions", "spend_usd_micros"}
    assert {check.verdict for check in table.checks} == {Verdict.PASS}


@pytest.mark.parametrize(
    "header",
    [
        ["day", "advertiser_spend"],
        ["DATE", "Cost"],
        ["\ufeffReport Date", "Total Spend (USD)"],
        ["Date", "Campaign ID", "ADVERTISER SPEND"],
        ["Day", "Spend ($)"],
    ],
)
def test_likely_titles_are_found_whatever_their_case_spaces_and_underscores(header):
    assert is_spend(header)


@pytest.mark.parametrize(
    "header",
    [
        ["Day", "Impressions"],
        ["Call Date", "Inbound Call ID", "Revenue"],
        ["Date", "Inbound Call Id", "Cost"],
        ["Campaign", "Date", "Cost", "Incoming", "Live", "Completed", "Ended", "Connected", "RPC", "Payout", "Revenue"],
        [],
    ],
)
def test_other_files_are_not_taken_for_spend(header):
    from kayzen_nb.ringba_columns import SUMMARY_TITLES

    assert not is_spend(header if "RPC" not in header else [*SUMMARY_TITLES, "Date", "Cost"])


def test_a_file_is_known_by_its_titles_also_where_lines_stand_above_them(tmp_path):
    assert is_spend_file(write(tmp_path, "Kayzen report", "1 to 7 November", HEAD, "2026-11-02,A,x,1,1.00"))
    assert is_spend_file(write(tmp_path, "Day;Spend (EUR)"))
    assert not is_spend_file(write(tmp_path, "Call Date,Inbound Call ID,Cost", "2026-11-02,RGB1,1.00"))
    assert not is_spend_file(tmp_path / "none.csv")


def test_a_name_is_preferred_to_an_id_and_unused_columns_are_named(tmp_path):
    table = read_spend(write(tmp_path, "Campaign ID,Campaign Name,Date,Spend,eCPM", "77,Acme,2026-11-02,1.00,9"))
    assert list(table.rows["campaign"]) == ["Acme"]
    assert any("not used: Campaign ID, eCPM" in note for note in table.notes)


def test_the_zone_of_the_days_and_the_currency_are_said_to_be_untold(tmp_path):
    notes = " ".join(read_spend(write(tmp_path, HEAD, "2026-11-02,A,x,1,1.00")).notes)
    assert "time zone" in notes
    assert "does not tell its currency" in notes
    told = read_spend(write(tmp_path, "Day,Spend (USD)", "2026-11-02,1.00"))
    assert "currency" not in " ".join(told.notes)


def test_a_row_of_totals_is_set_aside_and_compared_with_the_sum(tmp_path):
    rows = (HEAD, "2026-11-02,A,x,1000,10.00", "2026-11-03,A,x,1000,5.26")
    good = read_spend(write(tmp_path, *rows, "Total,,,2000,15.26"))
    assert [(one.reason, one.rows) for one in good.ledger.set_aside] == [("a row of totals", 1)]
    assert good.total_usd_micros == 15_260_000
    assert check_of(good, "the total of").verdict is Verdict.PASS
    cut = read_spend(write(tmp_path, *rows, "Grand Total,,,9000,99.00"))
    assert check_of(cut, "the total of").verdict is Verdict.FAIL


def test_totals_without_a_name_are_known_by_their_sum_and_a_row_without_a_day_is_not(tmp_path):
    rows = (HEAD, "2026-11-02,A,x,1000,10.00", "2026-11-03,A,x,1000,5.00")
    assert read_spend(write(tmp_path, *rows, ",,,2000,15.00")).ledger.set_aside[0].reason == "a row of totals"
    stray = read_spend(write(tmp_path, *rows, ",,,2000,4.00"))
    assert stray.ledger.set_aside[0].reason == "no readable day"
    assert check_of(stray, "could be read").verdict is Verdict.UNKNOWN


def test_a_days_subtotal_is_not_added_to_its_parts(tmp_path):
    table = read_spend(write(tmp_path, HEAD, "2026-11-02,A,x,1,1.00", "2026-11-02,Total,,1,1.00"))
    assert table.total_usd_micros == 1_000_000
    assert table.ledger.set_aside[0].reason == "a subtotal of a day"


def test_negative_empty_and_unreadable_spend_is_set_aside_and_makes_the_check_unknown(tmp_path):
    rows = ("-1.00", "(2.00)", "", "n/a", "NaN", "inf", "1e999", "12..3")
    lines = [HEAD, "2026-11-02,A,x,1,1.00", *(f"2026-11-03,A,x,1,{amount}" for amount in rows)]
    table = read_spend(write(tmp_path, *lines))
    assert {one.reason: one.rows for one in table.ledger.set_aside} == {
        "spend is negative": 2,
        "spend is empty": 1,
        "spend cannot be read": 5,
    }
    assert table.ledger.check().verdict is Verdict.PASS
    assert check_of(table, "could be read").verdict is Verdict.UNKNOWN


def test_an_unquoted_thousand_that_shifts_the_cells_is_set_aside(tmp_path):
    table = read_spend(write(tmp_path, HEAD, "2026-11-02,A,x,1,1.00", "2026-11-02,A,x,1,1,234.00"))
    assert table.ledger.set_aside[0].reason == "not as many cells as titles"


def test_a_row_that_stands_twice_is_counted_and_named(tmp_path):
    table = read_spend(write(tmp_path, HEAD, *["2026-11-02,A,x,1,1.00"] * 3, *["2026-11-02,B,x,0,0"] * 2))
    assert table.total_usd_micros == 3_000_000
    twice = check_of(table, "stands twice")
    assert twice.verdict is Verdict.UNKNOWN
    assert twice.found == "kayzen.csv: 2 rows, 2.00 USD"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-03", date(2026, 11, 3)),
        ("2026/11/3", date(2026, 11, 3)),
        ("20261103", date(2026, 11, 3)),
        ("Nov 3, 2026", date(2026, 11, 3)),
        ("3-Nov-2026", date(2026, 11, 3)),
        ("2026-11-03T00:00:00Z", date(2026, 11, 3)),
        ("11/13/2026", date(2026, 11, 13)),
        ("11/11/2026", date(2026, 11, 11)),
        ("13.11.2026", date(2026, 11, 13)),
    ],
)
def test_a_day_is_read_as_it_is_written(tmp_path, text, day):
    assert read_spend(write(tmp_path, "Date,Spend", f'"{text}",1.00')).days == (day,)


def test_one_day_above_the_12th_shows_the_order_of_all_days(tmp_path):
    us = read_spend(write(tmp_path, "Date,Spend", "11/02/2026,1", "11/13/2026,1"))
    assert us.days == (date(2026, 11, 2), date(2026, 11, 13))
    eu = read_spend(write(tmp_path, "Date,Spend", "02/11/2026,1", "13/11/2026,1"))
    assert eu.days == (date(2026, 11, 2), date(2026, 11, 13))
    assert any("day first" in note for note in eu.notes)


@pytest.mark.parametrize("days", [("11/02/2026", "11/03/2026"), ("13/11/2026", "11/13/2026")])
def test_days_that_can_be_read_two_ways_are_refused(tmp_path, days):
    assert "month first" in refusal(write(tmp_path, "Date,Spend", *(f"{day},1.00" for day in days)))


@pytest.mark.parametrize("text", ["2026-02-30", "1999-01-01", "2026-13-01", "yesterday", "²026-11-03", "11/3/26"])
def test_a_day_that_is_none_is_set_aside_and_a_file_of_such_is_refused(tmp_path, text):
    assert "No row of kayzen.csv can be used" in refusal(write(tmp_path, "Date,Spend", f"{text},1.00"))


def test_hours_are_read_from_their_column_or_from_the_days_time(tmp_path):
    column = read_spend(write(tmp_path, "Day,Hour,Spend", "2026-11-02,0,1", "2026-11-02,23:00,1", "2026-11-02,1 pm,1"))
    assert list(column.rows["hour"]) == [0, 23, 13]
    timed = read_spend(write(tmp_path, "Date,Spend", "2026-11-02 00:00:00,1", "2026-11-02 17:00:00,1"))
    assert list(timed.rows["hour"]) == [0, 17]
    assert "hour" in timed.held
    midnights = read_spend(write(tmp_path, "Date,Spend", "2026-11-02 00:00:00,1", "2026-11-03 00:00:00,1"))
    assert "hour" not in midnights.held
    assert midnights.rows["hour"].isna().all()


@pytest.mark.parametrize(
    ("text", "hour"), [("24", None), ("-1", None), ("12 am", 0), ("12 pm", 12), ("13 pm", None), ("", None), ("7.0", 7)]
)
def test_an_hour_is_0_to_23_or_missing(text, hour):
    assert read_hour(text) == hour


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$1,234.56", "1234.56"),
        ("USD 12", "12"),
        ("US$ 0.5", "0.5"),
        (".5", "0.5"),
        ("1.2e-05", "0.000012"),
        ("1,23.4", None),
        ("12,34", None),
        ("€5", None),
        ("1 234", "1234"),
        ("0x10", None),
        ("٣", None),
    ],
)
def test_an_amount_is_read_as_written_or_not_at_all(text, amount):
    assert read_amount(text) == (None if amount is None else Decimal(amount))


@given(st.decimals(min_value=0, max_value=10**9, places=6, allow_nan=False, allow_infinity=False))
def test_any_amount_in_millionths_survives_reading(amount):
    assert as_micros(read_amount(f"{amount:,}")) == amount * 1_000_000


def test_an_amount_above_a_billion_is_none():
    assert read_amount("99999999999999999999") is None
    assert read_amount("1,000,000,000.01") is None


def test_finer_parts_than_a_millionth_are_rounded_and_said(tmp_path):
    table = read_spend(write(tmp_path, HEAD, "2026-11-02,A,x,1,0.0000015", "2026-11-03,A,x,1,1.5"))
    assert list(table.rows["spend_usd_micros"]) == [2, 1_500_000]
    assert any(note.startswith("1 amount of kayzen.csv had parts") for note in table.notes)


def test_impressions_that_cannot_be_read_are_missing_and_not_zero(tmp_path):
    table = read_spend(write(tmp_path, HEAD, '2026-11-02,A,x,"1,234",1', "2026-11-02,A,x,?,2", "2026-11-02,A,x,-5,3"))
    assert [None if str(count) == "<NA>" else count for count in table.rows["impressions"]] == [1234, None, None]
    assert any("2 rows of spend tell no impressions" in note for note in table.notes)
    assert read_count("1.5") is None


def test_other_currencies_are_refused_wherever_they_are_told(tmp_path):
    assert "'EUR'" in refusal(write(tmp_path, "Day,Spend,Currency", "2026-11-02,1,USD", "2026-11-03,1,EUR"))
    assert "Spend (EUR)" in refusal(write(tmp_path, "Day,Spend (EUR)", "2026-11-02,1"))
    assert "€5" in refusal(write(tmp_path, "Day,Spend", "2026-11-02,€5"))
    assert read_spend(write(tmp_path, "Day,Spend,Currency", "2026-11-02,1,usd", "2026-11-03,1,")).ledger.rows_used == 2


def test_decimal_commas_are_refused_and_not_read_as_thousands(tmp_path):
    assert "decimal comma" in refusal(write(tmp_path, "Day;Spend", "2026-11-02;12,34", "2026-11-03;1,234"))
    assert "decimal comma" in refusal(write(tmp_path, "Day;Spend", "2026-11-02;1.234,56"))
    assert "decimal comma" in refusal(write(tmp_path, "Day;Spend", "2026-11-02;1,234"))
    assert (
        read_spend(write(tmp_path, "Day;Spend", "2026-11-02;1,234", "2026-11-03;5.00")).total_usd_micros == 1239_000_000
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_encodings_delimiters_and_lines_above_the_titles_are_found(tmp_path, encoding, mark):
    lines = ["Kayzen report", "", mark.join(["Day", "Campaign", "Spend"]), mark.join(["2026-11-02", "Café", "1.00"])]
    table = read_spend(write(tmp_path, *lines, encoding=encoding))
    assert list(table.rows["campaign"]) == ["Café"]
    assert any("Windows-1252" in note for note in table.notes) == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"PK\x03\x04rest", "workbook"),
        ("Day,Spend\n".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"Day,Spend\n\0\0", "workbook"),
        (b"hello\nworld\n", "no column for 'day'"),
        (b"Day,Spent\n2026-11-02,1\n", "did you mean 'Spent'"),
        (b"Day,Spend,Spend\n2026-11-02,1,2\n", "stands twice"),
        (b'Day,Spend\n"' + b"x" * 200_000, "no sound CSV"),
        (b"<html><body>Log in</body></html>", "no column for"),
    ],
)
def test_a_file_that_is_no_report_is_refused_in_words(tmp_path, content, said):
    file = tmp_path / "kayzen.csv"
    file.write_bytes(content)
    assert said in refusal(file)


def test_titles_alone_are_an_empty_report_and_not_an_error(tmp_path):
    table = read_spend(write(tmp_path, HEAD))
    assert (table.total_usd_micros, table.days, table.ledger.rows_in) == (0, (), 0)


def test_all_problems_of_all_files_are_told_at_once(tmp_path):
    write(tmp_path, "Day,Money", "2026-11-02,1", name="a.csv")
    write(tmp_path, "Day,Spend", "2026-11-02,€1", name="b.csv")
    said = refusal(f"{tmp_path}/a.csv; {tmp_path}/b.csv; {tmp_path}/c.csv")
    assert "a.csv has no column" in said
    assert "€1" in said
    assert "c.csv cannot be read" in said
    assert "No file of spend is named" in refusal(" ; ")


def test_two_files_with_the_same_day_of_a_campaign_are_refused(tmp_path):
    one = write(tmp_path, HEAD, "2026-11-02,A,x,1,1.00", "2026-11-03,A,x,1,1.00", name="one.csv")
    two = write(tmp_path, HEAD, "2026-11-03, a ,y,1,2.00", name="two.csv")
    assert "one.csv and two.csv both hold 2026-11-03" in refusal([one, two])


def test_files_of_different_days_are_added_and_the_same_file_counts_once(tmp_path):
    one = write(tmp_path, HEAD, "2026-11-02,A,x,1,1.00", name="one.csv")
    two = write(tmp_path, HEAD, "2026-11-03,A,x,1,2.00", name="two.csv")
    copy = write(tmp_path, HEAD, "2026-11-02,A,x,1,1.00", name="copy.csv")
    table = read_spend(f"{one};{two};{copy}")
    assert table.total_usd_micros == 3_000_000
    assert set(table.inputs) == {"one.csv", "two.csv"}
    assert all(len(digest) == 64 for digest in table.inputs.values())


def test_a_phone_number_in_the_titles_or_a_campaign_is_not_repeated_in_an_error(tmp_path):
    assert "5550142" not in refusal(write(tmp_path, "Day,+12125550142", "2026-11-02,1"))
    one = write(tmp_path, HEAD, "2026-11-02,+12125550142,x,1,1.00", name="one.csv")
    two = write(tmp_path, HEAD, "2026-11-02,+12125550142,x,2,1.00", name="two.csv")
    assert "5550142" not in refusal([one, two])


@settings(deadline=None)  # files are slow on a busy machine
@given(
    st.lists(
        st.tuples(st.sampled_from(["2026-11-02", "", "x", "Total"]), st.text(max_size=6), st.text(max_size=8)),
        max_size=30,
    )
)
def test_whatever_a_file_holds_every_row_is_accounted_for_or_it_is_refused(tmp_path_factory, rows):
    import csv

    file = tmp_path_factory.mktemp("any") / "any.csv"
    with file.open("w", newline="", encoding="utf-8", errors="replace") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Day", "Campaign", "Spend"])
        writer.writerows(rows)
    with contextlib.suppress(SpendFileError):  # refused in words is an answer; anything else is not
        table = read_spend(file)
        assert table.ledger.check().verdict is Verdict.PASS
        assert table.ledger.rows_used == len(table.rows)
        assert (table.rows["spend_usd_micros"] >= 0).all()
