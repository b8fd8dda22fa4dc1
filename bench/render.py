"""How fast forms are drawn and sealed, against plain reportlab and pyHanko, in one run.

    make bench SUITE=render          three rounds; ROUNDS=5 SECONDS=4 for quieter figures

Every engine runs in a fresh process bound to one core, in rounds of rotating order. Documents a
second are counted by CPU time of that process, so a busy machine disturbs less; ratios are taken
within a round. Before timing, each engine's document passes `qpdf --check`, has the page count of
the form and the text of the base; sealed ones are validated.
"""

from __future__ import annotations

import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.record import keep  # noqa: E402
from services.render.products.declaration_form import FormJob, FormPrinter  # noqa: E402
from tests.support import pdf  # noqa: E402
from tests.support.forms import FONT_DIR, ORDERED_AT, snapshot  # noqa: E402
from tests.support.plain_engine import PlainPrinter  # noqa: E402
from tests.support.seals import make_seal  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.kernel.contracts.declaration import Snapshot

    Draw = Callable[[Snapshot], bytes]

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = float(os.environ.get("SECONDS", "3"))
CODE = "7K3M9QW2XR5T8V1B4N6P0D2H"
ONE_PAGE, FIFTY = "1 page", "50 items"
# name -> (what is drawn, the row it is held against)
ROWS = {
    "plain reportlab, 1 page": (ONE_PAGE, None),
    "ours, 1 page": (ONE_PAGE, "plain reportlab, 1 page"),
    "plain reportlab + pyHanko RSA, 1 page": (ONE_PAGE, None),
    "ours sealed RSA, 1 page": (ONE_PAGE, "plain reportlab + pyHanko RSA, 1 page"),
    "ours sealed P-256, 1 page": (ONE_PAGE, "plain reportlab + pyHanko RSA, 1 page"),
    "plain reportlab, 50 items": (FIFTY, None),
    "ours, 50 items": (FIFTY, "plain reportlab, 50 items"),
    "ours sealed RSA, 50 items": (FIFTY, None),
}


def common_characters() -> list[str]:
    """The 3755 characters of GB2312 level 1."""
    cells = [(row, cell) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)]
    codes = [bytes(cell) for cell in cells][: 39 * 94 + 89]
    return [code.decode("gb2312") for code in codes]


def corpus(kind: str) -> list[Snapshot]:
    """Declarations with their own names each, the same in every process."""
    chance = random.Random(f"danzheng {kind}")
    letters = common_characters()
    sample, count = (snapshot("02"), 200) if kind == ONE_PAGE else (snapshot("06"), 40)
    return [renamed(sample, number, chance, letters) for number in range(count)]


def renamed(sample: Snapshot, number: int, chance: random.Random, letters: list[str]) -> Snapshot:
    def name(length: int) -> str:
        return "".join(chance.choices(letters, k=length))

    goods = [
        replace(line, name=name(6), specification=f"4|3|用途:{name(6)}|品牌:{name(4)}|型号:S-1")
        for line in sample.data.goods
    ]
    company = name(14) + "有限公司"
    entry_id = f"2248202509999{number:05d}"
    data = replace(
        sample.data, entry_id=entry_id, trade_name=company, owner_name=company, goods=goods
    )
    return replace(sample, entry_id=entry_id, data=data)


def order(sample: Snapshot, *, sealed: bool = False) -> FormJob:
    return FormJob(sample, "sealed" if sealed else "none", ORDERED_AT, CODE, False, None)


def drawer(row: str) -> Draw:
    """What makes one document of a row from a snapshot."""
    if row.startswith("ours sealed"):
        kind = "rsa" if "RSA" in row else "p256"
        printer = FormPrinter(FONT_DIR, make_seal(kind).material)
        return lambda sample: printer.draw(order(sample, sealed=True)).content
    if row.startswith("ours"):
        printer = FormPrinter(FONT_DIR, None)
        return lambda sample: printer.draw(order(sample)).content
    plain = PlainPrinter(FONT_DIR)
    if "pyHanko" not in row:
        return lambda sample: plain.draw_unsigned(order(sample))
    return pyhanko_drawer(plain)


