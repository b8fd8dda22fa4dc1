"""Bytes to documents: what is read, what is tolerated, what is refused and where."""

import csv
from datetime import UTC, date, datetime

import pytest

from services.query.domain import Message, Receipt, Response, first_version, settled, standing
from services.query.identifiers import uscc_check_character
from services.query.intake import Limits, Refused
from services.query.naming import named, unknown_codes
from tests.core.query.documents import (
    ENTRY_ID,
    LINE,
    RULES,
    SAMPLES,
    SEQ_NO,
    TABLES,
    message,
    read,
)


def refusal(body, limits=None):
    with pytest.raises(Refused) as caught:
        read(body, limits)
    return caught.value


# --- the samples


def manifest():
    with (SAMPLES / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["slug"])
def test_each_sample_is_what_the_manifest_says(row):
    body = (SAMPLES / "declarations" / f"{row['slug']}.xml").read_bytes()
    receipts = [
        read(path.read_bytes()) for path in sorted(SAMPLES.glob(f"receipts/{row['slug']}.*.xml"))
    ]
    found = read(body)
    item = settled(first_version(found, "import"), standing(receipts), RULES)
    data = item.data

    assert found.warnings == ()
    assert (item.entry_id, data.seq_no) == (row["entry_id"], row["unified_no"])
    assert (data.form_kind, item.doc_type_code) == (row["form_kind"], row["doc_type"])
    assert item.owner == row["domestic_party_uscc"]
    assert len(data.goods) == int(row["items"])
    assert len(data.containers) == int(row["containers"])
    assert len(data.licenses) == int(row["licences"])
    assert str(item.standing.declared_on) == row["declared_on"]
    assert str(item.standing.cleared_on or "") == row["closed_on"]
    assert str(item.custody_until or "") == row["kept_until"]
    assert RULES.years[item.custody_class] == int(row["retention_years"])
    assert expectation(item) == row["expect"]


def expectation(item, on=date(2026, 1, 15)):
    if item.standing.state == "withdrawn":
        return "deleted"
    if item.outlook == "unsupported_version":
        return "old_version"
    if item.outlook == "customs_unfinished":
        return "not_closed"
    return "eligible" if item.custody_until >= on else "retention_over"


def test_every_code_of_the_samples_has_a_name():
    for path in sorted(SAMPLES.glob("declarations/*.xml")):
        if "old_form" in path.name:
            continue
        data = named(read(path.read_bytes()).data, TABLES)
        exit_port = {f"departure_port_code={data.departure_port_code}"}
        assert set(unknown_codes(data)) <= (exit_port if data.ie_flag == "E" else set()), path.name


# --- what is read


def test_numbers_keep_the_text_that_was_sent():
    head = "<GrossWet>12.50000</GrossWet><NetWt>-.5</NetWt><PackNo>7</PackNo>"
    data = read(message(head=head)).data
    assert (data.gross_weight_kg, data.net_weight_kg, data.package_count) == ("12.50000", "-.5", 7)
    assert data.goods[0].quantity == "10.50"


def test_an_empty_element_is_an_absent_one():
    head = "<ManualNo/><NoteS>  </NoteS><GrossWet></GrossWet><IEDate/><FeeMark/>"
    data = read(message(head=head)).data
    assert data.manual_no is None
    assert data.remarks is None
    assert data.gross_weight_kg is None
    assert data.ie_date is None
    assert data.freight is None


def test_the_countries_of_an_export_are_turned_round_once():
    line = LINE.replace("DEU", "USA")
    exported = read(message("222520260000000018", ie_flag="E", lines=line)).data.goods[0]
    imported = read(message(lines=line)).data.goods[0]
    assert exported.origin_country_code == "CHN"
    assert exported.destination_country_code == "USA"
    assert imported.origin_country_code == "USA"
    assert imported.destination_country_code == "CHN"


