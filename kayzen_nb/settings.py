"""Where keys and addresses come from: the environment, then a ``.env`` file, then the operating system's keyring.

They are never papermill parameters: papermill writes parameters into the notebook it makes.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from kayzen_nb.errors import Problem, SettingsError
from kayzen_nb.privacy import Secret

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

KEYRING_SERVICE = "kayzen-nb"
PLACEHOLDERS = ("KAYZEN_PROVIDED", "REDACTED", "CHANGEME", "YOUR_API_KEY", "YOUR_API_TOKEN")
RINGBA_HOST, KAYZEN_HOST, EVENT_HOST = "api.ringba.com", "api.kayzen.io", "api-events.eventstracker.io"
PLATFORM_HOSTS = frozenset({RINGBA_HOST, KAYZEN_HOST, EVENT_HOST})
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_SHORTEST_SECRET = 6  # shorter ones could not be told from prose when texts are scrubbed (privacy.written_forms)
_PLACES = "the environment, a .env file, or the keyring"
_ISSUERS = {
    "KAYZEN_API_KEY": "Kayzen's account manager gives it.",
    "RINGBA_API_TOKEN": "Make one in Ringba > Security > API Access Tokens.",
    "RINGBA_ACCOUNT_ID": "It is the part 'RA...' in the address of Ringba's web page.",
}


class _Refused(ValueError):
    """A value that cannot be used, with the next step; never quotes a secret."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.next_step = next_step


def _read_secret(value: object) -> object:
    """A key from text; refused when it can be seen at once that it is none."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.upper() in PLACEHOLDERS or (text.startswith("<") and text.endswith(">")):
        raise _Refused("still holds the placeholder, not a key.", "Put the real key in its place.")
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise _Refused("holds a space or a line break.", "Copy the key again, alone: no word before it, in one line.")
    if not text.isascii() or len(text) < _SHORTEST_SECRET:
        raise _Refused("is not a key: too short, or with letters no key has.", "Copy the whole key again.")
    return Secret(text)


def _check_url(value: str, platform_host: str) -> str:
    """The platform's own address, or one of this machine (the sandbox): a key goes to its own platform only."""
    parts = _split_url(value.strip())
    host = parts.hostname or ""
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _Refused("holds more than an address (a name, a password, '?' or '#').", "Leave only https://host/path.")
    if host not in LOOPBACK_HOSTS | {platform_host}:
        raise _Refused(f"points to {host!r}, where its key must not go.", f"Use https://{platform_host}/...")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        raise _Refused(f"starts with {parts.scheme!r}: keys would travel readable.", f"Use https://{host}/...")
    return value.strip().rstrip("/")


def _split_url(text: str) -> Any:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises here, not in the middle of a run, when it is no number
    except ValueError:
        raise _Refused("is not a web address.", "Use https://host/path.") from None
    return parts


def _check_account(value: str) -> str:
    """Ringba's account id is a part of each path, so only plain letters and digits may stand in it."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{2,64}", value.strip()):
        raise _Refused("is not an account id.", "It starts with RA, then letters and digits only.")
    return value.strip()


_Key = Annotated[Secret, BeforeValidator(_read_secret)]
_RingbaUrl = Annotated[str, AfterValidator(partial(_check_url, platform_host=RINGBA_HOST))]
_EventUrl = Annotated[str, AfterValidator(partial(_check_url, platform_host=EVENT_HOST))]
_KayzenUrl = Annotated[str, AfterValidator(partial(_check_url, platform_host=KAYZEN_HOST))]


class Settings(BaseModel):
    """Keys, addresses and folders. Made by ``load_settings`` (real ones) or by the sandbox (invented ones)."""

    model_config = ConfigDict(
        frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True, validate_by_name=True, extra="ignore"
    )

    kayzen_api_key: _Key | None = None
    ringba_api_token: _Key | None = None
    ringba_account_id: Annotated[str, AfterValidator(_check_account)] | None = None
    kayzen_report_key: _Key | None = None
    kayzen_report_secret: _Key | None = None
    kayzen_username: str | None = Field(default=None, repr=False)
    kayzen_password: _Key | None = None
    kayzen_advertiser_id: str | None = None
    ringba_api_url: _RingbaUrl = "https://api.ringba.com/v2"
    kayzen_event_url: _EventUrl = "https://api-events.eventstracker.io/v1/ev"
    kayzen_api_url: _KayzenUrl = "https://api.kayzen.io/v1"
    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: Path(os.environ.get("KAYZEN_NB_HOME") or Path.home() / ".kayzen-nb"),
        validation_alias="KAYZEN_NB_HOME",
    )
    # Ringba's documented ones for reports; a stricter figure for call logs is heard of: "5/minute 20/hour 200/day".
    ringba_limits: str = Field(default="5/second 80/minute", validation_alias="KAYZEN_NB_RINGBA_LIMITS")
    keep_numbers: bool = Field(default=False, validation_alias="KAYZEN_NB_KEEP_NUMBERS")
    raw_days: Annotated[int, Field(ge=0, le=3650)] = Field(default=30, validation_alias="KAYZEN_NB_RAW_DAYS")

    def require(self, *names: str) -> None:
        """Refuse to go on without these settings (names of fields). Raises SettingsError naming all that lack."""
        missing = [env_name(name) for name in names if not getattr(self, name)]
        if missing:
            raise SettingsError(*(_missing(name) for name in missing))


def secrets(settings: Settings) -> tuple[Secret, ...]:
    """Every secret that is set, for the scrubbing of texts."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return tuple(value for value in values if isinstance(value, Secret))