def pyhanko_drawer(plain: PlainPrinter) -> Draw:
    """The usual way: draw, then sign with pyHanko in a second revision; its key is loaded once."""
    seal = make_seal("rsa").material
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in ("key", "certificate", "chain")}
        for name, path in paths.items():
            path.write_bytes(getattr(seal, name))
        signer = signers.SimpleSigner.load(
            str(paths["key"]), str(paths["certificate"]), ca_chain_files=[str(paths["chain"])]
        )
    metadata = signers.PdfSignatureMetadata(
        field_name="Seal", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
    )

    def draw(sample: Snapshot) -> bytes:
        drawn = plain.draw_unsigned(order(sample, sealed=True))
        writer = IncrementalPdfFileWriter(io.BytesIO(drawn))
        return signers.sign_pdf(writer, metadata, signer=signer).getvalue()

    return draw


def measure(row: str) -> dict[str, float]:
    """One engine in this process: warm up, then draw for a while."""
    kind, _ = ROWS[row]
    draw, samples = drawer(row), corpus(kind)
    for sample in samples[:10]:
        draw(sample)
    times, cpu, began = [], time.process_time(), time.perf_counter()
    size = 0
    while time.perf_counter() - began < SECONDS:
        start = time.perf_counter()
        size = len(draw(samples[len(times) % len(samples)]))
        times.append(time.perf_counter() - start)
    cpu_s = time.process_time() - cpu
    times.sort()
    return {
        "per_cpu_second": len(times) / cpu_s,
        "p50_ms": times[len(times) // 2] * 1e3,
        "p95_ms": times[int(len(times) * 0.95)] * 1e3,
        "bytes": size,
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    """The most memory this program had resident (getrusage would tell the parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def check(row: str) -> None:
    """A row that does not draw the form is not timed."""
    kind, _ = ROWS[row]
    sample = corpus(kind)[0]
    with tempfile.TemporaryDirectory() as folder:
        path, base = Path(folder) / "row.pdf", Path(folder) / "base.pdf"
        path.write_bytes(drawer(row)(sample))
        sealed = "sealed" in row or "pyHanko" in row
        base.write_bytes(PlainPrinter(FONT_DIR).draw_unsigned(order(sample, sealed=sealed)))
        assert pdf.is_sound(path), row
        assert pdf.text_of(path).split() == pdf.text_of(base).split(), row
        if sealed:
            assert "Signature is Valid" in pdf.run("pdfsig", path), row


def in_own_process(row: str, core: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, row],
        capture_output=True,
        check=True,
        env=os.environ | {"BENCH_CORE": str(core)},
    )
    return json.loads(done.stdout)


def summary(rounds: list[dict[str, dict[str, float]]]) -> list[dict[str, object]]:
    rows = []
    for row, (_, against) in ROWS.items():
        figures = {
            name: statistics.median(one[row][name] for one in rounds) for name in rounds[0][row]
        }
        ratios = [
            one[row]["per_cpu_second"] / one[against]["per_cpu_second"] for one in rounds if against
        ]
        rows.append({"row": row, **figures, "against": against, "ratios": sorted(ratios)})
    return rows


def table(rows: list[dict]) -> str:
    lines = [
        "| row | documents/CPU s | × (lowest–highest) | p50 ms | p95 ms | KB | peak MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ratios = row["ratios"]
        ratio = (
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})" if ratios else ""
        )
        lines.append(
            f"| {row['row']} | {row['per_cpu_second']:.0f} | {ratio} | {row['p50_ms']:.2f} |"
            f" {row['p95_ms']:.2f} | {row['bytes'] / 1000:.1f} | {row['peak_mib']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    for row in ROWS:
        check(row)
    names, rounds = list(ROWS), []
    core = max(os.sched_getaffinity(0))
    for number in range(ROUNDS):
        turned = names[number % len(names) :] + names[: number % len(names)]
        rounds.append({row: in_own_process(row, core) for row in turned})
    rows = summary(rounds)
    facts = {"at": datetime.now(UTC).isoformat(), "python": sys.version, "rounds": ROUNDS}
    keep("render", facts | {"rows": rows})
    print(table(rows))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.sched_setaffinity(0, {int(os.environ["BENCH_CORE"])})
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