def test_prefix_namespace_and_version_are_of_no_matter():
    plain = message()
    prefixed = (
        plain.replace(b"</", b"</d:")
        .replace(b"<", b"<d:")
        .replace(b"<d:/d:", b"</d:")
        .replace(b"<d:?", b"<?")
        .replace(b"xmlns=", b"xmlns:d=")
        .replace(b'Version="4.8"', b'version="3.1"')
    )
    assert read(prefixed).data == read(plain).data
    bare = plain.replace(b' xmlns="http://www.chinaport.gov.cn/dec"', b"")
    assert read(bare).data == read(plain).data


def test_unknown_elements_are_tolerated_and_reported():
    lines = LINE.replace("</DecList>", "<Novelty>1</Novelty></DecList>")
    found = read(message(head="<Shiny>x</Shiny>", lines=lines, rest="<DecNews><A/></DecNews>"))
    assert found.warnings == (
        "DecMessage/DecNews: unknown element",
        "DecHead/Shiny: unknown element",
        "DecLists/DecList[1]/Novelty: unknown element",
    )


def test_the_names_of_the_guide_are_read_as_well():
    head = (
        "<TradeCodeScc>91320506YX0000024F</TradeCodeScc><CiqEntyPortCode>310701</CiqEntyPortCode>"
    )
    body = message(head=head).replace(b"<TradeCoScc>91310115YX0000016W</TradeCoScc>", b"")
    data = read(body).data
    assert (data.trade_uscc, data.border_port_code) == ("91320506YX0000024F", "310701")


def test_the_exit_port_may_stand_under_the_departure_port():
    head = "<DespPortCode>311002</DespPortCode>"
    exported = read(message("222520260000000018", ie_flag="E", head=head)).data
    assert exported.border_port_code == "311002"
    assert read(message(head=head)).data.border_port_code is None


def test_without_the_code_nobody_owns_it_and_that_is_told():
    found = read(message().replace(b"<TradeCoScc>91310115YX0000016W</TradeCoScc>", b""))
    assert found.data.trade_uscc is None
    assert "nobody owns it" in found.warnings[0]


def test_an_unusual_subject_digit_is_a_warning():
    body = "91310115YX0000010"
    found = read(message(uscc=body + uscc_check_character(body)))
    assert "unusual subject digit" in found.warnings[0]


def test_confirmations_are_read_by_their_places():
    promises = read(message(head="<PromiseItmes>109</PromiseItmes>")).data.promises
    assert (promises.special_relation, promises.price_influence) == ("yes", "no")
    assert {promises.royalty, promises.formula_price, promises.provisional_price} == {"blank"}
    assert read(message()).data.promises is None


def test_self_declared_tax_is_known_from_the_type_of_2018_only():
    assert read(message(head="<Type>Z</Type>")).data.self_declared_tax is True
    assert read(message()).data.self_declared_tax is None


def test_containers_name_their_lines():
    rest = (
        "<DecContainers><Container><ContainerId>ZZZU1234564</ContainerId><LclFlag>1</LclFlag>"
        "<GoodsNo>1,3，4</GoodsNo></Container></DecContainers>"
    )
    (box,) = read(message(rest=rest)).data.containers
    assert (box.goods_lines, box.lcl) == ([1, 3, 4], True)


def test_the_district_in_the_head_of_an_old_form_goes_to_its_lines():
    found = read(message(head="<DistrictCode>31222</DistrictCode>"))
    assert found.head_district
    assert found.data.goods[0].domestic_district_code == "31222"


def test_names_of_2018_hold_for_declarations_before_2019():
    renamed = next(code for code, name in TABLES.of_2018["customs_district"].items() if name)
    old, new = (
        TABLES.of_2018["customs_district"][renamed],
        TABLES.current["customs_district"][renamed],
    )
    assert old != new
    assert TABLES.name("customs_district", renamed, date(2018, 12, 31)) == old
    assert TABLES.name("customs_district", renamed, date(2019, 1, 1)) == new
    assert TABLES.name("customs_district", renamed, None) == new


