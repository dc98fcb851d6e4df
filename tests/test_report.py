"""A run's folder: whole or not at all, the last good page safe, no key and no number in anything that is kept."""

import json
import os
import stat
from pathlib import Path

import pytest
from nbformat import v4, write

from kayzen_nb.errors import OutputFolderError, ParameterError
from kayzen_nb.report import run_notebook

CANARY = "canary-key-1234567890"
RECORD = {
    "notebook": "03_funnel",
    "parameters": {"source": "sandbox"},
    "verdict": "pass",
    "headline": "All is well.",
    "checks": [],
    "ledger": None,
    "as_of": "2026-11-24T14:00:00+00:00",
    "time_zone": "UTC",
    "inputs": [],
    "invented": True,
}
SHOW = (
    "from IPython.display import display\n"
    f"display({{'application/vnd.kayzen-nb.run+json': {RECORD!r}, 'text/plain': 'x'}}, raw=True)"
)


@pytest.fixture
def notebook(tmp_path):
    """Writes a small notebook: its parameters, a record, and the given cell under a heading."""

    def build(cell="pass"):
        cells = [
            v4.new_markdown_cell("# How is it?"),
            v4.new_code_cell('source = "sandbox"\ncsv_path = ""', metadata={"tags": ["parameters"]}),
            v4.new_code_cell(SHOW),
            v4.new_markdown_cell("## The middle"),
            v4.new_code_cell(cell),
        ]
        write(v4.new_notebook(cells=cells), path := tmp_path / "small.ipynb")
        return path

    return build


def run(path, out, values=None, **options):
    return run_notebook("03_funnel", values or {}, out, path=path, **options)


def read(folder, name="manifest.json"):
    return json.loads((folder / name).read_text())


def everything_in(folder):
    return "\n".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_a_run_leaves_page_notebook_and_manifest_and_nothing_beside_them(notebook, tmp_path):
    outcome = run(notebook(), tmp_path / "place" / "out")
    assert (outcome.status, outcome.verdict, outcome.exit_code) == ("ok", "pass", 0)
    assert {path.name for path in outcome.folder.iterdir()} == {"report.html", "notebook.ipynb", "manifest.json"}
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["out"]
    manifest = read(outcome.folder)
    assert manifest["headline"] == "All is well."
    assert {"kayzen_nb", "python", "papermill"} <= manifest["versions"].keys()


