"""Children do one job each, are ended when they hang, and are replaced when they die."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.kernel.children import ChildFault, ChildLost, Children, Limits
from services.kernel.errors import PermanentFailure, Unavailable


def make(spec):
    if spec == "unfit":
        raise RuntimeError("no fonts")
    held = []

    def do(job):
        if job == "sleep":
            time.sleep(600)
        if job == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if job == "raise":
            raise ValueError("not this one")
        if job == "permanent":
            raise PermanentFailure("source-missing", "no goods")
        if job == "grow":
            held.append(b"x" * 80_000_000)
        if job == "burst":
            held.append(b"x" * 3_000_000_000)
        if isinstance(job, float):
            time.sleep(job)
        return (spec, job, os.getpid())

    return do


@pytest.fixture
def raised():
    made = []

    def factory(count=1, **limits):
        causes = []
        children = Children(make, "spec", count, limits=Limits(**limits), on_replaced=causes.append)
        children.start()
        made.append(children)
        return children, causes

    yield factory
    for children in made:
        children.stop()


def test_a_job_is_done_in_another_process(raised):
    children, _ = raised()
    spec, job, pid = children.run("hello")
    assert (spec, job) == ("spec", "hello")
    assert pid in children.pids()
    assert pid != os.getpid()


def test_jobs_run_side_by_side_one_a_child(raised):
    children, _ = raised(2)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(children.run, [0.2] * 4))
    assert len({pid for _, _, pid in answers}) == 2
    assert children.busy == 0


def test_what_a_job_raises_is_raised_here(raised):
    children, causes = raised()
    with pytest.raises(ChildFault, match="not this one"):
        children.run("raise")
    with pytest.raises(PermanentFailure, match="no goods") as fault:
        children.run("permanent")
    assert fault.value.reason == "source-missing"
    assert causes == []


def test_a_child_that_dies_takes_only_its_job_and_is_replaced(raised):
    children, causes = raised(2)
    before = children.pids()
    slow = ThreadPoolExecutor(1).submit(children.run, 1.0)
    with pytest.raises(ChildLost) as lost:
        children.run("die")
    assert lost.value.cause == "died"
    assert slow.result(5)[1] == 1.0
    assert children.run("next")[1] == "next"
    _until(lambda: children.alive == 2)
    assert len(set(before) & set(children.pids())) == 1
    assert causes == ["died"]


def test_a_child_that_dies_while_idle_costs_no_job(raised):
    children, causes = raised()
    os.kill(children.pids()[0], signal.SIGKILL)
    _until(lambda: children.alive == 0)
    assert children.run("after")[1] == "after"
    assert causes == ["died"]


def test_a_child_that_hangs_is_ended_at_the_deadline(raised):
    children, causes = raised(deadline_s=0.5)
    pid = children.pids()[0]
    begun = time.monotonic()
    with pytest.raises(ChildLost) as lost:
        children.run("sleep")
    assert lost.value.cause == "deadline"
    assert time.monotonic() - begun < 3
    _until(lambda: children.alive == 1 and children.pids() != [pid])
    assert causes == ["deadline"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_is_recycled_after_its_jobs(raised):
    children, causes = raised(jobs=2)
    pids = [children.run("a")[2] for _ in range(5)]
    assert len(set(pids)) == 3
    assert causes == ["jobs", "jobs"]


def test_a_child_is_recycled_at_the_memory_ceiling(raised):
    children, causes = raised(memory_bytes=100_000_000)
    children.run("grow")
    children.run("next")
    assert causes == ["memory"]


def test_growth_without_end_fails_the_job_alone(raised):
    children, _ = raised()
    with pytest.raises(ChildFault, match="MemoryError"):
        children.run("burst")
    assert children.run("next")[1] == "next"


def test_an_unfit_child_stops_the_start():
    children = Children(make, "unfit", 2)
    with pytest.raises(ChildFault, match="no fonts"):
        children.start()
    children.stop()
    assert children.alive == 0


def test_when_no_child_is_free_the_caller_is_told(raised):
    children, _ = raised(deadline_s=1.0)
    busy = threading.Thread(target=lambda: children.run(0.9))
    busy.start()
    _until(lambda: children.busy == 1)
    started = time.monotonic()
    second = ThreadPoolExecutor(1).submit(children.run, 0.9)
    assert second.result(5)
    busy.join()
    assert time.monotonic() - started < 4
    children.stop()
    with pytest.raises(Unavailable):
        children.run("late")


def test_stopping_ends_every_child(raised):
    children, _ = raised(2)
    pids = children.pids()
    children.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_children_do_not_listen_to_signals_of_the_group(raised):
    children, _ = raised()
    os.kill(children.pids()[0], signal.SIGTERM)
    os.kill(children.pids()[0], signal.SIGINT)
    assert children.run("still")[1] == "still"


def _until(condition, limit_s: float = 10.0) -> None:
    ends_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.02)
