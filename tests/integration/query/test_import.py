"""The import: files, folders, archives, its report and its exit code."""

import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from services.query import importing
from services.query.adapters import files
from tests.core.query.documents import SAMPLES, message

BOMB = b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'


def run(use, *arguments):
    return importing.main([str(word) for word in arguments], use)


def count(use, table="declarations"):
    with use.engine.connect() as connection:
        return connection.scalar(text(f"SELECT count(*) FROM {table}"))


def test_all_samples_come_in_and_a_second_time_change_nothing(use, tmp_path, capsys):
    report = tmp_path / "report.json"
    assert run(use, SAMPLES / "receipts", SAMPLES / "declarations", "--report", report) == 0
    assert "新增 117，更新 0，无变化 0，拒绝 0" in capsys.readouterr().out
    assert (count(use), count(use, "receipts")) == (24, 93)
    said = count(use, "outbox")

    assert run(use, SAMPLES / "declarations", SAMPLES / "receipts", "--report", report) == 0
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["counts"] == {"unchanged": 117}
    assert count(use, "outbox") == said


def test_the_order_of_files_makes_no_difference(use):
    run(use, SAMPLES / "receipts")
    assert count(use) == 0
    run(use, SAMPLES / "declarations")
    with use.engine.connect() as connection:
        cleared = connection.scalar(text("SELECT count(*) FROM declarations WHERE listed"))
    assert cleared == 21  # all but two not closed and one deleted


def test_what_is_refused_is_told_with_its_place_and_the_rest_goes_on(use, tmp_path, capsys):
    (tmp_path / "a.xml").write_bytes(message())
    (tmp_path / "b.xml").write_bytes(message(uscc="91310115YX0000016A"))
    (tmp_path / "c.xml").write_bytes(BOMB)
    (tmp_path / "d.xml").write_bytes(message("222520261000000026", seq_no="", head="<New>1</New>"))
    (tmp_path / "ignored.txt").write_bytes(b"no XML")
    report = tmp_path / "report.json"
    assert run(use, tmp_path, tmp_path / "missing.xml", "--report", report) == 1

    out = capsys.readouterr().out
    assert "uscc-check" in out
    assert "第 7 行" in out
    told = {
        Path(line["source"]).name: line
        for line in json.loads(report.read_text(encoding="utf-8"))["documents"]
    }
    assert set(told) == {"a.xml", "b.xml", "c.xml", "d.xml", "missing.xml"}
    assert told["a.xml"]["outcome"] == "accepted"
    assert (told["b.xml"]["code"], told["b.xml"]["line"]) == ("uscc-check", 7)
    assert told["b.xml"]["element"] == "DecHead/TradeCoScc"
    assert told["c.xml"]["code"] == "xml-doctype"
    assert told["d.xml"]["warnings"] == ["DecHead/New: unknown element"]
    assert told["missing.xml"]["code"] == "unreadable"
    assert count(use) == 2


def test_a_different_message_is_reported_as_an_update(use, tmp_path, capsys):
    path = tmp_path / "a.xml"
    path.write_bytes(message())
    run(use, path)
    path.write_bytes(message(head="<NoteS>更正</NoteS>"))
    assert run(use, path) == 0
    assert "更新 1" in capsys.readouterr().out


def test_an_archive_is_read_like_a_folder(use, tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for sample in SAMPLES.rglob("*.xml"):
            archive.write(sample, sample.relative_to(SAMPLES))
    assert run(use, path) == 0
    assert count(use) == 24


LIMITS = files.ArchiveLimits(document_bytes=1000, total_bytes=5000, members=10)


def archive_of(tmp_path, members):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


def found_in(path):
    return [
        getattr(item, "code", None) or len(item.body) for item in files.documents([path], LIMITS)
    ]


def test_a_bomb_is_never_unpacked(tmp_path):
    path = archive_of(tmp_path, {"bomb.xml": b"0" * 50_000_000, "z.xml": b"<a/>"})
    assert path.stat().st_size < 100_000
    assert found_in(path) == [1001, 4]  # one byte too many, which intake refuses


def test_many_small_bombs_end_at_the_limit_of_the_archive(tmp_path):
    path = archive_of(tmp_path, {f"{n}.xml": b"0" * 900 for n in range(9)})
    assert found_in(path) == [900] * 5 + ["archive-too-large"]


def test_an_archive_with_too_many_members_is_not_read(tmp_path):
    path = archive_of(tmp_path, {f"{n}.xml": b"<a/>" for n in range(11)})
    assert found_in(path) == ["archive-too-large"]


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04 broken", b"no archive at all"])
def test_a_broken_archive_is_told(tmp_path, body):
    path = tmp_path / "a.zip"
    path.write_bytes(body)
    assert found_in(path) == ["archive-broken"]
    assert files.count([path]) <= 1


def test_a_damaged_member_is_told(tmp_path):
    path = archive_of(tmp_path, {"a.xml": message()[:900]})
    whole = bytearray(path.read_bytes())
    whole[60] ^= 0xFF
    path.write_bytes(whole)
    assert found_in(path) == ["archive-broken"]


def test_an_interrupted_import_can_be_run_again(use, tmp_path):
    for number in range(20):
        body = message(f"2225202610000000{number:02d}", seq_no="")
        (tmp_path / f"{number:02d}.xml").write_bytes(body)
    lines = importing.import_documents(
        files.documents([tmp_path], files.ArchiveLimits(10_000, 10_000, 10)), use
    )
    for _ in range(8):
        next(lines)
    lines.close()
    assert count(use) == 14  # two whole batches of seven
    assert run(use, tmp_path) == 0
    assert count(use) == 20
    assert count(use, "outbox") == 20


def test_a_report_that_could_not_be_written_stops_the_import_before_it_begins(use, tmp_path):
    with pytest.raises(SystemExit):
        run(use, SAMPLES, "--report", tmp_path / "nowhere" / "report.json")
    assert count(use) == 0
