"""What commands have in common: the example under their help, ``--json``, and how a text is read."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from kayzen_nb.errors import KayzenNbError, Problem

EXAMPLE = "\b\nExample:\n  "
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def as_json_text(value: Any) -> str:
    """A value as commands print it for machines."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def read_text(file: str) -> str:
    """A file's text, or what comes from standard input."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as refused:
        what = f"The file cannot be read: {os.strerror(refused.errno or 0)}."
        raise KayzenNbError(Problem(what=what, where=file, next_step="Check the path.")) from None
    except UnicodeDecodeError:
        step = "Save it as UTF-8 text and try again."
        raise KayzenNbError(Problem(what="The file is not a text in UTF-8.", where=file, next_step=step)) from None


def is_interrupt(stopped: BaseException) -> bool:
    """Whether a person pressed Ctrl-C: DuckDB tells it as a RuntimeError when it comes inside of a query."""
    return isinstance(stopped, KeyboardInterrupt) or "interrupted" in str(stopped).casefold()
