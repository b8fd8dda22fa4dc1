"""A document's catalog, information and metadata, dated by the order and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from services.render.adapters.reportlab_engine.objects import (
    Written,
    date_string,
    plain_stream,
    text_string,
)

if TYPE_CHECKING:
    from datetime import datetime

_PRODUCER = "danzheng"
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<xmp:CreateDate>{dated}</xmp:CreateDate><xmp:ModifyDate>{dated}</xmp:ModifyDate>
<xmp:CreatorTool>{producer}</xmp:CreatorTool><pdf:Producer>{producer}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def information(title: str, dated: datetime) -> Written:
    """The information dictionary, equal to the XMP."""
    date, name = date_string(dated), text_string(_PRODUCER)
    return Written(
        b"<< /Title %s /Creator %s /Producer %s /CreationDate %s /ModDate %s >>"
        % (text_string(title), name, name, date, date)
    )


def xmp(title: str, dated: datetime) -> Written:
    """The metadata stream, readable as it is."""
    packet = _XMP.format(
        title=escape(title), dated=dated.isoformat(timespec="seconds"), producer=_PRODUCER
    )
    return plain_stream(b"/Type /Metadata /Subtype /XML", packet.encode())


def catalog(pages: Written, metadata: Written, profile: Written, form: Written | None) -> Written:
    """The document's root; reportlab's own drops the output intent without a word."""
    return Written(
        b"<< /Type /Catalog /Lang (zh-CN) /ViewerPreferences << /DisplayDocTitle true >> /Pages ",
        pages,
        b" /Metadata ",
        metadata,
        b" /OutputIntents [ << /Type /OutputIntent /S /GTS_PDFA1"
        b" /OutputConditionIdentifier (sRGB) /Info (sRGB) /DestOutputProfile ",
        profile,
        b" >> ]",
        *((b" /AcroForm ", form) if form else ()),
        b" >>",
    )
