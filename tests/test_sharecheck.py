"""Files are opened, every surface is looked into, and what could not be read is never called clean."""

import base64
import gzip
import io
import json
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image, PngImagePlugin

from kayzen_nb.errors import InputError
from kayzen_nb.privacy import Secret
from kayzen_nb.report import run_notebook
from kayzen_nb.sharecheck import Leak, check_bytes, check_files, scan_files
from kayzen_nb.sharefiles import read_parts
from kayzen_nb.sharescan import LeakKind

KEY = Secret("Kz9/aB3+dE7=fG1h")
NUMBER = "+13035550123"
CANARIES = {
    "key": KEY.reveal(),
    "key in percent": quote(KEY.reveal(), safe=""),
    "key in base64": base64.b64encode(KEY.reveal().encode()).decode(),
    "unknown key": "https://h/v1/ev?api_key=s3cr3tvalue",
    "number": NUMBER,
    "number with dashes": "303-555-0123",
    "number in percent": "%2B13035550123",
    "number in entities": "&#43;13035550123",
    "number in base64": base64.b64encode(f"caller {NUMBER}".encode()).decode(),
}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run's folder as it is: page, notebook, manifest, tables."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAYZEN_NB_HOME", str(home))
        return run_notebook("03_funnel", {}, home / "funnel").folder


def png(**texts):
    info = PngImagePlugin.PngInfo()
    for name, value in texts.items():
        getattr(info, name)("Comment", value, **({"zip": True} if name == "add_itxt" else {}))
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def jpeg(text):
    exif = Image.Exif()
    exif[0x010E] = text
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def zipped(members, comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, raw in members.items():
            archive.writestr(name, raw)
    return out.getvalue()


def notebook(**places):
    """A notebook with a text in one place."""
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": ["1"]}
    cell |= places.pop("cell", {})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]} | places).encode()


def output(mime, value):
    return {"output_type": "display_data", "metadata": {}, "data": {mime: value}}


def data_uri(raw):
    return f'<img src="data:image/png;base64,{base64.b64encode(raw).decode()}">'.encode()


