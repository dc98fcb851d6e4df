"""Set-up from nothing but Python and pip: makes the clone's ``.venv``, then goes on inside it.

Standard library only, and syntax that an old Python can read, so that it can say which one is needed. A stamp is
written last: an interrupted set-up is done again, and a changed pin is picked up.

``python3 -m kayzen_nb.bootstrap COMMAND ...`` runs a command of ``.venv`` (ruff, mypy) with the developers' tools.
``KAYZEN_NB_EXTRAS=engines,bench`` installs more of pyproject.toml's optional groups with them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

NEEDED = (3, 11)
_AGAIN = "KAYZEN_NB_BOOTSTRAPPED"
_WINDOWS = os.name == "nt"
_BIN = "Scripts" if _WINDOWS else "bin"
_EXE = ".exe" if _WINDOWS else ""
_IMPORTED = ("duckdb", "httpx", "ipykernel.kernelapp", "kayzen_nb.page", "pandas", "papermill", "plotly.graph_objects")
# What a person set for other work, and what would send pip elsewhere or keep bytecode from being written.
_NOT_PASSED_ON = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE"})
_PIP = {
    "PIP_USER": "0",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}


class SetupFailed(Exception):
    """The set-up cannot go on; the text says what happened, where, and what to do next."""

    def __init__(self, what: str, where: object, next_step: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  next:  {next_step}")


class Clone:
    """A clone of the repository, with its ``.venv``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.script("python")
        self.stamp = self.venv / "kayzen-nb-stamp.json"

    def script(self, name: str) -> Path:
        """Where a command of ``.venv`` stands."""
        return self.venv / _BIN / (name + _EXE)

    @property
    def is_one(self) -> bool:
        """Whether this is a clone; an installed package has no pyproject.toml beside it."""
        return (self.root / "pyproject.toml").is_file() and (self.root / "constraints.txt").is_file()

    @property
    def runs_here(self) -> bool:
        """Whether the running Python is that of ``.venv``."""
        return Path(sys.prefix).resolve() == self.venv.resolve()

    def wanted(self) -> str:
        """What ``.venv`` is made from: a hash of the dependencies and their pins."""
        texts = [(self.root / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
        return hashlib.sha256(b"\0".join(texts)).hexdigest()

    def is_current(self, extras: set[str]) -> bool:
        """Whether a finished set-up, of the present pins, with the groups that are asked for, stands there."""
        is_made = self.python.exists() and self.read_stamp().get("made_from") == self.wanted()
        return is_made and extras <= self.installed_extras()

    def installed_extras(self) -> set[str]:
        """The optional groups that were set up last."""
        stamp = self.read_stamp()
        groups = stamp.get("extras", ["dev"] if stamp.get("dev") else [])  # a set-up of an older version says dev
        return {str(group) for group in groups} if isinstance(groups, list) else set()

    def read_stamp(self) -> dict[str, object]:
        """What was set up last; empty when nothing, or when it was interrupted."""
        try:
            return dict(json.loads(self.stamp.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}


def ensure(module: str, arguments: list[str], *, dev: bool = False) -> None:
    """Return where the toolkit is ready; elsewhere set up ``.venv`` and run ``-m module`` again inside it."""
    clone = Clone(Path(__file__).resolve().parent.parent)
    try:
        _ensure(clone, ["-m", module, *arguments], dev)
    except SetupFailed as failed:
        sys.stderr.write(f"{failed}\n")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _say("stopped; the next start goes on with the set-up")
        raise SystemExit(130) from None


def main() -> None:
    """Set up with the developers' tools, and run the given one."""
    ensure("kayzen_nb.bootstrap", sys.argv[1:], dev=True)
    if len(sys.argv) > 1:
        _go_on([str(Path(sys.executable).with_name(sys.argv[1] + _EXE)), *sys.argv[2:]])


def _ensure(clone: Clone, arguments: list[str], dev: bool) -> None:
    _check_python()
    if not clone.is_one or (not clone.runs_here and _is_installed(dev)):
        return  # an installed package, or somebody's own environment (conda, pip): theirs to keep up to date
    again = os.environ.pop(_AGAIN, None) == str(clone.venv)
    extras = _asked_extras(dev)
    if clone.is_current(extras):
        if clone.runs_here:
            return
        if again:
            step = "Delete the folder .venv and start again."
            raise SetupFailed("The set-up was made, but its Python does not start from there.", clone.venv, step)
    else:
        _set_up(clone, extras | clone.installed_extras())
    os.environ[_AGAIN] = str(clone.venv)
    _go_on([str(clone.python), *arguments])


def _check_python() -> None:
    if sys.version_info < NEEDED:
        found = ".".join(str(part) for part in sys.version_info[:3])
        what = f"Python {NEEDED[0]}.{NEEDED[1]} or newer is needed; this is Python {found}."
        raise SetupFailed(what, sys.executable, "Install a newer Python and start with it, such as python3.12 -m ...")


def _is_installed(dev: bool) -> bool:
    """Whether somebody installed the toolkit (and, for tests, pytest) into the running Python."""
    from importlib import metadata  # noqa: PLC0415  # not there before Python 3.8: after the version was checked

    try:
        metadata.version("kayzen-nb")
    except metadata.PackageNotFoundError:
        return False
    return not dev or util.find_spec("pytest") is not None


def _asked_extras(dev: bool) -> set[str]:
    """The optional groups of pyproject.toml that are wanted; only with the developers' tools, which CI uses too."""
    more = os.environ.get("KAYZEN_NB_EXTRAS", "").split(",")
    return {"dev", *(group.strip() for group in more if group.strip())} if dev else set()


def _set_up(clone: Clone, extras: set[str]) -> None:
    """Make or mend ``.venv``: with uv, which is fast; with venv and pip, where uv cannot be had or does not succeed."""
    _say(f"setting up {clone.venv} (once; half a minute to some minutes, by network)")
    clone.stamp.unlink(missing_ok=True) if clone.venv.is_dir() else None
    uv = _find_uv(clone) or _fetch_uv(clone)
    target = f".[{','.join(sorted(extras))}]" if extras else "."
    if not (uv and _install_with_uv(clone, uv, target)):
        _install_with_pip(clone, target)
    _warm_up(clone)
    made = {"made_from": clone.wanted(), "extras": sorted(extras)}
    clone.stamp.write_text(json.dumps(made), encoding="utf-8")
    _say("set-up done")


def _find_uv(clone: Clone) -> str | None:
    own = [clone.root / ".venv-tool" / folder / f"uv{_EXE}" for folder in ("bin", "Scripts")]
    return shutil.which("uv") or next((str(path) for path in own if path.exists()), None)


def _fetch_uv(clone: Clone) -> str | None:
    """Fetch uv with pip into a folder of its own: that is allowed where installing into the system is refused."""
    _say("1/3 fetching uv, the installer")
    if not _succeeds(clone, [sys.executable, "-m", "pip", "install", "--quiet", "--target", ".venv-tool", "uv"]):
        _say("uv cannot be had here; going on with venv and pip")
    return _find_uv(clone)


def _install_with_uv(clone: Clone, uv: str, target: str) -> bool:
    _say("2/3 making .venv")
    if not _starts(clone):
        shutil.rmtree(clone.venv, ignore_errors=True)
        if not _succeeds(clone, [uv, "venv", "--quiet", "--python", sys.executable, str(clone.venv)]):
            return False
    _say("3/3 installing the packages (the longest part)")
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    to = ["--python", str(clone.python), "-c", "constraints.txt"]
    return _succeeds(clone, [uv, "pip", "install", *quiet, *to, "-e", target])


def _install_with_pip(clone: Clone, target: str) -> None:
    """The slow way, which reads pip's own settings (a company's mirror, a proxy)."""
    _say("installing with venv and pip")
    if not _starts(clone):
        shutil.rmtree(clone.venv, ignore_errors=True)
        if not _succeeds(clone, [sys.executable, "-m", "venv", str(clone.venv)]):
            step = "Install pip or uv for this Python (on Debian and Ubuntu: apt install python3-venv python3-pip)."
            raise SetupFailed("This Python can make no environment: it has neither pip nor venv.", sys.executable, step)
    python = str(clone.python)
    if not _succeeds(clone, [python, "-m", "pip", "--version"]):
        _succeeds(clone, [python, "-m", "ensurepip"])
    if not _succeeds(clone, [python, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "-e", target]):
        step = "Read the lines above; check the network or the proxy; then start the same command again."
        raise SetupFailed("The packages could not be installed.", clone.venv, step)


def _warm_up(clone: Clone) -> None:
    """Compile what every run imports: each start is 2 s slower without it; compiling all packages would take 15 s."""
    _succeeds(clone, [str(clone.python), "-c", f"import {', '.join(_IMPORTED)}"])


def _starts(clone: Clone) -> bool:
    """Whether ``.venv`` has a Python that starts and is new enough; a moved or half-made one has not."""
    check = f"import sys; sys.exit(sys.version_info < {NEEDED})"
    return clone.python.exists() and _succeeds(clone, [str(clone.python), "-c", check])


def _succeeds(clone: Clone, command: list[str]) -> bool:
    """Run a step of the set-up. What it says goes to stderr, so that ``--json`` on stdout stays clean."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    try:
        return subprocess.call(command, cwd=clone.root, env=environment | _PIP, stdout=2) == 0  # noqa: S603
    except OSError as refused:
        _say(f"{command[0]} does not start: {refused.strerror}")
        return False


def _go_on(command: list[str]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    if _WINDOWS:  # there, exec would return to the shell at once and leave the command running behind the prompt
        raise SystemExit(subprocess.call(command))  # noqa: S603
    os.execv(command[0], command)  # noqa: S606


def _say(line: str) -> None:
    sys.stderr.write(f"kayzen_nb: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