def test_codes_of_before_2018_08_get_names_too():
    assert TABLES.name("country", "116", date(2018, 7, 31)) == "日本"
    assert TABLES.name("country", "116", date(2026, 1, 1)) is None


# --- receipts


RECEIPT = """<?xml version="1.0" encoding="UTF-8"?>
<DEC_RESULT><CUS_CIQ_NO>I20260000000000018</CUS_CIQ_NO><ENTRY_ID>222520261000000018</ENTRY_ID>
<NOTICE_DATE>{at}</NOTICE_DATE><CHANNEL>R</CHANNEL><NOTE>已结关</NOTE><D_DATE>{day}</D_DATE>
</DEC_RESULT>"""


@pytest.mark.parametrize(
    "at", ["2026-11-05T16:30:00", "20261105T16300000", "2026-11-05T16:30:00+08:00"]
)
@pytest.mark.parametrize("day", ["2026-11-02", "20261102", "2026-11-02T00:00:00"])
def test_a_receipt_of_either_form_is_read(at, day):
    found = read(RECEIPT.format(at=at, day=day).encode())
    assert found == Receipt(
        entry_id=ENTRY_ID,
        seq_no=SEQ_NO,
        channel="R",
        notice_at=datetime(2026, 11, 5, 8, 30, tzinfo=UTC),
        declared_on=date(2026, 11, 2),
        note="已结关",
    )


@pytest.mark.parametrize("encoding", ["GB2312", "gbk", "GB18030"])
def test_a_receipt_in_a_gb_encoding_is_read(encoding):
    text = RECEIPT.format(at="2026-11-05T16:30:00", day="2026-11-02").replace("UTF-8", encoding)
    assert read(text.encode("gb18030")).note == "已结关"


def test_the_older_receipts_of_the_samples_are_read():
    paths = sorted(SAMPLES.glob("receipts/17_*.xml"))
    found = [read(path.read_bytes()) for path in paths]
    assert [item.channel for item in found] == ["7", "L", "G", "R"]
    assert found[0].note == "申报成功"
    assert found[0].seq_no == "000000000999900017"
    assert found[3].notice_at == datetime(2018, 7, 16, 8, 30, tzinfo=UTC)


def test_a_response_to_an_import_is_recognised():
    body = b"<DecImportResponse><ResponseCode>0</ResponseCode><SeqNo>I1</SeqNo></DecImportResponse>"
    assert read(body) == Response(seq_no="I1", response_code="0")


def test_a_receipt_needs_a_number_a_state_and_a_time():
    whole = RECEIPT.format(at="2026-11-05T16:30:00", day="").encode()
    neither = whole.replace(b"I20260000000000018", b"").replace(b"222520261000000018", b"")
    assert refusal(neither).code == "missing"
    assert refusal(whole.replace(b"<CHANNEL>R</CHANNEL>", b"")).element == "DEC_RESULT/CHANNEL"
    assert refusal(RECEIPT.format(at="", day="").encode()).element == "DEC_RESULT/NOTICE_DATE"
    assert refusal(RECEIPT.format(at="soon", day="").encode()).code == "bad-date"
    assert refusal(whole.replace(b"2225202610000", b"2225202630000")).code == "entry-id"


# --- refusals