def packed_png(text):
    """A PNG with a ``zTXt`` chunk, written by hand: pillow packs nothing by itself."""
    chunk = b"zTXtComment\0\0" + zlib.compress(text.encode())
    added = (len(chunk) - 4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
    plain = png()
    return plain[:33] + added + plain[33:]


SURFACES = {
    "plain text": lambda c: f"first line\nsecond {c} line".encode(),
    "windows text": lambda c: f"Gr\u00f6\u00dfe {c}".encode("cp1252"),
    "utf-16 text": lambda c: f"caller {c}".encode("utf-16"),
    "utf-16 without mark": lambda c: f"caller {c} is a longer line of plain text".encode("utf-16-le"),
    "html text": lambda c: f"<p>caller {c}</p>".encode(),
    "html attribute": lambda c: f'<a title="{c}" href="#">x</a>'.encode(),
    "html script": lambda c: f'<script type="application/json">{{"x": ["{c}"]}}</script>'.encode(),
    "html comment": lambda c: f"<!-- {c} -->".encode(),
    "data uri": lambda c: data_uri(png(add_text=c)),
    "csv": lambda c: f'call_id,caller,state\nRGB1,"{c}",CO\n'.encode(),
    "tsv": lambda c: f"call_id\tcaller\nRGB1\t{c}\n".encode(),
    "json value": lambda c: json.dumps({"a": [{"b": c}]}).encode(),
    "json name": lambda c: json.dumps({c: 1}).encode(),
    "json twice": lambda c: f'{{"a": {json.dumps(c)}, "a": "x"}}'.encode(),
    "notebook source": lambda c: notebook(cell={"source": ["x = 1\n", f"y = '{c}'"]}),
    "notebook output": lambda c: notebook(cell={"outputs": [output("text/html", [f"<b>{c}</b>"])]}),
    "notebook cell metadata": lambda c: notebook(cell={"metadata": {"papermill": {"x": c}}}),
    "notebook metadata": lambda c: notebook(metadata={"papermill": {"parameters": {"x": c}}}),
    "widget state": lambda c: notebook(metadata={"widgets": {"v": {"state": {"1": {"state": {"value": c}}}}}}),
    "attachment": lambda c: notebook(
        cell={"attachments": {"a.png": {"image/png": base64.b64encode(png(add_text=c)).decode()}}}
    ),
    "image in an output": lambda c: notebook(
        cell={"outputs": [output("image/png", base64.b64encode(png(add_text=c)).decode())]}
    ),
    "png text": lambda c: png(add_text=c),
    "png long text": lambda c: png(add_itxt=c),
    "png packed text": packed_png,
    "behind a png": lambda c: png() + c.encode(),
    "jpeg description": jpeg,
    "zip member": lambda c: zipped({"a.txt": c}),
    "zip member's name": lambda c: zipped({f"{c}.txt".replace("/", "|"): "x"}),
    "zip comment": lambda c: zipped({"a.txt": "x"}, c.encode()),
    "zip in a zip": lambda c: zipped({"b.zip": zipped({"a.html": f"<p>{c}"})}),
    "gzip": lambda c: gzip.compress(f"caller {c}".encode()),
    "svg": lambda c: f"<svg><text x='303' y='555'>{c}</text></svg>".encode(),
}


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_a_canary_is_found_on_every_surface_in_every_writing(surface, canary):
    found = check_bytes(surface(canary), "file", (KEY,))
    wanted = LeakKind.PHONE if "303" in canary or "Y2FsbGVy" in canary else LeakKind.KEY
    wanted = LeakKind.KEY_SHAPED if "s3cr3t" in canary else wanted
    assert wanted in {leak.kind for leak in found}
    told = repr(found)
    assert "3035550123" not in told
    assert "303-555" not in told
    assert KEY.reveal() not in told
    assert "s3cr3tvalue" not in told


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_a_harmless_text_passes_on_every_surface(surface):
    assert check_bytes(surface("caller ***-***-**23, api_key=KAYZEN_PROVIDED"), "file", (KEY,)) == []


@pytest.mark.parametrize(
    ("surface", "place"),
    [
        ("plain text", "line 2"),
        ("csv", "line 2, column caller"),
        ("json value", "a[0].b"),
        ("notebook source", "cell 1, source"),
        ("notebook output", "cell 1, outputs"),
        ("notebook metadata", "notebook metadata.papermill.parameters.x"),
        ("zip member", "a.txt, line 1"),
        ("zip in a zip", "b.zip, a.html, line 1"),
        ("gzip", "packed content, line 1"),
        ("png text", "beside the picture, line 2"),
    ],
)
def test_a_leak_is_told_once_with_its_place(surface, place):
    step = "Mask the number but for its last two digits, or leave it out."
    assert check_bytes(SURFACES[surface](NUMBER), "file", (KEY,)) == [
        Leak(file="file", place=place, kind=LeakKind.PHONE, shown="***-***-**23", next_step=step)
    ]


def test_a_runs_folder_passes_and_says_how_much_was_read(run_folder):
    scan = scan_files([run_folder], (KEY,))
    size = sum(path.stat().st_size for path in run_folder.rglob("*") if path.is_file())
    assert scan.leaks == ()
    assert (scan.files, scan.bytes_read) == (sum(path.is_file() for path in run_folder.rglob("*")), size)
    assert scan.headline.endswith(f"{size / 1e6:.1f} MB read: nothing that must not leave.")


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_a_leak_in_a_real_page_is_found_beside_its_five_megabytes_of_script(run_folder, canary):
    page = (run_folder / "report.html").read_text(encoding="utf-8")
    place = page.index("</main>")
    assert check_bytes((page[:place] + f"<p>{canary}</p>" + page[place:]).encode(), "page", (KEY,))


def test_a_leak_inside_the_script_library_is_found_too(run_folder):
    page = (run_folder / "report.html").read_text(encoding="utf-8")
    place = page.index("plotly.js v") + 2000
    found = check_bytes((page[:place] + f'"{NUMBER}"' + page[place:]).encode(), "page", (KEY,))
    assert "***-***-**23" in {leak.shown for leak in found}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x00\x01\x02\x03binary" * 20, "a kind of file that this check cannot read"),
        (b"%PDF-1.7\n\x80\x81\x00\x02", "a kind of file that this check cannot read"),
        (b"PAR1\x00\x00\x15", "a kind of file that this check cannot read"),
        (b"PK\x03\x04 damaged", "a damaged archive"),
        (gzip.compress(b"x" * 100, mtime=0)[:-12], "a damaged archive"),
        (zipped({"a.zip": zipped({"b.zip": zipped({"c.txt": "x"})})}), "an archive, packed too deep"),
    ],
)
def test_what_cannot_be_read_is_not_called_clean(raw, why):
    leaks = check_bytes(raw, "file")
    assert [(leak.kind, leak.shown) for leak in leaks] == [(LeakKind.NOT_CHECKED, why)]


