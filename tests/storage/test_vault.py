"""Sealing, blind indexes, and the file the keys are in."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from storage.vault import KeyRing, Tampered, UnknownKey, UnusableKeys, Vault, row

HERE = row("citizens", b"0123456789abcdef")
TEXT = "Şule Özgür · 10000000146".encode()


def ring(current: int, *others: int) -> KeyRing:
    """A ring whose keys follow from their numbers."""
    return KeyRing(current, {n: bytes([n]) * 32 for n in (current, *others)}, b"i" * 32)


def test_what_is_sealed_opens_in_its_own_row(vault: Vault) -> None:
    """Any bytes come back, the empty ones too."""
    for plain in (TEXT, b""):
        assert vault.open(vault.seal(plain, HERE), HERE) == plain


def test_a_sealed_value_shows_nothing_and_never_looks_the_same_twice(vault: Vault) -> None:
    """The nonce is fresh each time."""
    first, second = vault.seal(TEXT, HERE), vault.seal(TEXT, HERE)
    assert first != second
    assert TEXT not in first
    assert b"10000000146" not in first


def test_a_value_moved_to_another_row_does_not_open(vault: Vault) -> None:
    """The row is part of the seal: neither another key nor another table will do."""
    sealed = vault.seal(TEXT, HERE)
    for elsewhere in (row("citizens", b"fedcba9876543210"), row("links", b"0123456789abcdef")):
        with pytest.raises(Tampered):
            vault.open(sealed, elsewhere)


def test_one_changed_bit_anywhere_is_noticed(vault: Vault) -> None:
    """Version, key number, nonce, text and tag are all guarded."""
    sealed = vault.seal(TEXT, HERE)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises((Tampered, UnknownKey)):
            vault.open(bytes(changed), HERE)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01\x00\x01" + b"n" * 12 + b"t" * 15])
def test_what_is_too_short_to_be_sealed_is_refused(vault: Vault, sealed: bytes) -> None:
    """A cut value is reported as tampered, not as a broken program."""
    with pytest.raises(Tampered):
        vault.open(sealed, HERE)


def test_old_values_open_after_a_new_key_became_current() -> None:
    """The number of the key travels with the value."""
    old = Vault(ring(1)).seal(TEXT, HERE)
    both = Vault(ring(2, 1))
    assert both.open(old, HERE) == TEXT
    with pytest.raises(UnknownKey):
        Vault(ring(1)).open(both.seal(TEXT, HERE), HERE)


def test_an_index_is_the_same_for_the_same_text_and_purpose_only(vault: Vault) -> None:
    """Sixteen bytes, another for another text, purpose or key."""
    index = vault.index("card", "7301123412340123")
    assert len(index) == 16
    assert index == vault.index("card", "7301123412340123")
    assert index != vault.index("card", "7301123412340124")
    assert index != vault.index("phone", "7301123412340123")
    assert index != Vault(KeyRing.new()).index("card", "7301123412340123")


def test_indexes_outlive_a_new_sealing_key() -> None:
    """Look-ups must go on working while values are sealed anew."""
    assert Vault(ring(1)).index("card", "1") == Vault(ring(2, 1)).index("card", "1")


def test_chance_is_handed_in() -> None:
    """With the same nonce the seal is the same."""
    vault = Vault(ring(1), chance=lambda count: b"n" * count)
    assert vault.seal(TEXT, HERE) == vault.seal(TEXT, HERE)


def test_any_text_has_an_index(vault: Vault) -> None:
    """JSON may carry half a surrogate pair."""
    assert len(vault.index("message", "\ud83d")) == 16


def test_a_ring_is_read_back_as_it_was_written() -> None:
    """The written form holds every key."""
    assert KeyRing.parse(ring(2, 1).text()) == ring(2, 1)


def test_a_ring_does_not_show_its_keys() -> None:
    """It may end up in a log line."""
    assert repr(ring(1)) == "KeyRing(current=1)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"current": 1, "sealing": {"1": "c2hvcnQ="}, "indexing": "c2hvcnQ="}',
        ring(1).text().replace('"current": 1', '"current": 2'),
        ring(1).text().replace('"1":', '"70000":').replace('"current": 1', '"current": 70000'),
        ring(1).text()[:-9],
    ],
)
def test_what_is_no_ring_is_refused_without_quoting_it(text: str) -> None:
    """The message is for a log; the text may hold keys."""
    with pytest.raises(UnusableKeys) as refusal:
        KeyRing.parse(text)
    assert "c2hvcnQ" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_the_first_run_makes_a_private_file_and_the_next_one_reads_it(tmp_path: Path) -> None:
    """Mode 0600, and no drafts are left beside it."""
    path = tmp_path / "home" / "keys.json"
    made = KeyRing.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyRing.load_or_create(path) == made
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]
    assert set(json.loads(path.read_text())) == {"current", "sealing", "indexing"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_keys_that_others_can_read_are_refused(tmp_path: Path, mode: int) -> None:
    """The message says what to do."""
    path = tmp_path / "keys.json"
    KeyRing.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(UnusableKeys, match="chmod 600"):
        KeyRing.load_or_create(path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """Keys are never made anew over a file that cannot be read: the records would be lost."""
    path = tmp_path / "keys.json"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(UnusableKeys, match=r"keys\.json"):
        KeyRing.load_or_create(path)
    assert path.read_bytes() == b"\xff\xfe"


def test_all_who_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    """One file wins the race and nobody reads half of it."""
    path, rings = tmp_path / "keys.json", []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        rings.append(KeyRing.load_or_create(path))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rings == [rings[0]] * 8
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


def test_a_mac_is_made_by_who_has_the_keys(vault: Vault) -> None:
    """Another purpose, content or ring gives another; the sealing keys do not matter."""
    made = Vault(ring(1)).mac("audit", TEXT)
    assert len(made) == 32
    assert Vault(ring(2, 1)).mac("audit", TEXT) == made
    others = {
        vault.mac("audit", TEXT),
        Vault(ring(1)).mac("visits", TEXT),
        Vault(ring(1)).mac("audit", TEXT + b"."),
    }
    assert made not in others
    assert len(others) == 3


def test_a_mac_gives_no_index_away() -> None:
    """Nor the other way: they are made with different keys."""
    made = Vault(ring(1)).mac("identity", b"10000000146")
    assert not made.startswith(Vault(ring(1)).index("identity", "10000000146"))
