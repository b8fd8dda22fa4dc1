"""How each printed string is made."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.kernel.contracts.declaration import (
    Attachment,
    Charge,
    Coded,
    Container,
    DeclarationData,
    Goods,
    Licence,
    Promises,
    Snapshot,
)
from services.render.products.form.content import (
    FormContent,
    charge,
    compact_date,
    content_of,
    plain_number,
    price,
    tidy,
)

GOODS = Goods(line_no=1)


def printed(form_kind: str = "import_declaration", doc_type: str = "", **fields) -> FormContent:
    data = DeclarationData(
        entry_id="222520251999900014",
        ie_flag=form_kind[0].upper(),
        form_kind=form_kind,
        **({"goods": [GOODS]} | fields),
    )
    return content_of(Snapshot(data.entry_id, 1, "0" * 64, doc_type, data))


def goods_of(form_kind: str = "import_declaration", **fields):
    return printed(form_kind, goods=[replace(GOODS, **fields)]).goods[0]


def test_a_date_is_printed_without_separators():
    assert compact_date(date(2025, 12, 3)) == "20251203"
    assert compact_date(None) == ""
    assert printed(ie_date=date(2025, 12, 13)).values["1.3"] == "20251213"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("1200.00000", "1200"),
        ("35602.35", "35602.35"),
        ("0.10", "0.1"),
        ("1000", "1000"),
        (1891, "1891"),
        (None, ""),
        ("", ""),
    ],
)
def test_a_number_loses_trailing_zeros_and_a_trailing_point(sent, shown):
    assert plain_number(sent) == shown


def test_prices_keep_their_decimals():
    goods = goods_of(unit_price="38.5", total_price="10015.2", currency_name="美元")

    assert goods.columns["G.5"] == ("38.5000", "10015.20", "美元")
    assert price("not a number", Decimal("0.01")) == "not a number"
    assert price(None, Decimal("0.01")) == ""


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (Charge("3", "100.00000", "USD"), "USD/100/3"),
        (Charge("1", "0.3", None), "/0.3/1"),
        (Charge("3", "-12.50", "CNY"), "CNY/-12.5/3"),
        (Charge("1", "0.00", "USD"), ""),
        (Charge(None, None, None), ""),
        (None, ""),
    ],
)
def test_a_charge_is_currency_value_and_mark(cost, shown):
    assert charge(cost) == shown


def test_the_three_charges_stand_in_their_boxes():
    form = printed(
        freight=Charge("2", "7", "USD"),
        insurance=Charge("1", "0.3", None),
        misc=Charge("3", "9", "CNY"),
    )

    assert [form.values[box] for box in ("5.6", "5.7", "5.8")] == ["USD/7/2", "/0.3/1", "CNY/9/3"]


def test_a_coded_box_has_its_code_in_parentheses_and_its_name_below():
    form = printed(ie_port_code="2225", ie_port_name="外港海关")

    assert (form.codes["1.2"], form.values["1.2"]) == ("(2225)", "外港海关")


def test_a_code_without_a_name_stands_alone():
    form = printed(transport_mode_code="X")

    assert form.codes["2.2"] == "(X)"
    assert "2.2" not in form.values


def test_empty_fields_print_nothing():
    form = printed()

    assert form.codes == {}
    assert form.values == {}


def test_a_party_shows_its_credit_code_and_else_its_customs_code():
    with_both = printed(trade_uscc="91310115YX0000016W", trade_customs_code="3122269001")
    customs_only = printed(trade_customs_code="3122269001", owner_customs_code="NO")

    assert with_both.codes["1.1"] == "(91310115YX0000016W)"
    assert (customs_only.codes["1.1"], customs_only.codes["3.1"]) == ("(3122269001)", "(NO)")


@pytest.mark.parametrize(
    ("name", "voyage", "shown"),
    [
        ("SAMPLE STAR 24", "114W", "SAMPLE STAR 24/114W"),
        ("ZZ1016", None, "ZZ1016/"),
        (None, "5301202500001", "/5301202500001"),
    ],
)
def test_vessel_and_voyage_keep_their_slash(name, voyage, shown):
    assert printed(transport_name=name, voyage_no=voyage).values["2.3"] == shown


def test_no_slash_without_vessel_and_voyage():
    assert "2.3" not in printed().values


def test_packaging_joins_codes_and_names():
    form = printed(
        package_type_code="22",
        package_type_name="纸制或纤维板制盒/箱",
        other_package_types=[Coded("93", "天然木托"), Coded("99", "其他包装")],
    )

    assert form.codes["5.1"] == "(22/93/99)"
    assert form.values["5.1"] == "纸制或纤维板制盒/箱/天然木托/其他包装"


def test_licences_follow_certificates_of_origin():
    form = printed(
        licenses=[
            Licence(1, "7", "自动进口许可证", "25-01-X"),
            Licence(2, "Y", "原产地证明", "<10>SAMPLECOO25000001"),
        ]
    )

    assert form.documents == "随附单证1:原产地证明<10>SAMPLECOO25000001;自动进口许可证25-01-X"


def test_attached_files_are_named_in_order():
    attachments = [Attachment("00000004", "合同", "1"), Attachment("00000001", "发票", "2")]

    assert printed(attachments=attachments).attachments == "随附单证2:合同;发票"


def test_remarks_and_marks_share_a_line_and_lose_repeated_blanks():
    form = printed(remarks="<总担保SAMPLE0001>\n  second", marks="N/M")

    assert form.remarks == "备注:<总担保SAMPLE0001> second N/M"


def test_containers_are_counted_in_twenty_foot_units():
    form = printed(
        marks="N/M",
        containers=[
            Container("ZZZU3001113", "11"),
            Container("ZZZU3001129", "21"),
            Container("ZZZU3001134", "32"),
        ],
    )

    assert form.remarks == (
        "备注:N/M  集装箱标箱数及号码：5;ZZZU3001113*2;ZZZU3001129*1;ZZZU3001134*2;"
    )


def test_related_numbers_end_the_remarks():
    form = printed(
        remarks="r", related_entry_id="222520251999899998", related_manual_no="C00002500009"
    )

    assert form.remarks == "备注:r 关联报关单号:222520251999899998 关联备案号:C00002500009"


def test_confirmations_are_yes_no_or_nothing():
    form = printed(promises=Promises("yes", "no", "blank", "yes", "no"), self_declared_tax=False)

    assert form.answers == ("是", "否", "", "是", "否", "否")
    assert printed().answers == ("",) * 6


def test_collective_payment_is_marked():
    assert printed(doc_type="CL").collective_tax
    assert printed(doc_type="CLZ").collective_tax
    assert not printed(doc_type="ZC").collective_tax
    assert not printed().collective_tax


def test_the_declarant_stands_with_code_and_name():
    assert printed(agent_uscc="913", agent_name="样例报关").agent == "(913)样例报关"


def test_goods_have_three_lines():
    goods = goods_of(
        manual_item_no="12",
        hs_code="8413709990",
        name="离心泵",
        specification="4|3|用途:输送液体",
        first_quantity="875",
        first_unit_name="台",
        second_quantity=None,
        second_unit_name="千克",
        quantity="33250.00",
        unit_name="千克",
        origin_country_code="ITA",
        origin_country_name="意大利",
        destination_country_code="CHN",
        destination_country_name="中国",
        duty_mode_code="1",
        duty_mode_name="照章征税",
    )

    assert goods.columns["G.1"] == ("1", "", "(12)")
    assert goods.columns["G.2"] == ("8413709990", "", "")
    assert goods.columns["G.4"] == ("875台", "", "33250千克")
    assert goods.columns["G.6"] == ("意大利", "(ITA)", "")
    assert goods.columns["G.7"] == ("中国", "(CHN)", "")
    assert goods.columns["G.9"] == ("照章征税", "(1)", "")
    assert (goods.name, goods.specification) == ("离心泵", "4|3|用途:输送液体")


def test_the_domestic_place_has_both_codes_and_both_names():
    goods = goods_of(
        domestic_district_code="31222",
        domestic_district_name="上海浦东新区",
        domestic_division_code="310115",
        domestic_division_name="浦东新区",
    )

    assert goods.place == "(31222/310115)上海浦东新区/浦东新区"


def test_countries_of_an_export_are_printed_as_they_mean():
    goods = goods_of(
        "export_declaration", origin_country_code="CHN", destination_country_code="USA"
    )

    assert goods.columns["G.6"][1] == "(CHN)"
    assert goods.columns["G.7"][1] == "(USA)"


@pytest.mark.parametrize("kind", ["import_record_list", "export_record_list"])
def test_a_filing_list_has_neither_levy_nature_nor_duty_mode(kind):
    form = printed(
        kind, levy_nature_code="101", levy_nature_name="一般征税", supervision_mode_code="5034"
    )

    assert "3.3" not in form.codes
    assert "3.3" not in form.values
    assert form.codes["3.2"] == "(5034)"
    assert "G.9" not in form.goods[0].columns


@pytest.mark.parametrize("kind", ["export_declaration", "export_record_list"])
def test_an_export_has_neither_place_of_goods_nor_port_of_departure(kind):
    form = printed(kind, goods_place="堆场", departure_port_code="ITA075")

    assert "2.5" not in form.values
    assert "3.5" not in form.codes


def test_control_characters_and_line_ends_are_blanks():
    assert tidy(" a\r\nb\x00\tc ") == "a b c"
    assert tidy(None) == ""
