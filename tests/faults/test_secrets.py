"""The key of the keyed hash, and that no secret is kept with the code."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from landing_kit import NOW, Desk, desk, dossier_csv

from orchestration import doctor
from tests.conftest import PROJECT, parindex
from warehouse.landing import land_inbox
from warehouse.personal_key import check_key, remember_key
from warehouse.settings import Settings, SettingsError

__all__ = ["desk"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("PARINDEX_KEY", raising=False)
    return Settings(home=tmp_path / "home", inbox=tmp_path / "inbox").create()


def test_the_key_is_made_once_for_its_owner_only(settings: Settings) -> None:
    check_key(settings)
    assert settings.key_file.stat().st_mode & 0o777 == 0o600
    key = settings.personal_data_key()
    check_key(settings)
    assert settings.personal_data_key() == key
    assert key.decode() not in (settings.landing / "personal_data.fingerprint").read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o666])
def test_a_key_file_that_others_can_read_is_refused(settings: Settings, mode: int) -> None:
    check_key(settings)
    settings.key_file.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        check_key(settings)


def test_a_lost_key_is_not_replaced_in_silence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    check_key(settings)
    key = settings.key_file.read_text()
    settings.key_file.unlink()
    (settings.landing / "landed.parquet").touch()
    with pytest.raises(SettingsError, match=r"is gone, and data were landed under it"):
        check_key(settings)
    assert not settings.key_file.exists()
    monkeypatch.setenv("PARINDEX_KEY", key)
    check_key(settings)


def test_back_from_plain_a_first_key_is_made_and_what_stands_in_clear_is_told(desk: Desk) -> None:
    hashed, plain = desk.settings, replace(desk.settings, personal_data="plain")

    def said() -> tuple[str, str]:
        (finding,) = doctor._key(hashed, NOW)
        return finding.level, finding.message

    def land(settings: Settings, name: str) -> None:
        desk.settings = settings
        check_key(settings)
        desk.one(name, dossier_csv(), source="tthc")

    land(plain, "dossiers_1.csv")
    assert said() == ("OK", "made by the next night"), "nothing has landed under a key"
    land(hashed, "dossiers_2.csv")
    level, message = said()
    assert level == "WARN" and message.startswith("personal data of 1 files stand in landing in clear")
    land_inbox(hashed, desk.ledger, lambda: NOW, again=True)
    assert said() == ("OK", str(hashed.key_file))
    hashed.key_file.unlink()
    assert said()[0] == "FAIL"
    with pytest.raises(SettingsError, match="is gone"):
        check_key(hashed)
    hashed.fingerprint_file.unlink()  # as a home of an early release, or one restored in part
    with pytest.raises(SettingsError, match="is gone"):
        check_key(hashed)


def test_another_key_needs_a_full_refresh(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    check_key(settings)
    monkeypatch.setenv("PARINDEX_KEY", "another key, long enough")
    with pytest.raises(SettingsError, match="full-refresh"):
        check_key(settings)
    check_key(settings, rotating=True)
    remember_key(settings)
    check_key(settings)


def test_a_change_of_the_key_that_was_broken_off_is_finished_under_one_of_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the new key would be taken for those of the old one, which a person is asked to put back."""
    check_key(settings)
    old = settings.personal_data_key().decode()
    monkeypatch.setenv("PARINDEX_KEY", "another key, long enough")
    check_key(settings, rotating=True)  # and killed after its first files
    for key in ("another key, long enough", old):
        monkeypatch.setenv("PARINDEX_KEY", key)
        with pytest.raises(SettingsError, match=r"was broken off.*--full-refresh"):
            check_key(settings)
    check_key(settings, rotating=True)
    remember_key(settings)
    check_key(settings)


def test_a_short_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARINDEX_KEY", "too short")
    with pytest.raises(SettingsError, match="16 characters"):
        check_key(settings)


def test_the_night_says_what_is_wrong_with_the_key(settings: Settings) -> None:
    check_key(settings)
    settings.key_file.chmod(0o644)
    result = parindex("run", "--inbox", str(settings.inbox), home=settings.home, check=False)
    assert result.returncode == 2
    assert "chmod 600" in result.stderr and "Traceback" not in result.stderr


def test_rotation_gives_every_row_of_the_inbox_the_new_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARINDEX_KEY", "the first key, 1234")
    desk = Desk(tmp_path / "home")
    entry = desk.one("dossiers.csv", dossier_csv(), source="tthc")
    assert entry.outcome == "loaded", entry
    (before,) = desk.values(entry, "applicant_id_hash")
    monkeypatch.setenv("PARINDEX_KEY", "the second key, 1234")
    (again,) = land_inbox(desk.settings, desk.ledger, lambda: datetime(2024, 11, 3), again=True)
    (after,) = desk.values(again, "applicant_id_hash")
    assert (before != after, again.delivery_id) == (True, entry.delivery_id)
    desk.ledger.close()


_SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abp]-[0-9A-Za-z-]{10,}"
    rb"|(?m:^\s*(?:PARINDEX_KEY|[A-Z_]*(?:PASSWORD|SECRET|TOKEN))\s*=\s*['\"]?[A-Za-z0-9+/_-]{16,})"
)
_PASSWORD = re.compile(rb"[a-z+]+://[^\s/:@'\"<>{}]+:([^\s/:@'\"<>{}$]+)@")
_PLACEHOLDERS = {b"SECRET", b"PASSWORD", b"***"}


def test_no_secret_is_in_the_repository() -> None:
    """Tracked files: no key, no password in an address (made-up ones in tests are short), no certificate."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout of the repository")
    names = [name for name in listed.decode().split("\0") if name and (PROJECT / name).is_file()]
    assert len(names) > 100
    for name in names:
        path = PROJECT / name
        content = path.read_bytes()
        assert not _SECRET.search(content), name
        longest = 12 if name.startswith("tests/") else 0
        written = {word for word in _PASSWORD.findall(content) if len(word) > longest}
        assert written <= _PLACEHOLDERS, name
        assert path.name not in {".env", "personal_data.key", "id_rsa"}, name
        assert path.suffix not in {".key", ".pem", ".p12"}, name


def test_the_scan_would_see_a_secret() -> None:
    """Written in pieces, or the scan would find it here."""
    key = b"0123456789abcdef" * 2
    for text in (
        b"PARINDEX_KEY=" + key,
        b"-----BEGIN " + b"PRIVATE KEY-----",
        b"  DB_PASSWORD = '" + key + b"'",
    ):
        assert _SECRET.search(text)
    assert _PASSWORD.findall(b"postgresql://u:" + key + b"@db/x") == [key]
