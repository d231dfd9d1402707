"""Office documents made for tests, part by part."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
_ODT = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"'
)


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    return file.getvalue()


def run(text: str, looks: str = "") -> str:
    return f"<w:r><w:rPr>{looks}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


def paragraph(inside: str, style: str = "") -> str:
    if not inside.startswith("<"):
        inside = run(inside)
    return f"<w:p><w:pPr><w:pStyle w:val='{style}'/></w:pPr>{inside}</w:p>"


def word(*paragraphs: str, styles: Mapping[str, str] | None = None) -> bytes:
    """A Word document of these paragraphs; styles are names by id."""
    named = "".join(
        f"<w:style w:styleId='{key}'><w:name w:val='{name}'/></w:style>"
        for key, name in (styles or {"Title": "Title", "Heading1": "heading 1", "Author": "Author"}).items()
    )
    body = "".join(paragraphs)
    return archive(
        {
            "word/document.xml": f"<w:document {_W} {_M}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {_W}>{named}</w:styles>",
        }
    )


def opendocument(body: str, styles: str = "") -> bytes:
    """An OpenDocument text of a body in its XML."""
    content = (
        f"<office:document-content {_ODT}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    return archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})
