"""Parts of a zip archive, as office documents are: read whole, within a bound on what they unpack to."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from guide.errors import InputError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_PART_BYTES = 16_000_000  # unpacked; a thesis of 300 pages has 5 MB
MAX_DEPTH = 200
INSTALL = "pip install 'guide-advisor[formats]'"
_FIX = "Save it anew, or its text as .md, and pass that."


def read_part(data: bytes, name: str, where: str) -> bytes | None:
    """One part of an archive, None if it has none of that name.

    Raises:
        InputError: the archive is damaged or encrypted, or the part unpacks to more than `MAX_PART_BYTES`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            try:
                part = archive.getinfo(name)
            except KeyError:
                return None
            if part.flag_bits & 1:
                raise InputError("this document asks for a password", where=where, fix="Save it without one.")
            with archive.open(part) as file:
                unpacked = file.read(MAX_PART_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"this document is damaged: {error}", where=where, fix=_FIX) from None
    if len(unpacked) > MAX_PART_BYTES:
        raise InputError(
            f"its text unpacks to more than {MAX_PART_BYTES // 1_000_000} MB",
            where=where,
            fix="Pass less of it, as .md.",
        )
    return unpacked


def parse_part(part: bytes, where: str) -> Element:
    """The XML of a part, without entities, and nested no deeper than `MAX_DEPTH`.

    Raises:
        InputError: defusedxml is not installed, or the XML is damaged, declares entities, or nests too deeply.
    """
    try:
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import DefusedXMLParser
    except ModuleNotFoundError as error:
        raise InputError(
            f"office documents are read through the package defusedxml, and {error.name} is missing",
            where=where,
            fix=INSTALL,
        ) from error
    from xml.etree.ElementTree import ParseError, TreeBuilder

    class Bounded(TreeBuilder):
        depth = 0

        def start(self, tag: Any, attrs: Any) -> Any:  # type: ignore[override, unused-ignore]
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise InputError("this document nests too deeply to be read", where=where, fix=_FIX)
            return super().start(tag, attrs)

        def end(self, tag: Any) -> Any:  # type: ignore[override, unused-ignore]
            self.depth -= 1
            return super().end(tag)

    parser = DefusedXMLParser(target=Bounded(), forbid_dtd=True)
    try:
        parser.feed(part)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError, DefusedXmlException) as error:
        raise InputError(f"this document's text is damaged: {str(error)[:100]}", where=where, fix=_FIX) from None
    return root
