"""Seeing a loop in a text while it grows: the same n words over and over, by a rolling hash.

TrimR (arXiv 2505.17155) stops repetition by a rolling hash over tokens and does not say which lengths count; those here
are ours. n words seen `times` times anywhere are a loop, so a cycle of any length is found before it has run `times`
times and n words more; what is quoted in full twice is none. A loop that counts ("Try 12: ...") is not seen.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from guide.errors import InputError

# Rabin and Karp's hash modulo a Mersenne prime. 8,000 n-grams give a false match with a chance of about 1e-11.
_PRIME = (1 << 61) - 1
_BASE = 0x1D5A_3C96_E5B1_7F43 % _PRIME

# Scripts without spaces count by the character. The limit lets a cycle without any space be seen, and bounds what is
# held back of a word that is still growing.
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LONGEST_WORD = 64
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]{{1,{_LONGEST_WORD}}}")


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """What counts as a loop.

    Attributes:
        words: n, how many in a row.
        times: how often they must be seen.
    """

    words: int = 20
    times: int = 3

    def __post_init__(self) -> None:
        if self.words < 1 or self.times < 2:
            raise InputError(
                f"a loop of {self.words} words {self.times} times", fix="Give at least 1 word and 2 times."
            )


class LoopWatch:
    """Watches one text; however it is cut into pieces, the answers at the same place are the same.

    Words and token ids are two ways to feed it: use one of them for one text.
    """

    def __init__(self, options: LoopOptions | None = None) -> None:
        self._options = options or LoopOptions()
        self._leading = pow(_BASE, self._options.words - 1, _PRIME)
        self._window: deque[int] = deque()
        self._hash = 0
        self._seen: dict[int, int] = {}
        self._held = ""
        self._loops = False

    def feed(self, text: str) -> bool:
        """Take more of the text: True once it loops. The last word, which may still grow, waits for what follows."""
        pending = self._held + text
        done = 0
        for found in _WORD.finditer(pending):
            if found.end() == len(pending):
                done = found.start()
                break
            done = found.end()
            self._add(found[0].encode("utf-8", "surrogatepass"))
        self._held = pending[done:].lstrip()
        return self._loops

    def feed_tokens(self, tokens: Iterable[int]) -> bool:
        """Take more token ids: True once they loop."""
        for token in tokens:
            self._add(b"%d" % token)
        return self._loops

    def _add(self, word: bytes) -> None:
        if self._loops:
            return
        if len(self._window) == self._options.words:
            self._hash = (self._hash - self._window.popleft() * self._leading) % _PRIME
        # Python's own hash of a text differs from one process to the next.
        value = int.from_bytes(blake2b(word, digest_size=8).digest(), "big") % _PRIME
        self._window.append(value)
        self._hash = (self._hash * _BASE + value) % _PRIME
        if len(self._window) == self._options.words:
            count = self._seen.get(self._hash, 0) + 1
            self._seen[self._hash] = count
            self._loops = count >= self._options.times


def loops(text: str, options: LoopOptions | None = None) -> bool:
    """Whether a whole text loops; its last word counts."""
    return LoopWatch(options).feed(text + "\n")
