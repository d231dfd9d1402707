from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import GuideError, InputError, ModelError, StoreError


def test_an_error_says_where_what_and_how_to_mend_it() -> None:
    error = GuideError("the store is damaged", where=Path("lit"), fix="Run: guide corpus verify --store lit.")
    assert str(error) == "lit: the store is damaged. Run: guide corpus verify --store lit."


def test_place_and_mend_may_be_left_out() -> None:
    assert str(GuideError("the disk is full")) == "the disk is full."
    assert str(GuideError("the disk is full", where="out.jsonl")) == "out.jsonl: the disk is full."
    assert str(GuideError("the disk is full", fix="Free some space.")) == "the disk is full. Free some space."


def test_the_parts_stay_readable_on_their_own() -> None:
    error = InputError("line 3 is not JSON", where=Path("a.jsonl"), fix="Mend it.")
    assert (error.what, error.where, error.fix) == ("line 3 is not JSON", "a.jsonl", "Mend it.")


@given(
    what=st.text(min_size=1),
    where=st.none() | st.text(),
    fix=st.none() | st.text(),
)
def test_an_error_is_one_line_whatever_it_is_made_of(what: str, where: str | None, fix: str | None) -> None:
    assert len(str(GuideError(what, where=where, fix=fix)).splitlines()) == 1


def test_a_message_with_control_characters_cannot_drive_the_terminal() -> None:
    shown = str(InputError("no such file", where="\x1b[2Jidea\x07.md"))
    assert shown.isprintable()
    assert "idea" in shown


@pytest.mark.parametrize(("kind", "status"), [(GuideError, 1), (StoreError, 1), (ModelError, 1), (InputError, 2)])
def test_only_what_the_user_passed_in_exits_with_2(kind: type[GuideError], status: int) -> None:
    assert issubclass(kind, GuideError)
    assert kind("it").exit_code == status


def test_an_error_survives_a_process_border() -> None:
    import pickle

    error = StoreError("the database is locked", where="lit", fix="Wait for the other run.")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is StoreError
    assert str(copy) == str(error)
    assert copy.fix == error.fix
