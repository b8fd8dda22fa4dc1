"""`import`: documents from files into the register, with a report of each."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from services.query.adapters import files
from services.query.domain import Message, Receipt
from services.query.intake import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.query.bootstrap import QueryUseCases
    from services.query.domain import Document

CHANNEL = "import"
_PROGRESS_S = 2.0  # often enough to be believed, seldom enough for a log file
_SHOWN = 20  # refusals told at the terminal; the report has all


@dataclass(frozen=True)
class Line:
    """What became of one document; `outcome`: accepted, updated, unchanged, refused."""

    source: str
    outcome: str
    kind: str | None = None
    entry_id: str | None = None
    code: str | None = None
    detail: str | None = None
    line: int | None = None
    element: str | None = None
    warnings: list[str] = field(default_factory=list)


def main(arguments: Sequence[str], use: QueryUseCases) -> int:
    """Run the command; 0, or 1 when a document was refused."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.report is not None and not options.report.absolute().parent.is_dir():
        parser.error(f"there is no folder for {options.report}")
    limits = files.ArchiveLimits(
        document_bytes=use.settings.document_limit_bytes,
        total_bytes=use.settings.archive_limit_bytes,
        members=use.settings.archive_limit_members,
    )
    total = files.count(options.paths)
    began = time.monotonic()
    progress = _Progress(total)
    lines = []
    for line in import_documents(files.documents(options.paths, limits), use):
        lines.append(line)
        progress.step()
    _tell(lines, time.monotonic() - began)
    if options.report is not None:
        _write(options.report, lines)
    return 1 if any(line.outcome == "refused" for line in lines) else 0


def import_documents(
    found: Iterable[files.Found | files.Unreadable], use: QueryUseCases
) -> Iterator[Line]:
    """Take the documents in batches, each in one transaction; yields what became of each.

    A batch is in the register wholly or not at all; importing again after an interruption
    changes nothing that is there already.
    """
    batch: list[tuple[str, Document]] = []
    for item in found:
        document = _read(item, use)
        if isinstance(document, Line):
            yield document
            continue
        batch.append((item.source, document))
        if len(batch) >= use.settings.import_batch:
            yield from _take(batch, use)
            batch = []
    if batch:
        yield from _take(batch, use)


def _read(item: files.Found | files.Unreadable, use: QueryUseCases) -> Document | Line:
    if isinstance(item, files.Unreadable):
        return Line(item.source, "refused", code=item.code, detail=item.sentence)
    try:
        return use.read(item.body)
    except Refused as refused:
        return Line(
            item.source,
            "refused",
            code=refused.code,
            detail=refused.sentence,
            line=refused.line,
            element=refused.element,
        )


def _take(batch: list[tuple[str, Document]], use: QueryUseCases) -> Iterator[Line]:
    outcomes = use.take([document for _, document in batch], CHANNEL)
    for (source, document), outcome in zip(batch, outcomes, strict=True):
        yield Line(
            source,
            outcome,
            kind=type(document).__name__.lower(),
            entry_id=document.entry_id if isinstance(document, Message | Receipt) else None,
            warnings=list(document.warnings),
        )


class _Progress:
    """Tells now and then how far it is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._told_at = time.monotonic()

    def step(self) -> None:
        self._done += 1
        if time.monotonic() - self._told_at >= _PROGRESS_S:
            self._told_at = time.monotonic()
            sys.stderr.write(f"已处理 {self._done}/{self._total}\n")
            sys.stderr.flush()


def _tell(lines: list[Line], took_s: float) -> None:
    counts = Counter(line.outcome for line in lines)
    sys.stdout.write(
        f"共 {len(lines)} 个文件，用时 {took_s:.1f} 秒：新增 {counts['accepted']}，"
        f"更新 {counts['updated']}，无变化 {counts['unchanged']}，拒绝 {counts['refused']}\n"
    )
    refused = [line for line in lines if line.outcome == "refused"]
    for line in refused[:_SHOWN]:
        place = f"（第 {line.line} 行 {line.element or ''}）" if line.line else ""
        sys.stdout.write(f"拒绝 {line.source}{place}：{line.code} {line.detail}\n")
    if len(refused) > _SHOWN:
        sys.stdout.write(f"……另有 {len(refused) - _SHOWN} 个，详见报告\n")


def _write(path: Path, lines: list[Line]) -> None:
    report = {
        "counts": dict(Counter(line.outcome for line in lines)),
        "documents": [asdict(line) for line in lines],
    }
    whole = path.with_name(path.name + ".part")
    whole.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    whole.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.query import",
        description="Import DecMessage declarations and customs receipts.",
    )
    parser.add_argument("paths", nargs="+", type=Path, help="XML files, folders, ZIP archives")
    parser.add_argument("--report", type=Path, help="write what became of each document as JSON")
    return parser