@pytest.mark.parametrize(
    ("old", "new", "code", "element", "line"),
    [
        (ENTRY_ID, "123", "entry-id", "DecHead/EntryId", 6),
        (ENTRY_ID, "I20260000000000018", "unified-no", "DecHead/EntryId", 6),
        (ENTRY_ID, "", "missing", "DecHead/EntryId", 6),
        ("91310115YX0000016W", "91310115YX0000016A", "uscc-check", "DecHead/TradeCoScc", 7),
        (">I<", ">X<", "ie-flag", "DecHead/IEFlag", 5),
        ("10.50", "ten", "bad-number", "DecLists/DecList[1]/GQty", 12),
        (">1</GNo>", ">1.5</GNo>", "bad-number", "DecLists/DecList[1]/GNo", 12),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(old, new, code, element, line):
    fault = refusal(message().replace(old.encode(), new.encode(), 1))
    assert (fault.code, fault.element, fault.line) == (code, element, line)
    assert fault.sentence.endswith("。")


def test_a_day_that_is_none_is_refused():
    fault = refusal(message(head="<IEDate>20261301</IEDate>"))
    assert (fault.code, fault.element) == ("bad-date", "DecHead/IEDate")


def test_a_message_without_head_is_refused():
    assert refusal(b"<DecMessage/>").element == "DecHead"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<DecMessage>",
        b"<DecMessage></DecMassage>",
        b"<a>&unknown;</a>",
        b"<a>\x01</a>",
        b'<DecMessage a="1" a="2"/>',
    ],
)
def test_what_is_not_well_formed_is_refused(body):
    assert refusal(body).code == "xml-malformed"


def test_a_fault_is_told_with_its_line():
    assert refusal(message().replace(b"</DecHead>", b"")).line == 15


BOMB = b"""<?xml version="1.0"?>
<!-- a comment before it -->
<!DOCTYPE DecMessage [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<DecMessage>&d;</DecMessage>"""
OUTSIDE = b"""<!DOCTYPE DecMessage [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<DecMessage><DecHead><EntryId>&x;</EntryId></DecHead></DecMessage>"""


@pytest.mark.parametrize(
    ("body", "line"), [(BOMB, 3), (OUTSIDE, 1), (b'<!DOCTYPE a SYSTEM "http://x/a.dtd"><a/>', 1)]
)
def test_a_doctype_is_refused_before_anything_is_parsed(body, line):
    fault = refusal(body)
    assert (fault.code, fault.line) == ("xml-doctype", line)


def test_a_doctype_in_another_encoding_is_refused_too():
    bomb = BOMB.replace(b"?>", b' encoding="GBK"?>', 1)
    assert refusal(bomb).code == "xml-doctype"
    assert refusal(BOMB.decode().encode("utf-16")).code == "xml-encoding"


def test_the_word_doctype_inside_a_text_is_harmless():
    assert read(message(head="<NoteS><![CDATA[<!DOCTYPE]]></NoteS>")).data.remarks == "<!DOCTYPE"


def test_a_document_over_the_limit_is_refused_unread():
    assert refusal(b"\x00" * (100 * 1024 * 1024)).code == "too-large"
    exactly = message()
    assert isinstance(read(exactly, Limits(size_bytes=len(exactly))), Message)
    assert refusal(exactly, Limits(size_bytes=len(exactly) - 1)).code == "too-large"


@pytest.mark.parametrize("depth", [33, 5_000, 100_000])
def test_too_deep_a_document_is_refused(depth):
    fault = refusal(b"<DecMessage>" + b"<a>" * depth + b"</a>" * depth + b"</DecMessage>")
    assert fault.code in {"xml-too-deep", "xml-malformed"}


@pytest.mark.parametrize("encoding", ["UTF-16", "ISO-8859-1", "utf-7", "no-such-thing"])
def test_other_encodings_are_refused(encoding):
    assert (
        refusal(f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode()).code == "xml-encoding"
    )


def test_bytes_that_are_not_what_they_declare_are_refused():
    body = message().replace("轴承".encode(), "轴承".encode("gb18030"))
    fault = refusal(body)
    assert (fault.code, fault.line) == ("xml-encoding", 12)


def test_another_document_is_refused():
    fault = refusal(b"<Invoice/>")
    assert (fault.code, fault.element) == ("unknown-document", "Invoice")


def test_a_byte_order_mark_is_no_matter():
    assert read(b"\xef\xbb\xbf" + message()).data == read(message()).data
