"""The page that is shared: one HTML file, verdict on top, charts alive, no code, nothing loaded from a network.

Scripts that hide in data cannot run: the page's own Content-Security-Policy allows our two scripts, by their hash, and
nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kayzen_nb import __version__, jupyterlibs  # noqa: F401  # first: it keeps nbconvert's import of nbformat cheap

# isort: split
from jinja2 import Environment, FileSystemLoader
from nbconvert.exporters.html import HTMLExporter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kayzen_nb.errors import Problem
    from kayzen_nb.jupyterlibs import NotebookNode

WORDS = {"pass": "Pass", "fail": "Fail", "unknown": "Unknown"}
_TEMPLATES = Path(__file__).with_name("templates")
_RECORD_MIME = "application/vnd.kayzen-nb.run+json"
_PLOTLY_MIME = "application/vnd.plotly.v1+json"
_SCRIPTS = "<!--kz-scripts-->"
_CHART = '<figure class="kz-chart">'
_KIND = "Calls from TV ads · Ringba and Kayzen"
_SHOWN_STEPS = 4
_SECTIONS, _MANY_SECTIONS = "<!--kz-sections-->", 8
_SECTION = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
_TITLE = re.compile(r"\A\s*#\s+(.+?)\s*$", re.MULTILINE)
_NUMBER = re.compile(r"-?[$€£]?[\d,]*\.?\d+\s?%?( \([\d.]+–[\d.]+\))?")  # a rate may bring its interval
_GAPS = frozenset({"", "unknown", "no base"})
_ANSWERS = {f"{sign} {word}": f"kz-{word}" for sign, word in (("✓", "pass"), ("✗", "fail"), ("?", "unknown"))}


def build_page(node: NotebookNode, record: Mapping[str, Any]) -> str:
    """The page of an executed notebook. ``record`` holds the manifest's keys, and ``rerun``, the command for again."""
    shared, title = _shareable(node)
    scripts = _scripts() if _has_chart(shared) else ()
    page = _describe(record, title or str(record["notebook"])) | {"csp": _policy(scripts)}
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="page",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    body, _ = exporter.from_notebook_node(shared, resources={"page": page})
    body = _list_sections(str(body))
    # Put in last, so that the exporter need not parse 5 MB of plotly.js.
    return str(body).replace(_SCRIPTS, "\n".join(f"<script>{script}</script>" for script in scripts))


def _list_sections(body: str) -> str:
    """The page with links to its sections on top, where it has many."""
    main, foot = body.split("</main>", 1)
    titles = [title.strip() for title in _SECTION.findall(main)]
    numbers = iter(range(1, len(titles) + 1))
    main = _SECTION.sub(lambda found: f'<h2 id="s{next(numbers)}">{found[1].strip()}</h2>', main)
    links = "".join(f'<li><a href="#s{number}">{title}</a></li>' for number, title in enumerate(titles, start=1))
    listed = f'<nav class="kz-sections" aria-label="On this page"><ol>{links}</ol></nav>'
    return f"{main.replace(_SECTIONS, listed if len(titles) > _MANY_SECTIONS else '')}</main>{foot}"


def build_failure_page(record: Mapping[str, Any], title: str, problems: Sequence[Problem], last_good: str = "") -> str:
    """The page of a run that did not finish: what happened, where, the next step, and the last good report."""
    return _render(
        "failure.html.j2",
        title=title,
        kind=_KIND,
        headline="The notebook did not finish, so there is no new report.",
        problems=problems,
        last_good=last_good,
        rerun=record.get("rerun", ""),
        provenance=_provenance(record),
    )


def build_index(cards: Iterable[Mapping[str, str]], *, title: str, lead: str) -> str:
    """The page that leads to the others: one card each with ``title, verdict, headline, about, href``."""
    shown = [{**card, "word": WORDS[card["verdict"]]} for card in cards]
    return _render("index.html.j2", cards=shown, title=title, lead=lead, made=f"Made by kayzen_nb {__version__}.")


def notebook_title(node: NotebookNode) -> str:
    """The notebook's first heading: its question."""
    cells = (cell for cell in node.cells if cell.cell_type == "markdown")
    return next((found[1] for cell in cells if (found := _TITLE.search(cell.source))), "")


def describe_moment(iso: str, zone: str | None) -> str:
    """A moment as people read it, in the page's zone: ``24 Nov 2026, 09:05 (America/New_York)``."""
    try:
        moment = datetime.fromisoformat(iso).astimezone(ZoneInfo(zone or "UTC"))
    except ValueError:
        return iso
    return f"{moment.day} {moment:%b %Y, %H:%M} ({zone or 'UTC'})"


