"""The samples: what is committed is what the generator makes, and the sandbox keeps its word."""

import json
from collections import Counter
from datetime import date

import pytest

from deploy.local.samples import sandbox
from deploy.local.samples.companies import COMPANIES
from deploy.local.samples.curated import curated
from deploy.local.samples.random_set import random_declarations
from deploy.local.samples.writing import message, write_set
from services.query.domain import first_version, settled, standing
from services.query.identifiers import has_usual_subject_digit, is_uscc
from services.query.naming import named, unknown_codes
from tests.core.query.documents import RULES, SAMPLES, TABLES, read


def contents(folder):
    paths = [folder / "manifest.tsv", *folder.rglob("*.xml")]
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def test_the_committed_samples_are_those_of_the_generator(tmp_path):
    assert write_set(curated(), tmp_path) == 24
    assert contents(tmp_path) == contents(SAMPLES)


def test_the_same_seed_gives_the_same_declarations():
    first = [message(made) for made in random_declarations(20, seed=5)]
    assert first == [message(made) for made in random_declarations(20, seed=5)]
    assert first != [message(made) for made in random_declarations(20, seed=6)]


def test_random_declarations_are_understood_and_all_their_codes_known():
    for made in random_declarations(60, seed=3):
        found = read(message(made))
        assert found.warnings == ()
        names = {code.partition("=")[0] for code in unknown_codes(named(found.data, TABLES))}
        assert names <= ({"departure_port_code"} if found.data.ie_flag == "E" else set())


def test_the_companies_have_valid_codes_and_cards_of_their_own():
    companies = COMPANIES.values()
    assert all(is_uscc(item.uscc) and has_usual_subject_digit(item.uscc) for item in companies)
    assert len({item.card_no for item in companies}) == len({item.uscc for item in companies}) == 4
    assert all(len(item.card_no) == 13 and item.card_no.isdecimal() for item in companies)


@pytest.fixture(scope="module", params=["2026-11-24", "2027-01-02", "2028-02-29"])
def today(request):
    return date.fromisoformat(request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture(scope="module")
def made(folder, today):
    rows = sandbox.write(folder, today)
    stored = (folder / sandbox.ROWS_FILE).read_text(encoding="utf-8")
    assert json.loads(stored) == rows
    return rows


def declaration(row, folder):
    source = folder / "declarations" / row["source_file"].rpartition("/")[2]
    receipts = sorted(folder.glob(f"receipts/{source.stem}.*.xml"))
    item = first_version(read(source.read_bytes()), "import")
    return settled(item, standing([read(path.read_bytes()) for path in receipts]), RULES)


def expected_print(item):
    if item.outlook is not None:
        return item.outlook
    return "ready" if item.data.goods else "failed"


def test_each_sandbox_row_is_what_its_files_say(made, folder, today):
    for row in made:
        item = declaration(row, folder)
        assert item.entry_id == row["entry_id"]
        assert item.owner == COMPANIES[row["owner"]].uscc
        assert item.data.trade_name == COMPANIES[row["owner"]].name
        assert str(item.standing.declared_on) == row["declared_on"]
        in_custody = item.custody_until is not None and item.custody_until >= today
        assert (item.listed and in_custody) == row["in_query"]
        assert expected_print(item) == row["expect_print"]
        unfinished = item.outlook == "customs_unfinished" or not item.data.goods
        assert row["expect_export"] == ("failed" if unfinished else "ready")


def test_the_sandbox_has_enough_of_everything(made, folder, today):
    assert len({row["entry_id"] for row in made}) == len(made)
    ready = [row for row in made if row["expect_print"] == row["expect_export"] == "ready"]
    owners = Counter(row["owner"] for row in ready)
    assert owners["company-a"] >= 65
    assert owners["company-b"] >= 3
    assert owners["company-c"] >= 3
    of_a = [row for row in ready if row["owner"] == "company-a"]
    kinds = {declaration(row, folder).data.form_kind for row in of_a}
    assert len(kinds) == 4
    recent = [row for row in of_a if (today - date.fromisoformat(row["declared_on"])).days < 85]
    assert len(recent) >= 60
    assert of_a[0]["declared_on"] == today.isoformat()
    special = {row["expect_print"] for row in made if row["owner"] == "company-a"}
    assert special == {"ready", "customs_unfinished", "unsupported_version", "failed"}
