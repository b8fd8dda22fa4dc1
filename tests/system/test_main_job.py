"""The main job seen from outside: everything that a company's program does, and what it is told.

The client is made from the description of the HTTP API alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import threading
import time
import uuid
import zipfile

import openpyxl
import pytest
from lxml import etree

from tests.support import pdf
from tests.support.outsider import Outsider
from tests.support.sandbox import started_sandbox

pytestmark = pytest.mark.timeout(240)
CARDS = (
    "company-a",
    "company-c",
    "company-b",
    "company-a-unbound",
    "company-a-operator",
    "no-account",
    "expired",
    "not-yet-valid",
    "revoked",
    "untrusted",
    "wrong-key-usage",
)
READY = {"expect_print": "ready", "expect_export": "ready", "in_query": True}


@pytest.fixture(scope="module")
def sandbox():
    return started_sandbox()


@pytest.fixture(scope="module")
def company_a(sandbox):
    yield from _logged_in(sandbox, "company-a")


@pytest.fixture(scope="module")
def company_b(sandbox):
    yield from _logged_in(sandbox, "company-b")


@pytest.fixture(scope="module")
def anybody(sandbox):
    client = Outsider(sandbox.base_url)
    yield client
    client.close()


def _logged_in(sandbox, name):
    client = Outsider(sandbox.base_url, sandbox.card(name))
    answer = client.log_in()
    assert answer.status_code == 201, answer.text
    yield client
    client.close()


@pytest.fixture
def visitor(sandbox):
    """Makes callers with the card of a name, not logged in; closes them afterwards."""
    made = []

    def make(name):
        made.append(Outsider(sandbox.base_url, sandbox.card(name)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="module")
def ready(sandbox):
    """Numbers of company-a that print and export."""
    return sandbox.declarations("company-a", **READY)


@pytest.fixture(scope="module")
def printed(company_a, ready):
    """A finished sealed application of three."""
    return company_a.finished(company_a.apply(ready[:3], "sealed"))


def one(sandbox, **wanted):
    return sandbox.declarations("company-a", **wanted)[0]


def refused(answer):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["trace_id"] == answer.headers["x-trace-id"]
    assert body["type"].endswith(f"/problems/{body['code']}")
    return answer.status_code, body["code"]


# --- log-in -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_each_card_gets_what_it_may_expect(sandbox, visitor, name):
    facts = sandbox.card(name)
    client = visitor(name)
    answer = client.log_in()
    if facts["expect_login"] == "ok":
        assert answer.status_code == 201
        body = answer.json()
        assert body["card"]["card_no"] == facts["card_no"]
        assert body["company"]["uscc"] == facts["uscc"]
        assert len(body["access_token"]) == 43
        assert client.ask("DELETE", "/auth/sessions/current").status_code == 204
        assert refused(client.get("/me")) == (401, "unauthenticated")
    else:
        assert refused(answer)[1] == facts["expect_login"]
        assert "access_token" not in answer.text


def test_a_challenge_is_good_for_one_try(visitor):
    client = visitor("company-a")
    proof = client.proof()
    assert client.post("/auth/sessions", proof).status_code == 201
    assert refused(client.post("/auth/sessions", proof)) == (401, "challenge-expired")


def test_a_pulled_card_locks_the_session_until_the_same_card_is_back(visitor, ready):
    client = visitor("company-a")
    client.log_in()
    locked = client.ask("PUT", "/auth/sessions/current/card", json={"state": "removed"})
    assert (locked.status_code, locked.json()["state"]) == (200, "locked")
    barred = client.get(f"/declarations?entry_ids={ready[0]}")
    assert refused(barred) == (403, "card-removed")
    assert client.get("/me").json()["session"]["state"] == "locked"
    other = visitor("company-b")
    wrong = client.post("/auth/sessions/current/unlock", other.proof())
    assert refused(wrong) == (403, "card-mismatch")
    unlocked = client.post("/auth/sessions/current/unlock", client.proof())
    assert (unlocked.status_code, unlocked.json()["state"]) == (200, "active")
    assert client.get(f"/declarations?entry_ids={ready[0]}").status_code == 200


# --- declarations -------------------------------------------------------------------------------


def test_own_declarations_are_found_and_foreign_ones_do_not_exist(sandbox, company_a, ready):
    foreign = sandbox.declarations("company-b")[0]
    asked = [*ready[:20], foreign]
    first = company_a.get(
        "/declarations", params={"entry_ids": ",".join(asked), "limit": 5, "include_total": "true"}
    ).json()
    assert first["page"]["total"] == 20
    assert first["not_found"] == [foreign]
    seen, page = [row["entry_id"] for row in first["items"]], first["page"]
    while page["next_cursor"]:
        body = company_a.get(
            "/declarations",
            params={"entry_ids": ",".join(asked), "limit": 5, "cursor": page["next_cursor"]},
        ).json()
        seen += [row["entry_id"] for row in body["items"]]
        page = body["page"]
    assert sorted(seen) == sorted(ready[:20])
    mixed = company_a.get(
        "/declarations", params={"entry_ids": ready[0], "cursor": first["page"]["next_cursor"]}
    )
    assert refused(mixed) == (422, "cursor-invalid")


def test_a_list_of_numbers_is_read(company_a, ready):
    text = "报关单号\n" + "，".join(ready[:3]) + "\n12\n"
    answer = company_a.ask(
        "POST", "/entry-id-lists", files={"file": ("名单.csv", text.encode("gb18030"))}
    )
    assert answer.json()["entry_ids"] == ready[:3]
    assert answer.json()["errors"] == [{"line": 3, "text": "12", "code": "bad-entry-id"}]


# --- printing -----------------------------------------------------------------------------------


def test_fifty_sealed_forms_from_application_to_files(company_a, ready, tmp_path):
    numbers = ready[:50]
    accepted = company_a.apply(numbers, "sealed")
    assert accepted.status_code == 202
    assert accepted.headers["retry-after"] == "2"
    body = company_a.finished(accepted)
    assert body["progress"]["ready"] == 50
    assert [item["entry_id"] for item in body["items"]] == numbers
    assert {item["status"] for item in body["items"]} == {"sealed_ready"}
    for item in body["items"]:
        answer = company_a.get(item["links"]["file"])
        assert answer.status_code == 200
        assert answer.headers["etag"] == f'"{item["file"]["sha256"]}"'
        assert hashlib.sha256(answer.content).hexdigest() == item["file"]["sha256"]
        assert len(answer.content) == item["file"]["size"]
        (tmp_path / f"{item['entry_id']}.pdf").write_bytes(answer.content)
    for item in body["items"][:2]:
        _sound_and_sealed(tmp_path / f"{item['entry_id']}.pdf", item, tmp_path)


def _sound_and_sealed(path, item, folder):
    assert pdf.is_sound(path)
    text = pdf.words_of(path)
    assert item["entry_id"] in text
    code = item["file"]["verification_code"]
    assert "-".join(code[i : i + 4] for i in range(0, 24, 4)) in text
    codes = pdf.scanned(pdf.picture(path, folder, dpi=300))
    assert any(item["entry_id"] in payload for payload in codes.values()), codes
    said = pdf.run("pdfsig", "-nocert", path, check=False)
    assert "Signature is Valid" in said
    assert "Total document signed" in said


def test_another_company_learns_nothing(sandbox, company_b, printed, ready):
    number, entry_id = printed["application_no"], ready[0]
    place = f"/print-applications/{number}"
    unknown = place.replace(number, "P20200101000000001")
    for path in (
        "",
        f"/items/{entry_id}",
        f"/items/{entry_id}/file",
        f"/items/{entry_id}/operations",
    ):
        answers = [company_b.get(place + path), company_b.get(unknown + path)]
        told = []
        for answer in answers:
            assert refused(answer) == (404, "not-found")
            body = answer.json()
            told.append({k: body[k] for k in ("title", "detail", "errors", "code")})
        assert told[0] == told[1]
    foreign = company_b.apply([entry_id], "none")
    assert refused(foreign) == (422, "all-refused")
    assert foreign.json()["refused_items"][0]["code"] == "declaration-not-found"
    listed = company_b.get(f"/print-applications?application_no={number}").json()
    assert listed["items"] == []


def test_what_cannot_be_printed_says_why_and_the_rest_goes_on(sandbox, company_a, ready):
    unfinished = one(sandbox, expect_print="customs_unfinished")
    old = one(sandbox, expect_print="unsupported_version")
    broken = one(sandbox, expect_print="failed")
    foreign = sandbox.declarations("company-b")[0]
    body = company_a.finished(company_a.apply([unfinished, old, foreign, broken, ready[0]], "none"))
    status = {item["entry_id"]: item["status"] for item in body["items"]}
    assert status == {
        unfinished: "customs_unfinished",
        old: "unsupported_version",
        broken: "failed",
        ready[0]: "unsealed_ready",
    }
    assert [item["entry_id"] for item in body["refused_items"]] == [foreign]
    for item in body["items"]:
        answer = company_a.get(item["links"]["file"])
        if item["status"] == "unsealed_ready":
            assert answer.status_code == 200
        else:
            assert refused(answer) == (409, "not-ready")
            assert answer.json()["item_status"] == item["status"]
            assert answer.json()["reason"] == item["reason"]
    failed = next(item for item in body["items"] if item["status"] == "failed")
    assert 1 <= failed["attempts"] <= 5
    assert failed["actions"]["retry"]
    path = f"/print-applications/{body['application_no']}/retries"
    again = company_a.post(path, {}, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert (
        next(item for item in company_a.finished(again)["items"] if item["entry_id"] == broken)[
            "status"
        ]
        == "failed"
    )
    wrong = company_a.post(
        path, {"entry_ids": [ready[0]]}, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert refused(wrong) in {(422, "validation-failed"), (409, "nothing-to-retry")}


def test_a_file_whose_month_is_over_is_gone_but_its_records_stay(sandbox, company_a):
    gone = next(one for one in sandbox.facts["applications"] if one["expired"])
    place = f"/print-applications/{gone['application_no']}/items/{gone['entry_id']}"
    item = company_a.get(place).json()
    assert item["expired"] is True
    assert item["actions"] == {
        "export": False,
        "print": False,
        "operations": True,
        "retry": False,
        "reapply": True,
    }
    answer = company_a.get(f"{place}/file")
    assert refused(answer) == (410, "expired")
    assert answer.json()["title"] == "已超过保存期限，请重新申请"
    assert company_a.get(f"{place}/operations").status_code == 200


def test_a_repeated_request_gets_its_first_answer_and_makes_nothing(company_a, ready):
    key = str(uuid.uuid4())
    order = company_a.order(ready[:1], "none")
    headers = {"Idempotency-Key": key}
    first = company_a.post("/print-applications", order, headers=headers)
    again = company_a.post("/print-applications", order, headers=headers)
    assert first.status_code == again.status_code == 202
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    other = company_a.post(
        "/print-applications", company_a.order(ready[1:2], "none"), headers=headers
    )
    assert refused(other) == (422, "idempotency-key-reused")
    reused = company_a.post(
        "/print-applications", order, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert refused(reused) == (409, "signature-reused")
    assert reused.json()["application_no"] == first.json()["application_no"]


def test_an_order_must_be_signed_as_it_stands(company_a, company_b, ready):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    order = company_a.order(ready[:1], "none")
    changed = company_a.post("/print-applications", {**order, "seal": "sealed"}, headers=headers)
    assert refused(changed) == (422, "signature-invalid")
    signature = company_b.order(ready[:1], "none")["submission_signature"]
    foreign = company_a.post(
        "/print-applications", {**order, "submission_signature": signature}, headers=headers
    )
    assert refused(foreign) == (403, "card-mismatch")
    accepted = company_a.post("/print-applications", order, headers=headers)
    assert accepted.status_code == 202


def test_parts_of_a_file_and_what_is_recorded(company_a, printed):
    item = printed["items"][0]
    file, size = item["links"]["file"], item["file"]["size"]
    etag = f'"{item["file"]["sha256"]}"'
    before = len(_records(company_a, item))
    whole = company_a.get(file).content
    begin = company_a.get(file, headers={"Range": "bytes=0-99"})
    assert (begin.status_code, begin.content) == (206, whole[:100])
    assert begin.headers["content-range"] == f"bytes 0-99/{size}"
    rest = company_a.get(file, headers={"Range": "bytes=100-", "If-Range": etag})
    assert (rest.status_code, rest.content) == (206, whole[100:])
    other = company_a.get(file, headers={"Range": "bytes=100-", "If-Range": '"x"'})
    assert (other.status_code, other.content) == (200, whole)
    outside = company_a.get(file, headers={"Range": f"bytes={size}-"})
    assert refused(outside) == (416, "range-not-satisfiable")
    same = company_a.get(file, headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    head = company_a.ask("HEAD", file)
    assert (head.headers["content-length"], head.content) == (str(size), b"")
    shown = company_a.get(f"{file}?purpose=print")
    assert shown.headers["content-disposition"].startswith("inline")
    event = company_a.post(f"{item['links']['self']}/print-events", {"event": "dialog_opened"})
    assert event.status_code == 201
    records = _records(company_a, item)[before:]
    assert [record["action"] for record in records] == [
        "export",  # the whole
        "export",  # the part that begins it
        "export",  # the whole instead of a part of another file
        "print",
        "print_dialog_opened",
    ]
    assert [record["seq"] for record in records] == list(range(before + 1, before + 6))
    assert {record["file_sha256"] for record in records} == {item["file"]["sha256"]}


def _records(client, item):
    return client.get(item["links"]["operations"], params={"limit": 100}).json()["items"]


# --- data ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(sandbox, company_a, ready):
    """A finished export of three, of which one failed."""
    failed = one(sandbox, expect_export="failed")
    return company_a.finished(company_a.apply([*ready[:2], failed]))


def test_a_partial_export_asks_first(sandbox, company_a, exported):
    failed = one(sandbox, expect_export="failed")
    assert exported["partial"] is True
    assert exported["status"] == "ready"
    answer = company_a.get(exported["links"]["file"])
    assert refused(answer) == (409, "partial-failure")
    assert answer.json()["detail"] == f"报关单号 {failed}数据生成失败，请确认是否继续导出？"
    assert answer.json()["failed_entry_ids"] == [failed]


@pytest.mark.parametrize("format_", ["zip", "xlsx", "csv", "json", "xml"])
def test_data_come_in_five_formats(sandbox, company_a, exported, ready, format_):
    failed = one(sandbox, expect_export="failed")
    told = exported["files"][format_]
    answer = company_a.get(
        exported["links"]["file"], params={"format": format_, "accept_partial": "true"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == told["media_type"]
    assert hashlib.sha256(answer.content).hexdigest() == told["sha256"]
    assert len(answer.content) == told["size"]
    READERS[format_](answer.content, ready[:2], failed)


def _zip(content, entry_ids, failed):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        assert {f"xml/{entry_id}.xml" for entry_id in entry_ids} <= names
        assert {"报关单数据.xlsx", "报关单数据.csv", "报关单数据.json", "manifest.json"} <= names
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        sums = archive.read("SHA256SUMS").decode().splitlines()
        for line in sums:
            digest, name = line.split(maxsplit=1)
            assert hashlib.sha256(archive.read(name.lstrip("*"))).hexdigest() == digest
        _json(archive.read("报关单数据.json"), entry_ids, failed)


def _xlsx(content, entry_ids, failed):
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    assert book.sheetnames == ["报关单", "商品", "集装箱", "随附单证", "失败", "字段说明"]
    cells = {str(cell) for row in book["报关单"].iter_rows(values_only=True) for cell in row}
    assert set(entry_ids) <= cells
    lost = {str(cell) for row in book["失败"].iter_rows(values_only=True) for cell in row}
    assert failed in lost


def _csv(content, entry_ids, _failed):
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert len(rows) > len(entry_ids)
    assert set(entry_ids) <= {cell for row in rows for cell in row}


def _json(content, entry_ids, failed):
    body = json.loads(content)
    assert body["schema"] == "danzheng-declaration-data/1"
    assert [one["entry_id"] for one in body["declarations"]] == entry_ids
    assert [one["entry_id"] for one in body["failed"]] == [failed]


def _xml(content, entry_ids, _failed):
    root = etree.fromstring(content)
    assert root.tag == "{urn:danzheng:declaration-data:1}DeclarationData"
    text = "".join(root.itertext())
    assert all(entry_id in text for entry_id in entry_ids)


READERS = {"zip": _zip, "xlsx": _xlsx, "csv": _csv, "json": _json, "xml": _xml}


def test_the_format_of_data_is_negotiated(company_a, ready):
    body = company_a.finished(company_a.apply(ready[:1]))
    place = body["links"]["file"]
    by_accept = company_a.get(place, headers={"Accept": "text/csv"})
    assert by_accept.headers["content-type"] == "text/csv; charset=utf-8"
    assert company_a.get(place).headers["content-type"] == "application/zip"
    none = company_a.get(place, headers={"Accept": "image/png"})
    assert refused(none) == (406, "not-acceptable")
    records = company_a.get(body["links"]["operations"]).json()["items"]
    assert [record["format"] for record in records] == ["csv", "zip"]
    assert {record["partial"] for record in records} == {False}


# --- bundles ------------------------------------------------------------------------------------


def test_many_files_in_one_download_for_one_ticket(company_a, anybody, printed):
    pairs = [
        {"application_no": printed["application_no"], "entry_id": item["entry_id"]}
        for item in printed["items"]
    ]
    accepted = company_a.post(
        "/bundles", {"items": pairs}, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert accepted.status_code == 202, accepted.text
    ready_ = {"ready", "failed"}
    body = company_a.wait(accepted.headers["location"], lambda found: found["state"] in ready_)
    assert body["state"] == "ready"
    issued = company_a.post(body["links"]["tickets"])
    assert issued.status_code == 201, issued.text
    path = f"/downloads/{issued.json()['ticket']}"
    assert anybody.ask("HEAD", path).status_code == 200
    answer = anybody.get(path)
    assert hashlib.sha256(answer.content).hexdigest() == body["file"]["sha256"]
    assert refused(anybody.get(path)) == (410, "ticket-spent")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        for item in printed["items"]:
            name = f"{printed['application_no']}/{item['file']['name']}"
            assert hashlib.sha256(archive.read(name)).hexdigest() == item["file"]["sha256"]
        assert {"清单.csv", "清单.xlsx", "SHA256SUMS", "bundle.json"} <= set(archive.namelist())
    last = _records(company_a, printed["items"][1])[-1]
    assert (last["action"], last["bundle_id"]) == ("bundle_export", body["bundle_id"])
    assert company_a.ask("DELETE", body["links"]["self"]).status_code == 204
    assert refused(company_a.get(body["links"]["self"])) == (404, "not-found")


# --- the stream ---------------------------------------------------------------------------------


def test_changes_are_told_as_they_happen(company_a, ready):
    heard, begun = [], threading.Event()
    listener = threading.Thread(target=_listen, args=(company_a, heard, begun), daemon=True)
    listener.start()
    assert begun.wait(10)
    number = company_a.apply(ready[:2], "sealed").json()["application_no"]
    listener.join(60)
    mine = [(name, data) for name, data in heard if data.get("application_no") == number]
    ends = [data for name, data in mine if name == "item" and data["status"] == "sealed_ready"]
    assert {data["entry_id"] for data in ends} == set(ready[:2])
    assert ends[0]["status_text"] == "有签章已生成"
    assert ends[0]["expires_at"].endswith("+08:00")
    assert mine[-1][0] == "application"
    assert mine[-1][1]["state"] == "finished"
    numbers = [data["seq"] for _, data in heard]
    assert numbers == sorted(numbers)


def _listen(client, heard, begun):
    until = time.monotonic() + 60
    with client.http.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                heard.append((name, json.loads(value)))
                begun.set()
                if heard[-1][1].get("state") == "finished":
                    return
            if time.monotonic() > until:
                return


# --- verification -------------------------------------------------------------------------------


def test_anybody_can_check_a_file_and_a_code(company_a, anybody, printed):
    item = printed["items"][0]
    content = company_a.get(item["links"]["file"]).content
    genuine = _verify(anybody, content)
    assert genuine["verdict"] == "authentic"
    assert genuine["signature"]["trusted"] is True
    assert genuine["signature"]["covers_whole_file"] is True
    assert genuine["document"]["sha256"] == item["file"]["sha256"]
    assert item["entry_id"] not in json.dumps(genuine)
    appended = _verify(anybody, content + b"\n% something more\n")
    assert appended["verdict"] == "altered"
    assert appended["answers"]["unchanged"]["result"] == "no"
    strange = _verify(anybody, b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n")
    assert strange["verdict"] == "unrecognised"
    code = item["file"]["verification_code"]
    issued = anybody.get(f"/verifications/{code.lower()}").json()
    assert (issued["verdict"], issued["signature"]) == ("issued", None)
    unknown = anybody.get(f"/verifications/{'0' * 24}")
    assert refused(unknown) == (404, "verification-not-found")
    text = anybody.ask("POST", "/verifications", files={"file": ("a.pdf", b"text")})
    assert refused(text) == (422, "not-a-pdf")


def _verify(client, content):
    answer = client.ask(
        "POST", "/verifications", content=content, headers={"Content-Type": "application/pdf"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_seal_is_trusted_by_its_root_in_a_foreign_reader(sandbox, company_a, printed, tmp_path):
    path = tmp_path / "sealed.pdf"
    path.write_bytes(company_a.get(printed["items"][0]["links"]["file"]).content)
    root = tmp_path / "root.pem"
    root.write_text(sandbox.facts["seal_trust_anchor_pem"])
    database = tmp_path / "nss"
    database.mkdir()
    for words in (
        ("-N", "--empty-password"),
        ("-A", "-n", "root", "-t", "CT,C,C", "-i", str(root)),
    ):
        subprocess.run(
            ["certutil", "-d", f"sql:{database}", *words], check=True, capture_output=True
        )
    said = pdf.run("pdfsig", "-nssdir", f"sql:{database}", path, check=False)
    assert "Signature is Valid" in said
    assert "Certificate is Trusted" in said


# --- the service itself -------------------------------------------------------------------------


def test_all_parts_are_well_and_described(anybody):
    ready = anybody.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok"), ready.text
    assert set(ready.json()["checks"].values()) == {"ok"}
    assert anybody.get("/openapi.json").json()["openapi"].startswith("3.1")
    paths = {field["path"] for field in anybody.get("/data-dictionary").json()["fields"]}
    assert {"entry_id", "goods[].hs_code", "containers[].container_no"} <= paths
