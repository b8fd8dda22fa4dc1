"""The register in memory, for the rules; it passes the same suite as the one in PostgreSQL."""

from __future__ import annotations

from services.kernel.contracts.declaration import FORM_KIND_TEXTS, Snapshot
from services.kernel.contracts.query import DeclarationRow, SnapshotAnswer
from services.query.digest import snapshot_digest
from services.query.ports import Forgotten


class MemoryRegister:
    def __init__(self):
        self.current = {}
        self.old = []
        self.kept = {}

    def hold(self, numbers):
        assert all(numbers)

    def add_receipts(self, receipts):
        fresh = {item.fingerprint: item for item in receipts if item.fingerprint not in self.kept}
        self.kept |= fresh
        return set(fresh)

    def entry_ids_of(self, seq_nos):
        own = {key for key, item in self.current.items() if item.data.seq_no in seq_nos}
        return own | {r.entry_id for r in self.kept.values() if r.seq_no in seq_nos and r.entry_id}

    def declarations(self, entry_ids):
        return {key: item for key, item in self.current.items() if key in entry_ids}

    def known_messages(self, entry_ids):
        known = {}
        for item in [*self.current.values(), *self.old]:
            if item.entry_id in entry_ids:
                known.setdefault(item.entry_id, set()).add(item.message_sha256)
        return known

    def receipts(self, seq_nos):
        tied = {entry_id: [] for entry_id in seq_nos}
        owner_of = {seq_no: entry_id for entry_id, seq_no in seq_nos.items() if seq_no}
        for item in self.kept.values():
            if item.entry_id in tied:
                tied[item.entry_id].append(item)
                owner_of[item.seq_no] = item.entry_id
        for item in self.kept.values():
            if item.entry_id is None and item.seq_no in owner_of:
                tied[owner_of[item.seq_no]].append(item)
        return tied

    def keep(self, changes):
        for change in changes:
            self.old.extend(change.superseded)
            self.current[change.after.entry_id] = change.after

    def erase_after_custody(self, today, limit):
        due = [i for i in self.current.values() if i.custody_until and i.custody_until < today]
        gone = [self.current.pop(item.entry_id) for item in due[:limit]]
        names = {item.entry_id for item in gone} | {item.data.seq_no for item in gone}
        self.old = [item for item in self.old if item.entry_id not in names]
        self.kept = {
            key: item
            for key, item in self.kept.items()
            if (item.entry_id or item.seq_no) not in names
        }
        return [Forgotten(item.entry_id, item.version, item.owner or "") for item in gone]

    def rows(self, wanted, place, limit):
        rows = sorted(map(_row, self._matching(wanted)), key=_order, reverse=True)
        if place is None:
            return rows[:limit]
        there = (place.declared_on, place.entry_id)
        if place.backward:
            return [row for row in reversed(rows) if _order(row) > there][:limit]
        return [row for row in rows if _order(row) < there][:limit]

    def found(self, wanted):
        return {item.entry_id for item in self._matching(wanted)}

    def count(self, wanted):
        return len(self._matching(wanted))

    def _matching(self, wanted):
        return [
            item
            for item in self.current.values()
            if item.owner == wanted.uscc
            and item.listed
            and item.custody_until >= wanted.on
            and (not wanted.entry_ids or item.entry_id in wanted.entry_ids)
            and (
                wanted.date_from is None
                or wanted.date_from <= item.standing.declared_on <= wanted.date_to
            )
        ]

    def snapshots(self, uscc, entry_ids, on):
        return [
            SnapshotAnswer(item.entry_id, True, item.outlook, _snapshot(item))
            for item in self.current.values()
            if item.entry_id in entry_ids
            and item.owner == uscc
            and item.standing.state != "withdrawn"
            and (item.custody_until is None or item.custody_until >= on)
        ]

    def digests(self, entry_ids):
        return {
            item.entry_id: _snapshot(item).digest
            for item in self.current.values()
            if item.entry_id in entry_ids
        }

    def versions(self, entry_id):
        items = [*self.old, *self.current.values()]
        return [_snapshot(item) for item in items if item.entry_id == entry_id]


class MemoryWork:
    def __init__(self, register):
        self.register = register
        self.said = []

    def __enter__(self):
        return self

    def __exit__(self, kind, fault, trace):
        return None

    def commit(self):
        return None

    def say(self, payload, subject):
        self.said.append((subject, payload))
        return "id"


def _snapshot(item):
    digest = snapshot_digest(item.data, item.doc_type_code)
    return Snapshot(item.entry_id, item.version, digest, item.doc_type_code, item.data)


def _order(row):
    return (row.declared_on, row.entry_id)


def _row(item):
    data = item.data
    return DeclarationRow(
        entry_id=item.entry_id,
        ie_flag=data.ie_flag,
        form_kind=data.form_kind,
        form_kind_text=FORM_KIND_TEXTS[data.form_kind],
        customs_code=data.customs_code or "",
        customs_name=data.customs_name or "",
        declared_on=item.standing.declared_on,
        cleared_on=item.standing.cleared_on,
        trade_uscc=item.owner,
        trade_name=data.trade_name or "",
        supervision_mode_code=data.supervision_mode_code or "",
        supervision_mode_name=data.supervision_mode_name or "",
        goods_count=len(data.goods),
        first_goods_name=(data.goods[0].name or "") if data.goods else "",
        custody_class=item.custody_class,
        custody_until=item.custody_until,
        print_outlook=item.outlook,
    )
