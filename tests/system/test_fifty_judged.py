"""Fifty sealed forms of one application, each before foreign judges, each against its data."""

from __future__ import annotations

import io
import re
from decimal import Decimal

import pytest
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from tests.support import pdf
from tests.support.outsider import Outsider
from tests.support.sandbox import started_sandbox

HEAD = [
    "entry_id",
    "customs_name",
    "ie_port_code",
    "ie_port_name",
    "ie_date",
    "declared_on",
    "manual_no",
    "trade_uscc",
    "trade_name",
    "overseas_code",
    "overseas_name",
    "owner_uscc",
    "owner_name",
    "agent_uscc",
    "agent_name",
    "transport_mode_code",
    "transport_mode_name",
    "transport_name",
    "voyage_no",
    "bill_no",
    "supervision_mode_name",
    "license_no",
    "contract_no",
    "trade_country_code",
    "trade_country_name",
    "partner_country_code",
    "partner_country_name",
    "transit_port_code",
    "transit_port_name",
    "border_port_code",
    "border_port_name",
    "package_type_code",
    "package_type_name",
    "package_count",
    "deal_mode_code",
    "deal_mode_name",
    "remarks",
    "marks",
    "related_entry_id",
    "related_manual_no",
    "declarant_name",
    "declarant_no",
    "declarant_phone",
]
IMPORTS_ONLY = ("departure_port_code", "departure_port_name", "goods_place")
DECLARATIONS_ONLY = ("levy_nature_name",)
GOODS = [
    "hs_code",
    "name",
    "specification",
    "currency_name",
    "origin_country_code",
    "origin_country_name",
    "destination_country_code",
    "destination_country_name",
    "domestic_district_code",
    "domestic_district_name",
    "domestic_division_code",
]


@pytest.fixture(scope="module")
def sandbox():
    return started_sandbox()


@pytest.fixture(scope="module")
def clerk(sandbox):
    outsider = Outsider(sandbox.base_url, sandbox.card("company-a"))
    assert outsider.log_in().status_code == 201
    yield outsider
    outsider.close()


@pytest.fixture(scope="module")
def fifty(sandbox, clerk):
    numbers = sandbox.declarations("company-a", expect_print="ready", expect_export="ready")[:50]
    forms = clerk.finished(clerk.apply(numbers, "sealed"))
    exported = clerk.finished(clerk.apply(numbers))
    answer = clerk.get(exported["links"]["file"], params={"format": "json"})
    data = {one["entry_id"]: one for one in answer.json()["declarations"]}
    assert len(data) == 50
    return [
        (data[item["entry_id"]], clerk.get(item["links"]["file"]).content)
        for item in forms["items"]
    ]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def bare(number: str) -> str:
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def printed_values(data: dict) -> list[str]:
    """What the form of this declaration must show, as it shows it."""
    names = [*HEAD]
    names += IMPORTS_ONLY if data["ie_flag"] == "I" else ()
    names += DECLARATIONS_ONLY if data["form_kind"].endswith("_declaration") else ()
    values = [str(data[name]) for name in names if data[name] is not None]
    values = [re.sub(r"^(\d{4})-(\d\d)-(\d\d)$", r"\1\2\3", value) for value in values]
    values += [bare(data["gross_weight_kg"]), bare(data["net_weight_kg"])]
    values += [one["container_no"] for one in data["containers"]]
    values += [one["number"] for one in data["licenses"]]
    for goods in data["goods"]:
        values += [str(goods[name]) for name in GOODS if goods[name] is not None]
        values += [
            bare(goods["quantity"]) + goods["unit_name"],
            bare(goods["first_quantity"]) + goods["first_unit_name"],
            f"{Decimal(goods['unit_price']):.4f}",
            f"{Decimal(goods['total_price']):.2f}",
        ]
    return values


def test_each_signature_is_valid_over_the_whole_file(sandbox, fifty, tmp_path):
    roots = list(load_certs_from_pemder_data(sandbox.facts["seal_trust_anchor_pem"].encode()))
    for data, content in fifty:
        (signature,) = PdfFileReader(io.BytesIO(content)).embedded_signatures
        trust = ValidationContext(trust_roots=roots, allow_fetching=False)
        status = validate_pdf_signature(signature, trust)
        assert status.bottom_line, data["entry_id"]
        assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
        path = tmp_path / f"{data['entry_id']}.pdf"
        path.write_bytes(content)
        said = pdf.run("pdfsig", "-nocert", path, check=False)
        assert "Signature is Valid" in said
        assert "Total document signed" in said
        assert pdf.is_sound(path)


def test_each_form_shows_every_value_of_its_declaration(fifty, tmp_path):
    path = tmp_path / "form.pdf"
    for data, content in fifty:
        path.write_bytes(content)
        shown = squeezed(pdf.run("pdftotext", "-raw", path, "-"))
        missing = [value for value in printed_values(data) if squeezed(value) not in shown]
        assert missing == [], data["entry_id"]


def test_both_codes_of_each_form_are_read_from_a_picture(fifty, tmp_path):
    for data, content in fifty:
        path = tmp_path / f"{data['entry_id']}.pdf"
        path.write_bytes(content)
        picture = pdf.picture(path, tmp_path, dpi=150)
        read = pdf.run("zbarimg", "-q", picture)
        assert f"CODE-39:{data['entry_id']}" in read
        assert f"QR-Code:*{data['entry_id']}*" in read
