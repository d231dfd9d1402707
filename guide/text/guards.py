"""What a reading must hold to be believed: a readable text, a title of words, an abstract that is one.

Every format passes here, so that what went wrong in reading is said instead of judged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from guide.errors import InputError
from guide.review import ModuleKind

LONGEST_ABSTRACT = 4_000  # characters; 99.9 % of submissions to ICLR have fewer
UNREADABLE = 0.05  # share of control and private-use characters past which letters stand for others
_SAMPLE = 400_000
_WORD = re.compile(r"[^\W\d_]{2,}")
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")  # scripts that part no words


def unreadable_share(text: str) -> float:
    """Share of the letters that are control, private-use or unknown characters, 0..1."""
    signs = [sign for sign in text[:_SAMPLE] if not sign.isspace()]
    if not signs:
        return 0.0
    odd = sum(sign == "\ufffd" or unicodedata.category(sign) in ("Cc", "Co", "Cn", "Cs") for sign in set(signs))
    if not odd:
        return 0.0
    return sum(sign == "\ufffd" or unicodedata.category(sign) in ("Cc", "Co", "Cn", "Cs") for sign in signs) / len(
        signs
    )


def check_readable(text: str, where: str) -> None:
    """Refuse a text file most of whose letters are none.

    Raises:
        InputError: more than a twentieth of its characters are control or private-use characters.
    """
    share = unreadable_share(re.sub(r"\x1b\[[0-9;]{0,20}[A-Za-z]", "", text))
    if share > UNREADABLE and len(text) > 200:
        raise InputError(
            f"{share:.0%} of its characters are no letters (control or private-use characters)",
            where=where,
            fix="Save the text as UTF-8 (.md or .txt) and pass that.",
        )


def is_title(text: str, *, words: int = 2) -> bool:
    """Whether a line can be a title: it has so many words of letters, or four letters of a script without spaces."""
    return len(_WORD.findall(text)) >= words or len(_WITHOUT_SPACES.findall(text)) >= 4


def split_warnings(modules: Mapping[ModuleKind, str], form: str) -> list[str]:
    """Say where the split into modules failed: the abstract of a draft or paper is too long to be one."""
    length = len(modules.get("abstract", ""))
    if form == "idea" or length <= LONGEST_ABSTRACT:
        return []
    return [
        f"the abstract could not be told from the rest ({length:,} characters stand as one): "
        "head it 'Abstract', or pass it in a file by itself"
    ]
