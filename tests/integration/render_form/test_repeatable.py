"""The same job gives the same bytes, in any process."""

import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.forms import CODE, FONT_DIR, ORDERED_AT, job, sample_numbers, snapshot

DRAW = """
import hashlib, pickle, sys
from pathlib import Path
from services.render.products.declaration_form import FormPrinter
font_dir, material, jobs = pickle.load(sys.stdin.buffer)
printer = FormPrinter(font_dir, material)
for job in jobs:
    print(hashlib.sha256(printer.draw(job).content).hexdigest())
"""


def drawn_elsewhere(material, jobs, seed):
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        input=pickle.dumps((FONT_DIR, material, jobs)),
        capture_output=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
    )
    return done.stdout.decode().split()


def test_two_processes_draw_the_same_bytes(any_seal):
    jobs = [job(snapshot(n), seal) for n in sample_numbers() for seal in ("none", "sealed")]

    one = drawn_elsewhere(any_seal.material, jobs, "1")
    other = drawn_elsewhere(any_seal.material, jobs[::-1], "2")

    assert len(set(one)) == len(jobs)
    assert one == other[::-1]


@pytest.mark.parametrize(
    "fields",
    [
        {"ordered_at": ORDERED_AT + timedelta(seconds=1)},
        {"verification_code": CODE[::-1]},
        {"demo": False},
        {"check_url": "https://danzheng.example/v"},
    ],
)
def test_another_job_gives_another_file(printer, fields):
    one = job(snapshot("01"))

    def digest(order):
        return hashlib.sha256(printer.draw(order).content).hexdigest()

    assert digest(one) == digest(replace(one))
    assert digest(one) != digest(replace(one, **fields))