def test_a_locked_member_is_not_called_clean():
    raw = bytearray(zipped({"a.txt": "x"}))
    raw[6] |= 1  # the flag "encrypted", in the member's head and in the directory
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    assert [leak.shown for leak in check_bytes(bytes(raw), "f")] == ["a member that is locked or damaged"]


def test_an_archive_that_unpacks_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr("kayzen_nb.sharefiles.LARGEST_BYTES", 100_000)
    bomb = zipped({"a.txt": b"x" * 90_000, "b.txt": b"x" * 90_000})
    assert [leak.place for leak in check_bytes(bomb, "f")] == ["b.txt"]
    assert check_bytes(gzip.compress(b"x" * 200_000, mtime=0), "f")[0].kind is LeakKind.NOT_CHECKED


def test_a_picture_passes_with_the_word_to_look_at_it():
    notes = []
    assert check_bytes(png(add_text="fire log"), "a.png", notes=notes) == []
    assert notes == ["a.png (beside the picture): the picture itself cannot be read by a program: look at it."]


def test_hostile_json_is_read_as_text():
    deep = "[" * 100_000
    assert check_bytes(deep.encode(), "f") == []
    assert [leak.kind for leak in check_bytes((deep + NUMBER).encode(), "f")] == [LeakKind.PHONE]


def test_an_empty_file_and_an_empty_folder_hold_nothing(tmp_path):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "folder").mkdir()
    scan = scan_files([tmp_path])
    assert scan.headline == "1 file, 0.0 kB read: nothing that must not leave."
    assert scan.exit_code == 0


def test_a_number_in_a_files_name_is_found_and_never_printed(tmp_path):
    path = tmp_path / "call-3035550123.txt"
    path.write_text("x")
    (leak,) = check_files([path])
    assert (leak.place, leak.kind, leak.shown) == ("the file's name", LeakKind.PHONE, "***-***-**23")
    assert "3035550123" not in leak.file


def test_every_missing_path_is_told_at_once(tmp_path):
    with pytest.raises(InputError) as refused:
        check_files([tmp_path / "a", tmp_path / "b"])
    assert [Path(problem.where).name for problem in refused.value.problems] == ["a", "b"]


def test_a_folder_of_programs_is_left_alone_and_said_so(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x").write_text(NUMBER)
    scan = scan_files([tmp_path])
    assert [(leak.kind, Path(leak.file).name) for leak in scan.leaks] == [(LeakKind.NOT_CHECKED, ".git")]
    assert (scan.files, scan.exit_code) == (0, 1)


def test_the_headline_counts_each_kind(tmp_path):
    (tmp_path / "a.txt").write_text(f"{NUMBER}\n+13035550124\n{KEY.reveal()}")
    (tmp_path / "b.bin").write_bytes(b"\0\1\2")
    headline = scan_files([tmp_path], (KEY,)).headline
    assert headline.endswith("1 key and 2 phone numbers must not leave; one thing could not be checked.")


def test_parts_of_a_text_come_by_place_first_and_whole_last():
    parts = list(read_parts(json.dumps({"a": "x", "b": ["y\n", "z"]}).encode()))
    assert [part.whole for part in parts] == [False, True]
    assert parts[0].places == ((0, "the top"), (4, "a"), (6, "b"))


def test_prose_with_commas_is_no_table():
    (leak,) = check_bytes(b"One, two, three.\nCall 303-555-0123 now.", "f")
    assert leak.place == "line 2"