def env_name(field_name: str) -> str:
    """The environment's name of a setting: ``home`` is ``KAYZEN_NB_HOME``, a platform's are spelt alike."""
    field = Settings.model_fields.get(field_name)
    return str(field.validation_alias) if field and field.validation_alias else field_name.upper()


def load_settings(*, use_keyring: bool = True) -> Settings:
    """The settings of this person on this machine. Raises SettingsError with every problem at once."""
    loader = _WithKeyring if use_keyring else _FromEnvironment
    env_file = _find_env_file()
    try:
        loaded = loader(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings takes it
    except ValidationError as broken:
        problems = [_explain(error) for error in broken.errors(include_input=False)]
    except (OSError, UnicodeDecodeError):
        what = "The .env file cannot be read."
        problems = [Problem(what=what, where=str(env_file), next_step="Save it as UTF-8 text.")]
    else:
        return Settings(**{name: getattr(loaded, name) for name in Settings.model_fields})
    raise SettingsError(*problems)  # outside the except: pydantic's error holds the values


def find_home() -> Path:
    """KAYZEN_NB_HOME, also when another setting is malformed."""
    try:
        return load_settings(use_keyring=False).home
    except SettingsError:
        return Path(os.environ.get("KAYZEN_NB_HOME") or Path.home() / ".kayzen-nb").expanduser()


class _FromEnvironment(Settings, BaseSettings):
    """Reads the environment, then ``.env``. Only by env names: by field name, ``home`` would take ``HOME``."""

    model_config = SettingsConfigDict(
        extra="ignore",  # a .env may serve other programs too
        validate_by_name=False,
        validate_by_alias=True,
        env_ignore_empty=True,
        env_file_encoding="utf-8-sig",  # Windows' Notepad begins a file with a byte-order mark
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, dotenv_settings


class _WithKeyring(_FromEnvironment):
    """Asks the keyring too, last."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *args: Any, **sources: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        known = super().settings_customise_sources(settings_cls, *args, **sources)
        return (*known, _KeyringSource(settings_cls))


class _KeyringSource(PydanticBaseSettingsSource):
    """The secrets that neither the environment nor ``.env`` held."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  # pydantic's signature
        from keyring import get_password  # noqa: PLC0415  # its backends cost 0.1 s, paid only when something is missing

        return get_password(KEYRING_SERVICE, env_name(field_name)), field_name, False

    def __call__(self) -> dict[str, Any]:
        from keyring.errors import KeyringError  # noqa: PLC0415  # as above

        missing = {
            name: field
            for name, field in self.settings_cls.model_fields.items()
            if "Secret" in str(field.annotation) and name not in self.current_state
        }
        try:
            found = {name: self.get_field_value(field, name)[0] for name, field in missing.items()}
        except (KeyringError, RuntimeError):  # no keyring on this machine (a server, a container): no source
            return {}
        return {name: value for name, value in found.items() if value}


def _find_env_file() -> Path | None:
    """The nearest ``.env``, from the working folder upward."""
    here = Path.cwd()
    return next((folder / ".env" for folder in (here, *here.parents) if (folder / ".env").is_file()), None)


def _explain(error: Any) -> Problem:
    """One of pydantic's findings in plain words, without the value."""
    name = env_name(str(error["loc"][0]))
    refused = error.get("ctx", {}).get("error")
    if isinstance(refused, _Refused):
        return Problem(
            what=f"{name} {refused}", where=_PLACES, next_step=f"{refused.next_step} {_issuer(name)}".strip()
        )
    return Problem(what=f"{name} cannot be used: {error['msg']}.", where=_PLACES, next_step="Correct or remove it.")


def _missing(name: str) -> Problem:
    how = f"Put a line {name}=... into a file named .env beside the notebooks"
    keyring = "" if name == "RINGBA_ACCOUNT_ID" else f", or run: keyring set {KEYRING_SERVICE} {name}"
    return Problem(what=f"{name} is not set.", where=_PLACES, next_step=f"{how}{keyring}. {_issuer(name)}".strip())


def _issuer(name: str) -> str:
    return _ISSUERS.get(name, "")
