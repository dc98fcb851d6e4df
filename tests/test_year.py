"""A small advertiser's days, killed three times on the way: what is in the archive equals a run that nobody disturbed.

A whole year takes some minutes and is read by ``benchmarks/data_figures.py --year``; here are as many days as fit
into about twenty seconds. KAYZEN_NB_YEAR_DAYS sets another number.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

DAYS = int(os.environ.get("KAYZEN_NB_YEAR_DAYS", "24"))
PATH = Path(__file__).parents[1] / "benchmarks" / "figures_year.py"
SPEC = importlib.util.spec_from_file_location("figures_year", PATH)
years = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = years
SPEC.loader.exec_module(years)


def test_days_that_were_killed_three_times_on_the_way_equal_a_clean_run():
    year = years.read_year(DAYS)
    assert year.is_equal
    assert year.rows > 900 * DAYS
    assert len(year.kills) == 3
    first, second, third, at_the_end = year.days_left_alone
    assert 0 < first < second < third < DAYS  # each run went on from where the one before was killed
    assert at_the_end == third
