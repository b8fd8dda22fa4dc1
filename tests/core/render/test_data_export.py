"""The data files of an application hold the same values, whatever the format."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import openpyxl
import pytest
from lxml import etree
from python_calamine import CalamineWorkbook

from services.kernel.contracts.dictionary import dictionary
from services.kernel.contracts.render import FailedEntry
from services.kernel.contracts.wire import to_builtins
from services.render.products.data_export import MEDIA_TYPES, ExportJob, draw_export
from tests.support.render_samples import (
    EXPORT_ID,
    IMPORT_ID,
    bare_data,
    full_data,
    goods,
    snapshot,
)

ORDERED_AT = datetime(2026, 11, 23, 2, 15, 30, 702_000, tzinfo=UTC)
NAME = "{http://www.chinaport.gov.cn/dec}"
OWN = "{urn:danzheng:declaration-data:1}"


def _job() -> ExportJob:
    export = full_data(
        EXPORT_ID,
        ie_flag="E",
        form_kind="export_declaration",
        containers=[],
        goods=[goods(1, origin_country_code="CHN", destination_country_code="USA")],
    )
    return ExportJob(
        "D20261123000000009",
        [snapshot(), snapshot(export, "CL")],
        [FailedEntry("530120261000000034", "source-missing")],
        ORDERED_AT,
    )


@pytest.fixture(scope="module")
def files():
    return draw_export(_job())


@pytest.fixture(scope="module")
def book(files):
    return openpyxl.load_workbook(io.BytesIO(files["xlsx"]))


def _records(sheet) -> list[dict]:
    rows = list(sheet.iter_rows(values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def _csv(content: bytes) -> list[dict]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_every_format_is_made(files):
    assert set(files) == set(MEDIA_TYPES)


def test_json_is_the_snapshot(files):
    document = json.loads(files["json"])
    assert document["schema"] == "danzheng-declaration-data/1"
    assert document["application_no"] == "D20261123000000009"
    assert document["made_at"] == "2026-11-23T10:15:30.702+08:00"
    assert document["failed"] == [{"entry_id": "530120261000000034", "code": "source-missing"}]
    assert document["declarations"] == [to_builtins(one.data) for one in _job().snapshots]


def test_the_workbook_has_the_six_sheets(book):
    assert book.sheetnames == ["报关单", "商品", "集装箱", "随附单证", "失败", "字段说明"]
    assert _records(book["失败"]) == [
        {"海关编号": "530120261000000034", "原因代码": "source-missing", "原因": "数据来源缺失"}
    ]
    assert len(_records(book["字段说明"])) == len(dictionary())


def _expected(field, value):
    """What a reader of a sheet must find for a value of the JSON."""
    if value in (None, []):
        return None
    if field.type == "decimal":
        return Decimal(value)
    if field.type == "date":
        return date.fromisoformat(value)
    if field.type == "boolean":
        return "是" if value else "否"
    if field.type == "integers":
        return ",".join(map(str, value))
    words = {
        "import_declaration": "进口货物报关单",
        "export_declaration": "出口货物报关单",
        "yes": "是",
        "no": "否",
        "blank": "空",
    }
    value = words.get(value, value)
    return f"'{value}" if isinstance(value, str) and value[0] in "=+-@\t\r" else value


def _found(field, value):
    if value in (None, ""):
        return None
    if field.type == "decimal":
        return Decimal(str(value))
    if field.type == "date":
        return value.date() if isinstance(value, datetime) else date.fromisoformat(value)
    return int(value) if field.type == "integer" else value


def _value(record: dict, path: str):
    for name in path.split("."):
        record = None if record is None else record[name]
    return record


def test_every_value_of_the_head_is_in_the_sheet(files, book):
    for declaration, row in zip(
        json.loads(files["json"])["declarations"], _records(book["报关单"]), strict=True
    ):
        for field in dictionary():
            if "[]" in field.path:
                continue
            found = _found(field, row[field.label])
            assert found == _expected(field, _value(declaration, field.path)), field
        assert row["其他包装代码"] == "93、99"
        assert row["其他包装名称"] == "天然木托、其他包装"


@pytest.mark.parametrize(("title", "name"), [("商品", "goods"), ("集装箱", "containers")])
def test_every_value_of_the_lines_is_in_the_sheet(files, book, title, name):
    lines = [
        (declaration["entry_id"], line)
        for declaration in json.loads(files["json"])["declarations"]
        for line in declaration[name]
    ]
    rows = _records(book[title])
    assert len(rows) == len(lines)
    for (entry_id, line), row in zip(lines, rows, strict=True):
        assert row["海关编号"] == entry_id
        for field in dictionary():
            if field.path.startswith(f"{name}[]."):
                found = _found(field, row[field.label])
                assert found == _expected(field, line[field.path.split("[].")[1]]), field


def test_licences_and_attached_files_share_a_sheet(book):
    first, second = _records(book["随附单证"])[:2]
    assert list(first.values()) == [
        IMPORT_ID,
        "随附单证",
        1,
        "Y",
        "原产地证明",
        "<10>SAMPLE25000001",
    ]
    assert list(second.values()) == [
        IMPORT_ID,
        "随附单据",
        None,
        "00000001",
        "发票",
        "4258000000IM0001",
    ]


def test_codes_are_text_amounts_numbers_and_dates_dates(book):
    row = next(book["商品"].iter_rows(min_row=2))
    cells = dict(zip([cell.value for cell in book["商品"][1]], row, strict=True))
    assert (cells["商品编号"].data_type, cells["商品编号"].value) == ("s", "0404210000")
    assert cells["海关编号"].data_type == "s"
    assert (cells["单价"].data_type, cells["单价"].number_format) == ("n", "0.0000")
    head = dict(
        zip(
            [cell.value for cell in book["报关单"][1]],
            next(book["报关单"].iter_rows(min_row=2)),
            strict=True,
        )
    )
    assert head["申报日期"].is_date
    assert head["件数"].data_type == "n"


def test_a_number_too_long_for_excel_stays_text():
    long = goods(1, total_price="12345678901234.56", quantity="1234567890123456789.5")
    made = draw_export(ExportJob("D1", [snapshot(full_data(goods=[long]))], [], ORDERED_AT))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(made["xlsx"])).get_sheet_by_name("商品")
    rows = sheet.to_python()
    row = dict(zip(rows[0], rows[1], strict=True))
    assert row["成交数量"] == "1234567890123456789.5"
    assert row["总价"] == "12345678901234.56"
    assert _csv(made["csv"])[0]["成交数量"] == "1234567890123456789.5"


def test_csv_has_a_row_for_each_goods_line_with_the_head_repeated(files):
    rows = _csv(files["csv"])
    assert [(row["海关编号"], row["项号"]) for row in rows] == [
        (IMPORT_ID, "1"),
        (IMPORT_ID, "2"),
        (EXPORT_ID, "1"),
    ]
    assert files["csv"].startswith(b"\xef\xbb\xbf")
    assert files["csv"].count(b"\r\n") == 4
    assert rows[0]["毛重(千克)"] == "807.8832"
    assert rows[0]["杂费费率/金额"] == "-120.00"


def test_csv_and_sheets_hold_the_same_values(files, book):
    heads = {row["海关编号"]: row for row in _records(book["报关单"])}
    lines = {(row["海关编号"], str(row["项号"])): row for row in _records(book["商品"])}
    by_label = {field.label: field for field in dictionary()}
    for row in _csv(files["csv"]):
        both = {**heads[row["海关编号"]], **lines[row["海关编号"], row["项号"]]}
        assert set(both) == set(row)
        for label, text in row.items():
            field = by_label[label]
            assert _found(field, text) == _found(field, both[label]), label


def test_columns_have_labels_of_their_own(files):
    header = files["csv"].decode("utf-8-sig").splitlines()[0].split(",")
    assert len(header) == len(set(header))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@a", "\tx", "\rx"])
def test_no_text_is_taken_for_a_formula(text):
    data = full_data(remarks=text)
    made = draw_export(ExportJob("D1", [snapshot(data)], [], ORDERED_AT))
    assert _csv(made["csv"])[0]["备注"] == f"'{text}"
    sheet = openpyxl.load_workbook(io.BytesIO(made["xlsx"]))["报关单"]
    found = dict(zip([c.value for c in sheet[1]], sheet[2], strict=True))["备注"]
    assert found.data_type == "s"
    assert found.value.replace("_x000D_", "\r").startswith("'")


def test_a_decimal_that_is_none_is_text_and_guarded():
    data = full_data(gross_weight_kg="=cmd()")
    made = draw_export(ExportJob("D1", [snapshot(data)], [], ORDERED_AT))
    assert _csv(made["csv"])[0]["毛重(千克)"] == "'=cmd()"


def test_xml_speaks_the_official_names_with_the_export_swap(files):
    root = etree.fromstring(files["xml"])
    assert root.tag == f"{OWN}DeclarationData"
    imported, exported = root.findall(f"{NAME}DecMessage")
    assert imported.findtext(f"{NAME}DecHead/{NAME}GrossWet") == "807.8832"
    assert imported.findtext(f"{NAME}DecHead/{NAME}PromiseItmes") == "10909"
    assert imported.findtext(f"{NAME}DecHead/{NAME}OverseasConsignorEname")
    assert exported.findtext(f"{NAME}DecHead/{NAME}OverseasConsigneeEname")
    assert exported.findtext(f"{NAME}DecHead/{NAME}Type") == "CL"
    line = f"{NAME}DecLists/{NAME}DecList/{NAME}"
    assert imported.findtext(f"{line}OriginCountry") == "USA"
    assert exported.findtext(f"{line}OriginCountry") == "USA"
    assert exported.findtext(f"{line}DestinationCountry") == "CHN"
    assert imported.findtext(f"{NAME}DecContainers/{NAME}Container/{NAME}GoodsNo") == "1,2"
    assert root.find(f"{OWN}Facts").get("ClearedOn") == "2026-11-05"
    assert root.find(f"{OWN}Failed").attrib == {
        "EntryId": "530120261000000034",
        "Code": "source-missing",
    }


def test_every_field_with_an_official_place_is_in_the_message(files):
    message = etree.fromstring(files["xml"]).find(f"{NAME}DecMessage")
    for field in dictionary():
        if field.dec_message is None:
            continue
        names = [part.rpartition("/")[2] for part in field.dec_message.split("|")]
        held = [message.find(f".//{NAME}{name}") for name in names]
        optional = field.path in {"insurance.currency", "self_declared_tax"}
        assert optional or any(one is not None for one in held), field


def test_characters_that_xml_forbids_do_not_break_it():
    data = full_data(remarks="a\x00b\x0bc\ufffed")
    made = draw_export(ExportJob("D1", [snapshot(data)], [], ORDERED_AT))
    remarks = etree.fromstring(made["xml"]).findtext(f".//{NAME}NoteS")
    assert remarks == "a\ufffdb\ufffdc\ufffdd"
    assert len(CalamineWorkbook.from_filelike(io.BytesIO(made["xlsx"])).sheet_names) == 6


def test_the_archive_is_stored_and_its_checksums_hold(files):
    with zipfile.ZipFile(io.BytesIO(files["zip"])) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "报关单数据.xlsx",
            "报关单数据.csv",
            "报关单数据.json",
            f"xml/{IMPORT_ID}.xml",
            f"xml/{EXPORT_ID}.xml",
            "字段说明.csv",
            "manifest.json",
            "SHA256SUMS",
        ]
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        assert archive.read("报关单数据.xlsx") == files["xlsx"]
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["failed"][0]["code"] == "source-missing"
        assert [one["name"] for one in manifest["files"]] == archive.namelist()[:-2]


def test_a_bare_declaration_makes_all_files():
    made = draw_export(ExportJob("D1", [snapshot(bare_data())], [], ORDERED_AT))
    row = _csv(made["csv"])[0]
    assert {label for label, text in row.items() if text} == {
        "海关编号",
        "进出口标志",
        "单证种类",
        "项号",
    }


def test_the_same_job_gives_the_same_bytes_in_another_process(files):
    code = (
        "import hashlib, msgspec;"
        "from tests.core.render.test_data_export import _job, draw_export;"
        "print(hashlib.sha256(b''.join(draw_export(_job()).values())).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert other.stdout.strip() == hashlib.sha256(b"".join(files.values())).hexdigest()
    assert msgspec.json.decode(files["json"])
