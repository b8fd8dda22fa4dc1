"""The field dictionary names every field of the declaration data."""

from __future__ import annotations

import msgspec

from services.kernel.contracts.declaration import (
    Attachment,
    Charge,
    Coded,
    Container,
    DeclarationData,
    Goods,
    Licence,
    Promises,
)
from services.kernel.contracts.dictionary import DictionaryField, dictionary
from services.kernel.contracts.wire import to_builtins

FIELDS = {field.path: field for field in dictionary()}


def test_every_path_of_a_full_declaration_has_an_entry():
    full = DeclarationData(
        entry_id="1" * 18,
        ie_flag="I",
        form_kind="import_declaration",
        freight=Charge(),
        insurance=Charge(),
        misc=Charge(),
        promises=Promises(),
        other_package_types=[Coded()],
        licenses=[Licence()],
        attachments=[Attachment()],
        containers=[Container()],
        goods=[Goods()],
    )
    assert list(_paths(to_builtins(full))) == [field.path for field in dictionary()]


def _paths(value: dict, prefix: str = ""):
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _paths(inner, f"{prefix}{name}.")
        elif isinstance(inner, list) and inner:
            yield from _paths(inner[0], f"{prefix}{name}[].")
        else:
            yield f"{prefix}{name}"


def test_the_example_of_the_api_stands():
    assert FIELDS["goods[].hs_code"] == DictionaryField(
        "goods[].hs_code", "商品编号", "string", 10, None, "DecList/CodeTS"
    )


def test_parts_of_charges_know_their_element_and_their_charge():
    assert FIELDS["insurance.amount"].dec_message == "DecHead/InsurRate"
    assert FIELDS["insurance.amount"].label == "保费费率/金额"
    assert FIELDS["insurance.amount"].type == "decimal"
    assert FIELDS["misc.currency"].dec_message == "DecHead/OtherCurr"
    assert FIELDS["misc.currency"].code_table == "currency"


def test_types_tell_dates_counts_amounts_and_answers_apart():
    types = {
        path: FIELDS[path].type
        for path in (
            "ie_date",
            "package_count",
            "gross_weight_kg",
            "self_declared_tax",
            "containers[].goods_lines",
            "goods[].total_price",
            "goods[].manual_item_no",
        )
    }
    assert types == {
        "ie_date": "date",
        "package_count": "integer",
        "gross_weight_kg": "decimal",
        "self_declared_tax": "boolean",
        "containers[].goods_lines": "integers",
        "goods[].total_price": "decimal",
        "goods[].manual_item_no": "string",
    }


def test_a_code_has_its_table_and_no_label_is_missing():
    assert FIELDS["goods[].origin_country_code"].code_table == "country"
    assert FIELDS["promises.royalty"].dec_message == "DecHead/PromiseItmes"
    assert FIELDS["other_package_types[].code"].dec_message == "DecOtherPack/PackType"
    assert all(field.label for field in dictionary())
    assert msgspec.json.encode(dictionary())
