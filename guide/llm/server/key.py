"""The key to a server: read from the environment, sent to the server, shown to nobody."""

from __future__ import annotations

import base64
import logging
import os
import re
import string
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

from guide.errors import InputError

NAMES = ("GUIDE_API_KEY", "OPENAI_API_KEY")
MASK = "[key]"

# What a server may not show of a key: eight letters in a row are few enough to be of no use, and more than chance.
_PIECE = 8
# "Bearer none": a shorter key guards nothing, and hiding every "x" would leave no message readable.
_SHORTEST = 4
# What a key or its base64 form consists of: with a piece of it, the rest of the word goes.
_PART = frozenset(string.ascii_letters + string.digits + "+/=_-%")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # str.lower may change the length
# Also keys that are not ours, and ours as servers shorten it: "Incorrect API key provided: sk-ab***yz".
_LOOKS_SECRET = re.compile(r"((?i:\b(?:bearer|basic)) )(?=\S*\d)[^\s\"']{6,}|\bsk-[^\s\"']+")
_LIBRARIES = ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "asyncio")


class Key:
    """A key, or the lack of one. Neither its text form nor a pickle of it holds the key.

    The environment variable GUIDE_API_KEY goes before OPENAI_API_KEY, so that a key for another server need not take
    the place of OpenAI's.
    """

    __slots__ = ("_forms", "_pieces", "_sizes", "_value")

    def __init__(self, value: str, others: Iterable[str] = ()) -> None:
        self._value = value
        secrets = {secret for secret in (value, *others) if len(secret) >= _SHORTEST}
        self._forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._pieces = {piece for form in self._forms for piece in _pieces(form.translate(_LOWER))}
        self._sizes = sorted({len(piece) for piece in self._pieces})

    @classmethod
    def from_environment(cls) -> Key:
        """Read the key, and whatever else of the environment the openai package sends along.

        Raises:
            InputError: the key has a space, a line break or a letter that no header can carry.
        """
        found = {name: os.environ.get(name, "").strip() for name in NAMES}
        name = next((name for name in NAMES if found[name]), NAMES[0])
        value = found[name]
        if not all("!" <= sign <= "~" for sign in value):
            # Otherwise the HTTP library raises an error that shows it.
            raise InputError(f"the key in {name} has a space or a letter outside ASCII", fix="Set it again.")
        lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        headers = [line.partition(":")[2].strip() for line in lines]
        return cls(value, [*found.values(), os.environ.get("OPENAI_ADMIN_KEY", ""), *headers])

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Key({'set' if self else 'none'})"

    def __reduce__(self) -> tuple[object, ...]:
        return Key.from_environment, ()

    def reveal(self) -> str:
        """The key itself, for the header that carries it."""
        return self._value

    def scrub(self, text: str) -> str:
        """`text` without the key or a piece of it: plain, after "Bearer", in base64, in hex, or escaped for a URL."""
        shown = self._shown(text)
        kept: list[str] = []
        at = 0
        while at < len(text):
            if not shown[at]:
                kept.append(text[at])
                at += 1
                continue
            while kept and kept[-1] in _PART:
                kept.pop()
            while at < len(text) and (shown[at] or text[at] in _PART):
                at += 1
            kept.append(MASK)
        text = "".join(kept)
        return _LOOKS_SECRET.sub(lambda found: (found[1] or "") + MASK, text)

    def scrub_answer(self, text: str) -> str:
        """`text` without the whole key; a piece of it may be a word that the model meant."""
        for form in self._forms:
            if len(form) >= _PIECE:
                text = text.replace(form, MASK)
        return text

    def _shown(self, text: str) -> bytearray:
        """(len(text),) 1 where a letter is part of a piece of the key."""
        shown, lower = bytearray(len(text)), text.translate(_LOWER)
        for size in self._sizes:
            for at in range(len(lower) - size + 1):
                if lower[at : at + size] in self._pieces:
                    shown[at : at + size] = b"\1" * size
        return shown

    @contextmanager
    def hidden_in_logs(self) -> Iterator[None]:
        """Scrub what the HTTP libraries log meanwhile: they log headers and reasons just as the server sent them."""
        # A filter works for one logger and not for those below it.
        named = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _LIBRARIES]
        loggers = [logging.getLogger(name) for name in {*named, *_LIBRARIES}]
        scrub = _Scrub(self)
        for logger in loggers:
            logger.addFilter(scrub)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(scrub)


class _Scrub(logging.Filter):
    def __init__(self, key: Key) -> None:
        super().__init__()
        self._key = key

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            said = record.getMessage()
        except (TypeError, ValueError):
            said = str(record.msg)
        record.msg, record.args = self._key.scrub(said), ()
        if record.exc_info:
            record.exc_text = self._key.scrub("".join(traceback.format_exception(*record.exc_info)).rstrip())
            record.exc_info = None
        return True


def _forms(secret: str) -> Iterator[str]:
    """Ways to write a secret."""
    raw = secret.encode(errors="surrogateescape")  # as it stands in the environment
    yield secret
    yield from (quote(raw, safe=""), quote_plus(raw), secret.replace("/", "\\/"))
    yield from (raw.hex(), raw.hex().upper())
    for before in range(3):
        # What base64 makes of it depends on where it stands in a group of three bytes; the first and the last letters
        # depend on its neighbours too.
        code = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        inner = code[(0, 2, 3)[before] : len(code) - bool((before + len(raw)) % 3)]
        if len(inner) >= _PIECE:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


def _pieces(form: str) -> Iterator[str]:
    """All that is long enough to give a form away; a short one only as a whole."""
    for at in range(max(1, len(form) - _PIECE + 1)):
        yield form[at : at + _PIECE]
