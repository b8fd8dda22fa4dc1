"""Apply's transaction in memory: honest enough to pass the same cases as PostgreSQL."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date

from services.apply.domain.company import Company
from services.apply.domain.views import Queue
from services.apply.ports import Intake
from services.kernel.calendar import day_bounds, local_day
from services.kernel.contracts.apply import DocumentRecord, Replay
from services.kernel.errors import TryLater
from services.kernel.ids import uuid7


@dataclass
class State:
    """Everything that lasts."""

    applications: dict = field(default_factory=dict)
    items: dict = field(default_factory=dict)
    snapshots: dict = field(default_factory=dict)
    evidence: dict = field(default_factory=dict)
    companies: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    feed: list = field(default_factory=list)
    operations: list = field(default_factory=list)
    bundles: dict = field(default_factory=dict)
    tickets: dict = field(default_factory=dict)
    outbox: list = field(default_factory=list)
    inbox: set = field(default_factory=set)
    running: int = 0


class MemoryStore:
    """The database: what was committed, and which keys are being worked on."""

    def __init__(self, clock):
        self.clock = clock
        self.state = State()
        self.oldest_unsent = None
        self.locked_keys = set()

    def work(self):
        return MemoryWork(self)


class MemoryWork:
    """One transaction on a copy."""

    def __init__(self, store):
        self.store = store

    def __enter__(self):
        self.state = copy.deepcopy(self.store.state)
        self.applications = MemoryApplications(self)
        self.companies = MemoryCompanies(self.state)
        self.answers = MemoryAnswers(self.state, self.store)
        self.feed = MemoryFeed(self.state)
        self.operations = MemoryOperations(self.state)
        self.bundles = MemoryBundles(self.state)
        return self

    def __exit__(self, *fault):
        self.state = None

    def commit(self):
        self.store.state = copy.deepcopy(self.state)

    def say(self, payload, subject):
        return self.say_all([(payload, subject)])[0]

    def say_all(self, messages):
        said = [(uuid7(), payload, subject) for payload, subject in messages]
        self.state.outbox += said
        return [id_ for id_, _, _ in said]

    def first_sight(self, message_id):
        new = message_id not in self.state.inbox
        self.state.inbox.add(message_id)
        return new


def _windowed(rows, key, window):
    rows = sorted(rows, key=key, reverse=not window.backward)
    if window.beyond:
        rows = [
            row
            for row in rows
            if (key(row) > window.beyond if window.backward else key(row) < window.beyond)
        ]
    return rows[: window.size + 1]


class MemoryApplications:
    def __init__(self, work):
        self.work = work
        self.state = work.state

    def intake(self, payload_sha256):
        used_by = next(
            (
                no
                for no, kept in self.state.evidence.items()
                if kept.payload_sha256 == payload_sha256
            ),
            None,
        )
        return Intake(self.work.store.clock.now(), used_by, self.work.store.oldest_unsent)

    def next_running(self, kind):
        self.work.store.state.running += 1  # a sequence does not go back
        self.state.running = self.work.store.state.running
        return self.state.running

    def keep_evidence(self, application_no, proof):
        used_by = self.intake(proof.payload_sha256).signature_used_by
        if used_by is None:
            self.state.evidence[application_no] = proof
        return used_by

    def evidence(self, application_no):
        return self.state.evidence.get(application_no)

    def add(self, application, items):
        self.state.applications[application.application_no] = application
        for item in items:
            self.state.items[item.application_no, item.entry_id] = item

    def get(self, uscc, application_no):
        found = self.state.applications.get(application_no)
        return found if found and found.uscc == uscc else None

    def lock(self, application_no):
        return self.state.applications.get(application_no)

    def lock_item(self, application_no, entry_id):
        item = self.state.items.get((application_no, entry_id))
        return (self.state.applications[application_no], item) if item else None

    def items(self, application_no):
        found = [i for i in self.state.items.values() if i.application_no == application_no]
        return sorted(found, key=lambda item: -item.rank)

    def item(self, uscc, application_no, entry_id):
        return next(iter(self.named_items(uscc, [(application_no, entry_id)])), None)

    def named_items(self, uscc, pairs):
        found = [self.state.items[pair] for pair in pairs if pair in self.state.items]
        return [item for item in found if item.uscc == uscc and item.kind == "print"]

    def save(self, application):
        known = self.state.applications[application.application_no]
        if known.version != application.version:
            raise TryLater
        changed = replace(application, version=known.version + 1)
        assert min(changed.ready, changed.making, changed.failed) >= 0
        self.state.applications[application.application_no] = changed

    def save_items(self, items):
        for item in items:
            key = item.application_no, item.entry_id
            if self.state.items[key].version != item.version:
                raise TryLater
            self.state.items[key] = replace(item, version=item.version + 1)

    def _drawing(self):
        return [
            item
            for item in sorted(
                self.state.items.values(),
                key=lambda item: (item.accepted_at, item.application_no, -item.rank),
            )
            if item.kind == "print" and item.status == "making"
        ]

    def _exporting(self):
        return [a for a in self.state.applications.values() if a.kind == "export" and a.making]

    def claim_waiting(self, uscc, count):
        waiting = [i for i in self._drawing() if i.uscc == uscc and i.handed_at is None]
        return waiting[:count]

    def late_items(self, now, count):
        late = [i for i in self._drawing() if i.remind_at and i.remind_at <= now < i.give_up_at]
        return late[:count]

    def late_exports(self, now, count):
        return [a for a in self._exporting() if a.remind_at and a.remind_at <= now < a.give_up_at]

    def overdue(self, now, count):
        prints = {i.application_no for i in self._drawing() if i.give_up_at <= now}
        return [*prints, *(a.application_no for a in self._exporting() if a.give_up_at <= now)]

    def starved(self, in_work_below, count):
        companies = self.state.companies.values()
        return [c.uscc for c in companies if c.waiting and c.in_work < in_work_below]

    def freeze(self, application_no, frozen):
        for entry_id, snapshot in frozen.items():
            self.state.snapshots[application_no, entry_id] = snapshot

    def snapshots(self, pairs):
        return {p: self.state.snapshots[p] for p in pairs if p in self.state.snapshots}

    def thaw(self, application_no, entry_id=None):
        for key in list(self.state.snapshots):
            if key[0] == application_no and entry_id in {None, key[1]}:
                del self.state.snapshots[key]

    def erase_declaration(self, entry_id):
        for number, name in list(self.state.snapshots):
            if name == entry_id and not self.state.applications[number].making:
                del self.state.snapshots[number, name]

    def mark_withdrawn(self, entry_id, at):
        for key, item in self.state.items.items():
            if item.entry_id == entry_id and item.kind == "print" and not item.withdrawn_at:
                self.state.items[key] = replace(item, withdrawn_at=at, version=item.version + 1)

    def page(self, uscc, search, window, now):
        rows = self._found(uscc, search, now)
        return _windowed(rows, lambda a: (a.accepted_at, a.application_no), window)

    def _found(self, uscc, search, now):
        return [
            a
            for a in self.state.applications.values()
            if a.uscc == uscc
            and a.kind == search.kind
            and search.application_no in {None, a.application_no}
            and search.seal in {None, a.seal}
            and _on_days(a.accepted_at, search)
            and self._fits(a, search, now)
        ]

    def _fits(self, application, search, now):
        items = self.items(application.application_no)
        if search.kind == "print":
            return any(_item_fits(item, search, now) for item in items)
        return (
            (search.statuses is None or application.status in search.statuses)
            and search.expired in {None, application.expired(now)}
            and (search.entry_ids is None or any(i.entry_id in search.entry_ids for i in items))
        )

    def fitting_items(self, numbers, search, now):
        found = defaultdict(list)
        for number in numbers:
            for item in self.items(number):
                if search.kind == "export" or _item_fits(item, search, now):
                    found[number].append(item)
        return found

    def count(self, uscc, search, now):
        return len(self._found(uscc, search, now))

    def _rows(self, uscc, search, now):
        return [
            item
            for item in self.state.items.values()
            if item.uscc == uscc
            and item.kind == "print"
            and search.application_no in {None, item.application_no}
            and search.seal in {None, item.seal}
            and _on_days(item.accepted_at, search)
            and _item_fits(item, search, now)
        ]

    def item_page(self, uscc, search, window, now):
        rows = self._rows(uscc, search, now)
        return _windowed(rows, lambda i: (i.accepted_at, i.application_no, i.rank), window)

    def item_count(self, uscc, search, now):
        return len(self._rows(uscc, search, now))

    def queue(self, accepted_at, now):
        made = [i for i in self.state.items.values() if i.made_at]
        speed = sum((now - item.made_at).total_seconds() < 60 for item in made) / 60
        return Queue(sum(item.accepted_at < accepted_at for item in self._drawing()), speed)

    def oldest_making(self):
        making = [item.accepted_at for item in self.state.items.values() if item.status == "making"]
        return min(making, default=None)

    def document(self, *, code=None, sha256=None):
        found = [
            item
            for item in self.state.items.values()
            if item.made_at and (item.verification_code == code if code else item.sha256 == sha256)
        ]
        if not found:
            return None
        item = min(found, key=lambda item: item.made_at)
        return DocumentRecord(
            item.verification_code,
            item.entry_id,
            self.state.applications[item.application_no].company_name,
            item.form_kind,
            item.seal,
            item.made_at,
            item.pages,
            item.sha256,
            item.snapshot_digest,
            item.uscc,
            item.withdrawn_at is not None,
        )

    def sweep(self, now):
        return 0


def _on_days(moment, search):
    if search.date_from is None:
        return True
    begin, end = day_bounds(
        date.fromisoformat(search.date_from), date.fromisoformat(search.date_to)
    )
    return begin <= moment < end


def _item_fits(item, search, now):
    return (
        (search.statuses is None or item.status in search.statuses)
        and (search.entry_ids is None or item.entry_id in search.entry_ids)
        and search.expired in {None, item.expired(now)}
    )


class MemoryCompanies:
    def __init__(self, state):
        self.state = state

    def get(self, uscc):
        return self.state.companies.get(uscc, Company(uscc))

    def lock(self, uscc):
        return self.state.companies.setdefault(uscc, Company(uscc))

    def move(self, uscc, *, entries=0, unfinished=0, in_work=0, waiting=0):
        old = self.state.companies[uscc]
        new = replace(
            old,
            feed_seq=old.feed_seq + entries,
            unfinished=old.unfinished + unfinished,
            in_work=old.in_work + in_work,
            waiting=old.waiting + waiting,
        )
        assert min(new.unfinished, new.in_work, new.waiting) >= 0
        self.state.companies[uscc] = new
        return new

    def count_day(self, uscc, items, now):
        old, day = self.state.companies[uscc], local_day(now)
        self.state.companies[uscc] = replace(old, day=day, day_items=old.accepted_on(day) + items)


class MemoryAnswers:
    def __init__(self, state, store):
        self.state = state
        self.store = store

    def find(self, request, since):
        key = request.uscc, request.path, request.key
        if key in self.store.locked_keys:
            return Replay("running")
        known = self.state.answers.get(key)
        if known is None or known[2] <= since:
            return Replay("new")
        return Replay("done", known[1]) if known[0] == request.content_sha256 else Replay("reused")

    claim = find

    def keep(self, request, answer, now):
        key = request.uscc, request.path, request.key
        self.state.answers[key] = (request.content_sha256, answer, now)


class MemoryFeed:
    def __init__(self, state):
        self.state = state

    def add(self, uscc, entries, now):
        self.state.feed += [(uscc, entry) for entry in entries]

    def after(self, uscc, seq, application_nos, limit):
        found = [
            entry
            for owner, entry in self.state.feed
            if owner == uscc
            and entry.seq > seq
            and (not application_nos or entry.application_no in application_nos)
        ]
        return found[:limit]

    def first_kept(self, uscc):
        return min((entry.seq for owner, entry in self.state.feed if owner == uscc), default=None)


class MemoryOperations:
    def __init__(self, state):
        self.state = state

    def add(self, records):
        views = []
        for record in records:
            key = record.application_no, record.entry_id
            seq = 1 + sum(1 for other, _ in self.state.operations if other == key)
            views.append(replace(record.view, seq=seq))
            self.state.operations.append((key, views[-1]))
        return views

    def page(self, application_no, entry_id, window):
        rows = [view for key, view in self.state.operations if key == (application_no, entry_id)]
        flipped = replace(window, backward=not window.backward)
        return _windowed(rows, lambda view: (view.seq,), flipped)

    def printed_since(self, application_no, entry_id, session_id, since):
        return any(
            key == (application_no, entry_id)
            and view.action == "print"
            and view.actor.session_id == session_id
            and view.at >= since
            for key, view in self.state.operations
        )


class MemoryBundles:
    def __init__(self, state):
        self.state = state

    def _own(self, uscc):
        return [b for b in self.state.bundles.values() if b.uscc == uscc and not b.dropped_at]

    def _open(self):
        live = self.state.bundles.values()
        return [b for b in live if b.state in {"queued", "building"} and not b.dropped_at]

    def add(self, bundle):
        self.state.bundles[bundle.bundle_id] = bundle

    def get(self, uscc, bundle_id):
        return next((b for b in self._own(uscc) if b.bundle_id == bundle_id), None)

    def lock(self, bundle_id):
        return self.state.bundles.get(bundle_id)

    def save(self, bundle):
        known = self.state.bundles[bundle.bundle_id]
        if known.version != bundle.version:
            raise TryLater
        self.state.bundles[bundle.bundle_id] = replace(bundle, version=bundle.version + 1)

    def open_counts(self, uscc):
        states = [bundle.state for bundle in self._own(uscc)]
        return states.count("building"), states.count("queued")

    def claim_queued(self, uscc, count):
        queued = [bundle for bundle in self._own(uscc) if bundle.state == "queued"]
        return sorted(queued, key=lambda b: (b.created_at, b.bundle_id))[:count]

    def late(self, now, count):
        return [b for b in self._open() if b.remind_at and b.remind_at <= now < b.give_up_at]

    def overdue(self, now, count):
        return [b.bundle_id for b in self._open() if b.give_up_at <= now]

    def page(self, uscc, window):
        return _windowed(self._own(uscc), lambda b: (b.created_at, b.bundle_id), window)

    def count(self, uscc):
        return len(self._own(uscc))

    def add_ticket(self, ticket):
        self.state.tickets[ticket.ticket_sha256] = ticket

    def ticket(self, ticket_sha256):
        return self.state.tickets.get(ticket_sha256)

    def spend(self, ticket_sha256, now):
        row = self.state.tickets[ticket_sha256]
        self.state.tickets[ticket_sha256] = replace(row, spent_at=row.spent_at or now)
        return row.spent_at is None
