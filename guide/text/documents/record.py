"""One proposal as JSON: an object of strings, or a note as OpenReview writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from guide.errors import InputError
from guide.review import MODULE_KINDS

JSON_KEYS = ("title", *MODULE_KINDS, "text")


def load_record(text: str, source: str) -> dict[str, Any]:
    """Read an object of strings; a note, or a list of a single one, is taken out of its wrapping.

    Args:
        text: JSON.
        source: its name, for messages.

    Raises:
        InputError: it is no JSON, several records, or an object without text.
    """
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        many = " For many records in one file use: guide score." if error.msg == "Extra data" else ""
        raise InputError(
            f"not valid JSON: {error.msg}",
            where=f"{source}:{error.lineno}:{error.colno}",
            fix=f"Mend that place, or pass the text as .md or .txt.{many}",
        ) from None
    except (RecursionError, ValueError):
        raise InputError(
            "JSON nested too deeply, or with a number too long",
            where=source,
            fix=f"Pass an object of strings: {', '.join(JSON_KEYS)}.",
        ) from None
    notes = notes_of(record)
    if notes is not None and len(notes) == 1:
        record = notes[0]
    elif notes:
        raise InputError(
            f"the JSON is a list of {len(notes)} notes, and one proposal was expected",
            where=source,
            fix="Pass one of them; for many use: guide score.",
        )
    record = unwrapped(record)
    if not isinstance(record, dict):
        kind = "a list" if isinstance(record, list) else "a single value"
        raise InputError(
            f"the JSON is {kind}, not an object",
            where=source,
            fix='Pass one object such as {"title": "...", "abstract": "..."}; for many use: guide score.',
        )
    if not any(isinstance(record.get(key), str) and record[key].strip() for key in JSON_KEYS):
        wrong = [key for key in JSON_KEYS if not isinstance(record.get(key, ""), str | None)]
        if not wrong:
            raise InputError("the JSON object has no text", where=source, fix='Give it at least "abstract" or "text".')
    return record


def notes_of(value: Any) -> list[dict[str, Any]] | None:
    """The notes of a list, or of an answer of OpenReview's that holds one; None where it is neither."""
    listed = value.get("notes") if isinstance(value, dict) else value
    if not isinstance(listed, list) or not listed or not all(_is_note(one) for one in listed):
        return None
    return listed


def unwrapped(value: Any) -> Any:
    """A note's content with each value taken out of its wrapping; anything else as it is."""
    if not isinstance(value, dict):
        return value
    inner = value.get("content")
    if isinstance(inner, dict) and not any(isinstance(value.get(key), str) for key in JSON_KEYS):
        value = {**({"id": value["id"]} if isinstance(value.get("id"), str) else {}), **inner}
    return dict(_plain(value))


def _is_note(value: Any) -> bool:
    inner = unwrapped(value)
    return isinstance(inner, dict) and any(isinstance(inner.get(key), str) for key in JSON_KEYS)


def _plain(note: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in note.items():
        wrapped = isinstance(value, dict) and "value" in value and set(value) <= {"value", "readers", "order"}
        yield key, value["value"] if wrapped else value
