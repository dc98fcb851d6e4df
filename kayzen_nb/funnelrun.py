"""The run of 03_funnel: calls of the period and of the one before, counted by one definition, and the other books."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.comparison import Comparison, compare, previous_period
from kayzen_nb.definition import Definition
from kayzen_nb.definitiontext import describe_definition
from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.errors import ParameterError
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.run import Run, is_interactive, now, period_record, run_folder
from kayzen_nb.testcalls import noted_test_calls

if TYPE_CHECKING:
    from datetime import date

    from kayzen_nb.books import Books
    from kayzen_nb.calls import CallTable
    from kayzen_nb.callstable import CallsFile
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.lagcounts import Lags
    from kayzen_nb.ripeness import Ripeness


@dataclass(kw_only=True)
class FunnelRun(Run):
    """A run that reads many calls."""

    def fetch_calls(self) -> CallTable:
        """The calls of the period, from the chosen source, with their ledger; test calls are set aside."""
        calls = self._read_calls(self.parameters.period)
        if self.parameters.period is None:
            calls = self._read_own_days(calls)
        self.record |= period_record(self.parameters)
        self.record |= {"ledger": calls.ledger.as_record(), "as_of": calls.as_of.isoformat(timespec="seconds")}
        self.record["inputs"] = [{"name": name, "sha256": digest} for name, digest in calls.inputs.items()]
        self.record |= self._describe_source()
        if self.parameters["source"] == "archive":  # its files say where their calls came from
            is_invented = any(name in calls.source for name in ("built-in sandbox", "127.0.0.1", "localhost"))
            self.record |= {"source": f"the {calls.source}", "invented": is_invented}
        return calls

    def define(self, calls: CallTable, ripe: Ripeness) -> Definition:
        """How calls are counted: by what the parameters state, and by what is too young to be judged."""
        stated = Definition(converts_after_s=self.parameters["converts_after_s"])
        return replace(ripe.put_into(stated), whole_until=_unfinished_day(calls, self.period))

    def measure_ripeness(self, calls: CallTable) -> Ripeness:
        """From when on calls are too young: by the archive's readings where it is the source, else by the calls."""
        from kayzen_nb import ripeness  # noqa: PLC0415  # with the calls only

        return ripeness.measure(calls, self.period, self._measure_lags())

    def _measure_lags(self) -> Lags | None:
        from kayzen_nb.archive import Archive, archive_folder  # noqa: PLC0415  # duckdb, only where calls are read
        from kayzen_nb.lags import measure_lags  # noqa: PLC0415  # as above

        if self.parameters["source"] != "archive":
            return None
        archive = Archive(archive_folder(self.settings.home, self.settings.ringba_account_id or ""))
        return measure_lags(archive, campaign=self.parameters["campaign"], now=self._end_of("as_of") or now())

    def save_tables(self, counted: Funnel) -> None:
        """Keep the stages, the exits, and both by each dimension, as CSV; without a run folder nothing is written."""
        if not run_folder():
            return
        self.save("funnel", counted.steps())
        self.save("funnel_exits", counted.exits())
        self.save("funnel_reasons", counted.reasons)
        for dimension in DIMENSIONS:
            self.save(f"funnel_by_{dimension}", counted.by(dimension))
            self.save(f"funnel_exits_by_{dimension}", counted.exits(dimension))

    def show_definition(self, counted: Funnel) -> None:
        """How the numbers above were counted: in a sentence, and on a click in SQL."""
        from kayzen_nb.tables import show_details, show_sentence  # noqa: PLC0415  # pandas, only where tables are made

        show_sentence(describe_definition(counted, campaign=self.parameters["campaign"], source=self.record["source"]))
        show_details("How was this counted? The SQL", "\n\n".join(counted.queries))

    def read_books(self) -> Books:
        """The other books that were given: spend, Ringba's Summary, exports beside another source."""
        from kayzen_nb import books, sources  # noqa: PLC0415  # only where there are such files

        def read_exports(paths: str) -> CallTable:
            return sources.calls(source="csv", csv_path=paths, period=self.period, campaign=self.parameters["campaign"])

        found = books.read_books(self.parameters["beside_path"], read_exports)
        self.record["inputs"] += [{"name": name, "sha256": digest} for name, digest in found.inputs.items()]
        return found

    def explore(self, counted: Funnel) -> None:
        """The explorer, where a person sits in front; its view can be scheduled as it stands."""
        if is_interactive():
            from kayzen_nb import explorer  # noqa: PLC0415  # ipywidgets cost 0.3 s that headless runs need not pay

            explorer.explore(counted, self.parameters, view=self.parameters["view"])

    def save_calls(self, counted: Funnel) -> list[CallsFile]:
        """Keep the calls behind every bar as CSV, one file an exit; without a run folder nothing is written."""
        from kayzen_nb.callstable import save_calls  # noqa: PLC0415  # as above

        folder = run_folder()
        return save_calls(counted, folder / "data") if folder else []

    def compare(self, now: Funnel) -> Comparison:
        """The period's ripe days beside as many days before it, read from the same source."""
        period = previous_period(self.period, now.definition)
        if self.parameters["compare"] == "none":
            return Comparison(now=now, why_not="compare is set to none")
        if period is None:
            return Comparison(now=now, why_not="no day of the period is ripe yet")
        settled = replace(now.definition, converts_until=None, pays_until=None, whole_until=None)
        try:
            before = count_funnel(self._read_calls(period), period, settled)
        except ParameterError:  # an archive that holds none of these days
            return Comparison(now=now, why_not=f"the archive holds no day of {period}")
        return compare(now, before)

    def _read_calls(self, period: Period | None) -> CallTable:
        from kayzen_nb import sources  # noqa: PLC0415  # duckdb and httpx, only where calls are read

        is_file = self.parameters["source"] == "csv"
        return sources.calls(
            source=self.parameters["source"],
            period=period,
            zone=self.zone,
            settings=None if is_file else self.settings,  # a file is read though another setting is malformed
            transport=None if is_file else self.transport,
            csv_path=self.parameters["csv_path"],
            campaign=self.parameters["campaign"],
            test_calls=noted_test_calls(self.journal.entries()),
            as_of=self._end_of("as_of"),
            watcher=self.watcher,
        )

    def _end_of(self, name: str) -> datetime | None:
        """The end of a day that a parameter names, in the page's zone; None where it names none."""
        day = self.parameters.chosen.get(name)
        return Period(first_day=day, last_day=day, zone=self.zone).end_utc if day else None

    def _read_own_days(self, calls: CallTable) -> CallTable:
        """Where a file decides the ends of the period, take its days, and leave out what lies beyond a given end."""
        values = dict(self.parameters.chosen)
        first, last = _local_days(calls, self.zone)
        is_whole = not (values["period_start"] or values["period_end"])
        values["period_start"] = values["period_start"] or min(first, values["period_end"] or first)
        values["period_end"] = values["period_end"] or max(last, values["period_start"])
        self.parameters = replace(self.parameters, chosen=values)
        return calls if is_whole else self._read_calls(self.parameters.period)


def _unfinished_day(calls: CallTable, period: Period) -> datetime | None:
    """The beginning of the local day in which the reading ended; None where the period was over by then."""
    known = calls.through or calls.as_of
    if known >= period.end_utc:
        return None
    day = known.astimezone(ZoneInfo(period.zone)).date()
    return Period(first_day=day, last_day=day, zone=period.zone).start_utc


def _local_days(calls: CallTable, zone: str) -> tuple[date, date]:
    """First and last local day of all calls of the file, whatever their campaign; today twice when there are none."""
    hours = calls.hours or {int(now().timestamp()) // 3600: 0}
    days = [datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone)).date() for hour in hours]
    return min(days), max(days)
