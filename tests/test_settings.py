"""Settings come from environment, .env and keyring, in that order, and never show a secret."""

from __future__ import annotations

import pickle

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, NoKeyringError

from kayzen_nb.errors import SettingsError
from kayzen_nb.privacy import Secret
from kayzen_nb.settings import Settings, env_name, load_settings, secrets

CANARY = "canary-7Yq2ZkP0"


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch, tmp_path):
    """No setting of this machine reaches a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(env_name(name), raising=False)
    monkeypatch.chdir(tmp_path)


class DictRing(KeyringBackend):
    """A keyring that is a dict."""

    priority = 1

    def __init__(self, known, failure=None):
        self.known, self.failure, self.asked = known, failure, []

    def get_password(self, service, username):
        self.asked.append((service, username))
        if self.failure:
            raise self.failure
        return self.known.get(username)

    def set_password(self, service, username, password):
        raise NotImplementedError


@pytest.fixture
def ring():
    before = keyring.get_keyring()

    def set_ring(known=None, failure=None):
        backend = DictRing(known or {}, failure)
        keyring.set_keyring(backend)
        return backend

    yield set_ring
    keyring.set_keyring(before)


def refusal(**more):
    with pytest.raises(SettingsError) as caught:
        load_settings(use_keyring=False, **more)
    assert all(p.what and p.where and p.next_step for p in caught.value.problems)
    assert caught.value.__context__ is None
    return str(caught.value)


def test_without_anything_the_platforms_own_addresses_stand(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(use_keyring=False)
    assert settings.ringba_api_url == "https://api.ringba.com/v2"
    assert settings.kayzen_event_url == "https://api-events.eventstracker.io/v1/ev"
    assert settings.home == tmp_path / ".kayzen-nb"
    assert secrets(settings) == ()


def test_home_is_read_from_its_own_name_only(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAYZEN_NB_HOME", "~/elsewhere")
    assert load_settings(use_keyring=False).home == tmp_path / "elsewhere"


def test_the_environment_wins_over_env_file_and_that_over_the_keyring(tmp_path, monkeypatch, ring):
    monkeypatch.setenv("KAYZEN_API_KEY", "key-of-environment")
    (tmp_path / ".env").write_text("KAYZEN_API_KEY=key-of-file\nRINGBA_API_TOKEN=token-of-file\n", encoding="utf-8-sig")
    backend = ring(dict.fromkeys(("KAYZEN_API_KEY", "RINGBA_API_TOKEN", "KAYZEN_PASSWORD"), "kept-in-ring"))
    settings = load_settings()
    assert settings.kayzen_api_key == Secret("key-of-environment")
    assert settings.ringba_api_token == Secret("token-of-file")
    assert settings.kayzen_password == Secret("kept-in-ring")
    assert ("kayzen-nb", "KAYZEN_API_KEY") not in backend.asked


def test_an_env_file_is_found_from_a_folder_below(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("RINGBA_ACCOUNT_ID=RA0123\nOTHER=1\n")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert load_settings(use_keyring=False).ringba_account_id == "RA0123"


@pytest.mark.parametrize("failure", [NoKeyringError("none"), KeyringError("locked"), RuntimeError("no D-Bus")])
def test_a_machine_without_keyring_is_simply_no_source(ring, failure):
    ring(failure=failure)
    assert load_settings().ringba_api_token is None


def test_an_empty_value_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("RINGBA_API_TOKEN", "")
    assert load_settings(use_keyring=False).ringba_api_token is None


@pytest.mark.parametrize(
    ("value", "words"),
    [("KAYZEN_PROVIDED", "placeholder"), ("<your key>", "placeholder"), (f"Token {CANARY}", "space"),
     (f"{CANARY}\nmore", "line break"), ("abc", "too short"), (f"{CANARY}é", "no key has")],
)  # fmt: skip
def test_what_is_no_key_is_refused_without_showing_it(monkeypatch, value, words):
    monkeypatch.setenv("KAYZEN_API_KEY", value)
    text = refusal()
    assert "KAYZEN_API_KEY" in text
    assert words in text
    assert CANARY not in text


@pytest.mark.parametrize(
    ("value", "words"),
    [("http://api.ringba.com/v2", "travel readable"), ("https://evil.example/v2", "'evil.example'"),
     ("https://api.kayzen.io/v1", "must not go"), (f"https://u:{CANARY}@api.ringba.com/v2", "more than an address"),
     (f"https://api.ringba.com/v2?key={CANARY}", "more than an address"), ("file:///etc/passwd", "must not go"),
     ("https://api.ringba.com:notaport/v2", "not a web address"), ("http://169.254.169.254/v2", "must not go")],
)  # fmt: skip
def test_a_key_goes_to_its_own_platform_only(monkeypatch, value, words):
    monkeypatch.setenv("RINGBA_API_URL", value)
    text = refusal()
    assert words in text
    assert CANARY not in text


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/v2", "http://localhost:1/v2/", "https://[::1]:9/v2"])
def test_the_sandbox_on_this_machine_is_allowed(monkeypatch, url):
    monkeypatch.setenv("RINGBA_API_URL", url)
    assert load_settings(use_keyring=False).ringba_api_url == url.rstrip("/")


def test_an_account_id_cannot_bend_the_path(monkeypatch):
    monkeypatch.setenv("RINGBA_ACCOUNT_ID", "../../secret")
    assert "RINGBA_ACCOUNT_ID is not an account id" in refusal()


def test_all_problems_come_at_once(monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", "KAYZEN_PROVIDED")
    monkeypatch.setenv("RINGBA_API_TOKEN", "a b")
    monkeypatch.setenv("KAYZEN_API_URL", "ftp://x")
    text = refusal()
    assert all(name in text for name in ("KAYZEN_API_KEY", "RINGBA_API_TOKEN", "KAYZEN_API_URL"))


def test_an_env_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / ".env").write_bytes("KAYZEN_API_KEY=x".encode("utf-16"))
    assert ".env file cannot be read" in refusal()


def test_require_names_everything_that_lacks_and_where_to_put_it():
    with pytest.raises(SettingsError) as caught:
        Settings(ringba_account_id="RA0").require("ringba_api_token", "ringba_account_id", "kayzen_api_key")
    assert [problem.what for problem in caught.value.problems] == [
        "RINGBA_API_TOKEN is not set.", "KAYZEN_API_KEY is not set.",
    ]  # fmt: skip
    assert "keyring set kayzen-nb RINGBA_API_TOKEN" in str(caught.value)
    assert ".env" in str(caught.value)


def test_settings_made_by_hand_read_nothing_from_outside(monkeypatch, tmp_path):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    assert Settings(home=tmp_path).kayzen_api_key is None


def test_secrets_are_neither_shown_nor_stored(monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    settings = load_settings(use_keyring=False)
    assert CANARY not in f"{settings!r} {settings} {settings.model_dump()}"
    assert secrets(settings) == (Secret(CANARY),)
    with pytest.raises(TypeError):
        pickle.dumps(settings)
    with pytest.raises(ValueError, match="Unable to serialize") as caught:
        settings.model_dump_json()
    assert CANARY not in str(caught.value)


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen") as caught:
        Settings().kayzen_api_key = Secret(CANARY)
    assert CANARY not in str(caught.value)