def _render(template: str, **values: Any) -> str:
    loader = FileSystemLoader([_TEMPLATES, _TEMPLATES / "page"])
    return Environment(loader=loader, autoescape=True).get_template(template).render(csp=_policy(()), **values)


def _shareable(node: NotebookNode) -> tuple[NotebookNode, str]:
    """A copy with only what readers see, and the title, which moves into the page's head."""
    shared = deepcopy(node)
    title = notebook_title(shared)
    shared.cells = [cell for cell in shared.cells if "notebook-only" not in cell.metadata.get("tags", [])]
    for cell in shared.cells:
        if cell.cell_type == "markdown":
            cell.source = _TITLE.sub("", cell.source, count=1)
        elif cell.cell_type == "code":
            cell.outputs = [_dress(output) for output in cell.outputs if _is_shown(output)]
    shared.cells = [cell for cell in shared.cells if cell.get("outputs") or cell.cell_type == "markdown"]
    shared.cells = [cell for cell in shared.cells if cell.cell_type != "markdown" or cell.source.strip()]
    shared.metadata.pop("widgets", None)
    return shared, title


def _is_shown(output: NotebookNode) -> bool:
    """Results only: no errors, no streams (logs), no record (the page draws its own card)."""
    return output.output_type in ("display_data", "execute_result") and _RECORD_MIME not in output.data


def _dress(output: NotebookNode) -> NotebookNode:
    """Charts and tables as the page shows them; anything else as it is."""
    if figure := output.data.get(_PLOTLY_MIME):
        alt = output.metadata.get("kayzen-nb", {}).get("alt") or output.data.get("text/plain", "Chart")
        output.data = {"text/html": _build_chart(figure, alt)}
    elif "<table" in (body := output.data.get("text/html", "")):
        body = _STYLE.sub("", body)  # a notebook's own: numbers stand to the right here
        output.data["text/html"] = _TABLE.sub(lambda found: _dress_table(found[0], body), body)
    return output


def _has_chart(shared: NotebookNode) -> bool:
    outputs = (output for cell in shared.cells for output in cell.get("outputs", []))
    return any(_CHART in output.data.get("text/html", "") for output in outputs)


def _build_chart(figure: Mapping[str, Any], alt: str) -> str:
    """A place for the chart, its title as a caption that wraps and prints, and its values as inert JSON."""
    layout = deepcopy(dict(figure.get("layout", {})))
    caption = (layout.pop("title", None) or {}).get("text", "")
    layout["margin"] = {**layout.get("margin", {}), "t": 12}
    if layout.get("legend", {}).get("orientation") == "h":  # grows upward when a narrow screen breaks it in two lines
        layout["legend"] |= {"y": 1.02, "yanchor": "bottom"}
    values = json.dumps({"data": figure["data"], "layout": layout}, allow_nan=False).replace("<", "\\u003c")
    height = int(layout.get("height") or 360)
    shown = f"<figcaption>{html.escape(html.unescape(caption))}</figcaption>" if caption else ""
    return (
        f"{_CHART}{shown}"
        f'<div class="kz-plot" role="img" aria-label="{html.escape(alt)}" style="min-height:{height}px"></div>'
        f'<script type="application/json">{values}</script></figure>'
    )


_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
_TABLE = re.compile(r"<table.*?</table>", re.DOTALL)
_CELL = re.compile(r"<td>(.*?)</td>", re.DOTALL)
_HEAD = re.compile(r"<th>(.*?)</th>", re.DOTALL)
_FILE = re.compile(r"data/[a-z0-9_]+\.csv")  # a table that the run keeps beside the page
_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?")


def _dress_table(table: str, around: str) -> str:
    """The table with numbers to the right, answers in colour, no empty column, in a frame that scrolls when narrow."""
    count = max(table.count("<th>"), 1)
    cells = [cell.strip() for cell in _CELL.findall(table)]
    columns = [cells[n::count] for n in range(count)]
    empty = [bool(cells) and not any(column) for column in columns]
    numeric = [_is_numeric(column) for column in columns]
    places, heads = iter(range(len(cells))), iter(range(count))

    def dress_cell(found: re.Match[str]) -> str:
        column = next(places) % count
        return "" if empty[column] else _dress_cell(found[1], numeric=numeric[column])

    def dress_head(found: re.Match[str]) -> str:
        column = next(heads)
        return "" if empty[column] else f'<th scope="col"{_class("kz-num" * numeric[column])}>{found[1]}</th>'

    table = _HEAD.sub(dress_head, _CELL.sub(dress_cell, table))
    caption = re.search(r"<figcaption>(.*?)</figcaption>", around, re.DOTALL)
    label = f' role="group" aria-label="{caption[1]}"' if caption else ""
    narrow = " kz-narrow" if count - sum(empty) <= 2 else ""
    return f'<div class="kz-scroll{narrow}" tabindex="0"{label}>{table}</div>'


