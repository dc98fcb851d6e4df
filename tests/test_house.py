"""The house keeps its floors: imports go down only, the top level is light, nothing private stands in the files."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kayzen_nb"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

FLOORS = {
    "words": {
        "errors",
        "guide",
        "checks",
        "vocabulary",
        "period",
        "privacy",
        "calls",
        "account",
        "tokens",
        "causes",
        "entries",
        "storedcalls",
        "watching",
        "spend",
        "summarywords",
        "lagcounts",
        "dimensions",
        "exits",
    },
    "fetch": {
        "lags",
        "spendcolumns",
        "spendgrid",
        "spendrows",
        "spendvalues",
        "spendchecks",
        "spendfile",
        "summaryfile",
        "sharefiles",
        "imagetexts",
        "settings",
        "http",
        "strictjson",
        "ringba",
        "ringba_columns",
        "callfile",
        "sources",
        "localclock",
        "ratelimit",
        "ringba_events",
        "ringba_values",
        "callbatches",
        "callsearch",
        "callevidence",
        "evidencefile",
        "eventlabels",
        "eventstab",
        "eventcsv",
        "mixedcalls",
        "pastedlines",
        "logtimes",
        "journal",
        "kayzenexport",
        "ringba_account",
        "ringba_setup",
        "callerkey",
        "callsql",
        "callselect",
        "spool",
        "calllog",
        "callpages",
        "callcolumns",
        "callcontract",
        "callfilesql",
        "calllayout",
        "callplace",
        "csvfault",
        "deadline",
        "exportfiles",
        "httpanswer",
        "logpage",
        "newcolumns",
        "pacebook",
        "repeatedhour",
        "retrying",
        "archive",
        "pullfiles",
        "parquetseal",
        "rawpages",
        "sealing",
        "restatement",
        "retention",
        "sync",
        "syncplan",
    },
    "compute": {
        "readings",
        "phoneshapes",
        "keyshapes",
        "sharescan",
        "pixels",
        "pixelset",
        "pixelhistory",
        "drift",
        "audit",
        "auditanswer",
        "auditpixels",
        "auditrules",
        "numbermap",
        "checklist",
        "rotation",
        "planchange",
        "planfile",
        "planfields",
        "preview",
        "pixellist",
        "lint",
        "lintrules",
        "lintaddress",
        "lintjudged",
        "lintpixel",
        "lintform",
        "lintset",
        "pixelurl",
        "pixelvalue",
        "pixelpaste",
        "pixelexcerpt",
        "repair",
        "setupcheck",
        "testcall",
        "ladder",
        "pixelproof",
        "firedurl",
        "firedvalue",
        "calltime",
        "diagnosis",
        "explanations",
        "kayzenword",
        "testcalls",
        "declarations",
        "delivery",
        "silence",
        "intervals",
        "funnel",
        "differences",
        "drivers",
        "breaks",
        "ripeness",
        "ripecalls",
        "lagcurve",
        "money",
        "spendjoin",
        "response",
        "timings",
        "callpart",
        "seconds",
        "timingwords",
        "summaryformulas",
        "ringbameasures",
        "twotables",
        "quality",
        "ringbacounts",
        "change",
        "mixtest",
        "dialects",
        "views",
        "drilldown",
        "comparison",
        "callers",
        "headline",
        "definitiontext",
        "breakdowns",
        "seriesbreak",
        "splits",
        "changecounts",
        "changelooks",
        "explanation",
        "shapley",
        "amounts",
        "moneywords",
        "viewcounts",
        "viewvalues",
        "cube",
        "cubetimes",
        "shortcalls",
        "exportdays",
        "definition",
        "funnelcheck",
        "parameters",
    },
    "show": {
        "driverchart",
        "trendchart",
        "moneycharts",
        "timingcharts",
        "changechart",
        "explorer",
        "callstable",
        "funnelcharts",
        "breakdowncharts",
        "funneltables",
        "viewchart",
        "moneytables",
        "viewschedule",
        "progress",
        "firelog",
        "charts",
        "tables",
        "setuptables",
        "verifytables",
        "forms",
        "runcard",
        "copybuttons",
        "keybox",
        "pastebox",
        "livelog",
    },
    "outside": {
        "elsewhere",
        "books",
        "enginerows",
        "sharecheck",
        "evidencepack",
        "evidenceview",
        "evidenceletters",
        "accountnotes",
        "job",
        "run",
        "setuprun",
        "verifyrun",
        "funnelrun",
        "verification",
        "deliveryreview",
        "report",
        "page",
        "demo",
        "cli",
        "commands",
        "sandbox",
        "bootstrap",
        "headless",
        "jupyterlibs",
        "runbook",
        "rehearsal",
        "runfolder",
        "__main__",
        "__init__",
    },
}
MAY_IMPORT = {
    "words": {"words"},
    "fetch": {"words", "fetch"},
    "compute": {"words", "compute"},
    "show": {"words", "compute", "show"},
    "outside": {"words", "fetch", "compute", "show", "outside"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}


def rooms_imported(path):
    """Modules of the package that a file imports when it runs (what only type checkers read is left out)."""
    tree = ast.parse(path.read_text())
    typing_only = {
        node for branch in ast.walk(tree) if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in typing_only and (node.module or "").startswith("kayzen_nb"):
            parts = node.module.split(".")
            yield from (
                [parts[1]]
                if len(parts) > 1
                else [alias.name for alias in node.names if not alias.name.startswith("__")]
            )


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_from_its_own_floor_and_the_floors_below(path):
    floor = FLOOR_OF[room_of(path)]
    upward = {room for room in rooms_imported(path) if FLOOR_OF[room] not in MAY_IMPORT[floor]}
    assert not upward


def test_only_http_and_the_sandboxs_transport_import_httpx():
    importers = {
        str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*.py") if re.search(r"^\s*(import|from) httpx", p.read_text(), re.MULTILINE)
        and "TYPE_CHECKING" not in p.read_text().split("httpx")[0][-80:]
    }  # fmt: skip
    assert {name for name in importers if name not in ("http.py", "sandbox/transport.py")} <= typed_only(importers)


def typed_only(names):
    """Files that import httpx for type checkers only."""
    return {
        name for name in names
        if not any(
            isinstance(node, ast.Import | ast.ImportFrom) and "httpx" in ast.unparse(node)
            for node in ast.parse((PACKAGE / name).read_text()).body
        )
    }  # fmt: skip


@pytest.mark.parametrize("start", ["import kayzen_nb", "import kayzen_nb.cli"])
def test_starting_imports_nothing_heavy(start):
    heavy = ["pandas", "plotly", "httpx", "duckdb", "papermill", "nbformat", "pydantic", "ipywidgets", "IPython"]
    script = f"{start}; import sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_phone_number_in_the_repository_is_an_invented_one():
    number = re.compile(r"(?<![\w.-])\+?1?[ -]?\(?([2-9]\d{2})\)?[ .-]?([2-9]\d{2})[ .-]?(\d{4})(?![\w.])")
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = []
    for name in files.stdout.split():
        if not (ROOT / name).is_file() or name == "constraints.txt":
            continue
        for area, exchange, line in number.findall((ROOT / name).read_text(errors="replace")):
            if exchange != "555" or not line.startswith("01"):
                found.append((name, area, exchange, line))
    assert not found


def test_no_committed_file_names_a_package_registry_or_is_a_lock_with_addresses():
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = files.stdout.split()
    assert not {"uv.lock", "pylock.toml", "poetry.lock"} & {Path(name).name for name in names}
    hosts = re.compile("py" + r"pi\.org|python" + r"hosted\.org|registry\.npm" + "js")
    assert not [n for n in names if (ROOT / n).is_file() and hosts.search((ROOT / n).read_text(errors="replace"))]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_committed_clean_and_holds_no_plumbing(path):
    notebook = json.loads(path.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in code:
        source = "".join(cell["source"])
        tree = ast.parse(source)
        banned = (ast.FunctionDef, ast.For, ast.While, ast.Try, ast.ClassDef, ast.With)
        assert not [node for node in ast.walk(tree) if isinstance(node, banned)]
        # Four to ten parameters are the wish; the funnel has twelve, because a view that was found has to be schedulable.
        assert len(tree.body) <= (12 if "parameters" in cell["metadata"].get("tags", []) else 7)
        assert str(Path.home()) not in source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_parameter_cell_holds_the_declared_names_and_defaults_each_with_a_comment(path):
    from kayzen_nb.parameters import DECLARATIONS

    notebook = json.loads(path.read_text())
    (cell,) = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])]
    lines = cell["source"]
    written = {}
    for line in lines:
        name, _, rest = line.partition(" = ")
        literal, _, comment = rest.partition("#")
        written[name] = ast.literal_eval(literal.strip())
        assert comment.strip()
    assert written == {p.name: p.default for p in DECLARATIONS[path.stem]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_opens_with_its_question_and_says_when_what_and_whom(path):
    cells = json.loads(path.read_text())["cells"]
    assert "".join(cells[0]["source"]).startswith("# ")
    assert "".join(cells[0]["source"]).rstrip().endswith("?")
    for word in ("When to run", "What you need", "What you get", "change anything", "Who to ask", "To stop a schedule"):
        assert word in "".join(cells[1]["source"])