def test_without_out_the_run_goes_to_reports_at_home_which_only_its_owner_reads(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("KAYZEN_NB_HOME", str(tmp_path / "home"))
    outcome = run(notebook(), None)
    assert outcome.folder == tmp_path / "home" / "reports" / "03_funnel"
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_wrong_parameter_is_refused_before_anything_is_made(notebook, tmp_path):
    with pytest.raises(ParameterError, match="did you mean 'period_start'"):
        run(notebook(), tmp_path / "out", {"period_strt": "yesterday"})
    assert not (tmp_path / "out").exists()


def test_a_broken_cell_leaves_the_last_good_report_and_explains_itself_beside_it(notebook, tmp_path):
    good = run(notebook(), tmp_path / "out")
    before = (good.folder / "report.html").read_bytes()
    outcome = run(notebook("1 / 0"), tmp_path / "out")
    assert (outcome.status, outcome.exit_code, outcome.folder) == ("broke", 2, tmp_path / "out" / "failed")
    assert (tmp_path / "out" / "report.html").read_bytes() == before
    assert read(tmp_path / "out")["status"] == "ok"
    assert read(outcome.folder)["verdict"] == "unknown"
    page = (outcome.folder / "report.html").read_text()
    assert "The notebook stopped at section «The middle»: ZeroDivisionError" in page
    assert "../report.html" in page
    assert "Traceback" not in everything_in(outcome.folder)


def test_a_good_run_takes_the_place_of_a_failed_one(notebook, tmp_path):
    run(notebook("1 / 0"), tmp_path / "out")
    assert read(tmp_path / "out")["status"] == "broke"
    run(notebook(), tmp_path / "out")
    run(notebook("1 / 0"), tmp_path / "out")
    run(notebook(), tmp_path / "out")
    assert read(tmp_path / "out")["status"] == "ok"
    assert not (tmp_path / "out" / "failed").exists()


def test_our_own_errors_in_a_cell_keep_their_three_parts(notebook, tmp_path):
    cell = (
        "from kayzen_nb.errors import CallFileError, Problem\n"
        "raise CallFileError(Problem(what='The file is cut.', where='line 7', next_step='Export it again.'),"
        " Problem(what='And empty.'))"
    )
    outcome = run(notebook(cell), tmp_path / "out")
    first, second = outcome.problems
    assert (first.what, first.where, first.next_step) == ("The file is cut.", "line 7", "Export it again.")
    assert second.what == "And empty."
    assert "did not finish: The file is cut." in outcome.headline


def test_a_run_that_takes_too_long_is_timed_out(notebook, tmp_path):
    outcome = run(notebook("import time; time.sleep(60)"), tmp_path / "out", limit_s=3)
    assert (outcome.status, outcome.exit_code) == ("timed_out", 2)
    assert read(outcome.folder)["status"] == "timed_out"
    assert "completed" not in (outcome.folder / "notebook.ipynb").read_text()


def test_a_kernel_that_dies_is_told_in_plain_words(notebook, tmp_path):
    outcome = run(notebook("import os; os._exit(9)"), tmp_path / "out")
    assert outcome.status == "broke"
    assert "ended suddenly" in outcome.headline


def test_a_folder_with_somebodys_files_is_left_alone(notebook, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear aunt")
    with pytest.raises(OutputFolderError, match="left alone"):
        run(notebook(), tmp_path / "letters")
    assert (tmp_path / "letters" / "dear.txt").read_text() == "Dear aunt"


def test_a_file_in_the_folders_place_is_told_as_such(notebook, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputFolderError, match="cannot be written"):
        run(notebook(), tmp_path / "out")


def test_files_that_a_person_added_to_a_report_stay(notebook, tmp_path):
    run(notebook(), tmp_path / "out")
    (tmp_path / "out" / "my notes.txt").write_text("ask Ann")
    run(notebook(), tmp_path / "out")
    assert (tmp_path / "out" / "my notes.txt").read_text() == "ask Ann"


@pytest.mark.parametrize("end", ["pass", "raise ValueError(f'{key} of {number}')"])
def test_no_key_and_no_number_in_any_file_though_a_cell_printed_them(notebook, tmp_path, monkeypatch, end):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    cell = (
        "import os, base64\nkey = os.environ['KAYZEN_API_KEY']\nnumber = '+1212' + '5550123'\nprint(key, number)\n"
        f"print(base64.b64encode(key.encode()).decode())\n{end}"
    )
    outcome = run(notebook(cell), tmp_path / "out")
    kept = everything_in(tmp_path / "out") + outcome.headline
    assert "removed" in kept
    for form in (CANARY, "Y2FuYXJ5LWtleS0xMjM0NTY3ODkw", "12125550123", "2125550123"):
        assert form not in kept


def test_no_place_of_this_machine_stands_in_what_is_shared(notebook, tmp_path):
    calls = tmp_path / "private" / "calls.csv"
    outcome = run(notebook("print(csv_path)"), tmp_path / "out", {"source": "csv", "csv_path": str(calls)})
    kept = everything_in(outcome.folder)
    assert "calls.csv" in kept
    for place in (tmp_path, Path.home(), Path.cwd()):
        assert str(place) not in kept


def test_a_malformed_key_does_not_keep_a_run_on_invented_data_from_working(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", "KAYZEN_PROVIDED")
    assert run(notebook(), tmp_path / "out").status == "ok"


def test_an_interrupted_exchange_gives_the_old_report_back(notebook, tmp_path, monkeypatch):
    run(notebook(), tmp_path / "out")
    rename = Path.rename

    def refuse(self, target):
        if self.name == "run":
            raise PermissionError(13, "in use")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputFolderError, match="cannot be written"):
        run(notebook(), tmp_path / "out")
    assert read(tmp_path / "out")["status"] == "ok"