def _is_numeric(cells: Sequence[str]) -> bool:
    """Whether a column holds numbers; the words for gaps ("unknown") do not count against it."""
    values = [cell for cell in cells if cell not in _GAPS]
    return bool(values) and all(_NUMBER.fullmatch(value) for value in values)


def _dress_cell(text: str, *, numeric: bool) -> str:
    if _FILE.fullmatch(text):
        return f'<td><a href="{text}">{text.removeprefix("data/")}</a></td>'
    if numeric:
        name = "kz-num"
    elif text.startswith(("http://", "https://")):
        name = "kz-url"
    else:
        name = "kz-time" if _TIME.fullmatch(text) else _ANSWERS.get(text.strip(), "")
    return f"<td{_class(name)}>{text}</td>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _scripts() -> tuple[str, ...]:
    """plotly.js from the installed package, and ours. Line ends as browsers hash them: without carriage returns."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415  # only pages with a chart need it

    ours = (_TEMPLATES / "page" / "page.js").read_text(encoding="utf-8")
    return tuple(script.replace("\r\n", "\n").replace("\r", "\n") for script in (get_plotlyjs(), ours))


def _policy(scripts: Iterable[str]) -> str:
    """The Content-Security-Policy: nothing from anywhere, and of scripts only these, by hash."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _describe(record: Mapping[str, Any], title: str) -> dict[str, Any]:
    """The record as the template shows it."""
    checks = record.get("checks") or []
    return {
        "title": title,
        "kind": _KIND,
        "verdict": record["verdict"],
        "word": WORDS[record["verdict"]],
        **_split_headline(str(record["headline"])),
        "invented": record.get("invented", False),
        "tally": _tally([check["verdict"] for check in checks]),
        "steps": _steps([check for check in checks if check["verdict"] != "pass"]),
        "facts": _facts(record),
        "provenance": _provenance(record),
        "parameters": [(name, value or "(empty)") for name, value in record.get("parameters", {}).items()],
        "rerun": record.get("rerun", ""),
    }


def _split_headline(headline: str) -> dict[str, str]:
    """The first sentence, which is set large, and the others."""
    first, _, rest = headline.partition(". ")
    return {"headline": f"{first}." if rest else headline, "rest": rest}


def _tally(verdicts: Sequence[str]) -> str:
    """``9 checks: 7 passed, 1 failed, 1 unknown``."""
    if not verdicts:
        return ""
    named = (("pass", "passed"), ("fail", "failed"), ("unknown", "unknown"))
    counts = ", ".join(f"{verdicts.count(key)} {word}" for key, word in named if key in verdicts)
    return f"{len(verdicts)} {'check' if len(verdicts) == 1 else 'checks'}: {counts}."


def _steps(checks: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """What is to be done, each step once, with the checks that ask for it: the first few, in order."""
    steps: dict[str, list[Mapping[str, str]]] = {}
    for check in checks:
        steps.setdefault(check["next_step"], []).append(check)
    return [{"step": step, "checks": asking} for step, asking in steps.items()][:_SHOWN_STEPS]


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reader wants to know beside the verdict: how fresh, from where, which days, how many rows."""
    facts = []
    if record.get("period_start"):
        facts.append(("Period (both days included)", f"{record['period_start']} to {record['period_end']}"))
    facts.append(("As of", describe_moment(record["as_of"], record.get("time_zone"))))
    if source := record.get("source"):
        facts.append(("Source", source))
    if ledger := record.get("ledger"):
        aside = sum(entry["rows"] for entry in ledger["set_aside"])
        rows = f"{ledger['rows_in']:,} read, {ledger['rows_used']:,} used"
        facts.append(("Rows", rows + (f", {aside:,} set aside" if aside else "")))
    return facts


def _provenance(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    inputs = [f"{item['name']} (SHA-256 {item['sha256'][:16]}…)" for item in record.get("inputs") or []]
    lines = [
        ("Made by", f"kayzen_nb {__version__}, notebook {record['notebook']}"),
        ("As of", f"{record['as_of']}"),
        ("Time zone", record.get("time_zone") or ""),
        ("Input", "\n".join(inputs)),
        ("Plan of the pixels", f"SHA-256 {record['plan_hash']}" if record.get("plan_hash") else ""),
    ]
    return [(name, value) for name, value in lines if value]
