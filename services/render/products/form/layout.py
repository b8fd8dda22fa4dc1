"""Sheets of a form: constant backgrounds, compiled once, and the values of one document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.render.engine import (
    Background,
    Frame,
    Modules,
    Rule,
    Sheet,
    Stamp,
    StampLine,
    Text,
)
from services.render.products.form import codes, words
from services.render.products.form.fitting import SMALLEST, Measure, fit, fit_lines
from services.render.products.form.geometry import (
    ITEMS_FIRST_PAGE,
    ITEMS_NEXT_PAGE,
    Cell,
    Column,
    Geometry,
    pages,
)

if TYPE_CHECKING:
    from services.kernel.contracts.declaration import FormKind
    from services.render.products.form.content import FormContent, GoodsLine

LABEL, VALUE, MARK, TITLE, SMALL = 7.5, 9.0, 12.0, 18.0, 6.5  # type sizes of the real print
ASCENT = 0.86  # a text's top, as measured, is so many sizes above its baseline (SimSun: 220/256)
_INNER, _OUTER, _HAIR = 0.5, 0.8, 0.4  # widths of rules; the real print's were not measured
_PAD = 1.5  # between a box's left rule and its text: 23.9 of 24 characters at full size
_LABEL_DROP = 0.8  # a label's top under the upper rule of its box; measured 0.5 to 2
_VALUE_DROP = 11.3  # a value's top under its label's
_FIRST_LINE = 8.4  # box 6: the baseline its label shares with a value, under the upper rule
_LINE_STEP = 10.4  # between lines of the remarks row: three lines in 45 points
_CLEARANCE = 0.5  # between a dotted rule and the texts on both sides of it
_HEADER_DROP = 3.0  # centres a label of 7.5 in the goods header of 13.5
_CODE_TEXT = 6.0  # digits under the bars
_BARS_HEIGHT = 16.6  # from their top to the digits, above the line of numbers
_MARGIN_DROP = 4.0  # the lines under the frame
_NOTE_SHARE = 0.4  # of the frame's width, so that the note in the middle stays free
_FILING_SHIFT_MM = 15.7  # goods columns of a filing list stand so much further right (sample)
_LEFTS = (335.0, 416.0, 500.0, 569.0, 646.0, 761.0)  # G.4 to G.9: where a value may begin
_GAP = 4.0  # least distance of a value from the one before it
_STAMP_RGB = (0.07, 0.25, 0.62)  # blue: never the red of a genuine seal
_STAMP_SIZE = (130.0, 36.0)
_STAMP_RIGHT, _STAMP_TOP = 8.0, 16.4  # from the frame's right and from F.7's upper rule


def baseline(top: float, size: float) -> float:
    """Where a text stands whose measured top is given."""
    return top + ASCENT * size


@dataclass(frozen=True)
class Layout:
    """One form kind, compiled for one set of fonts."""

    words: words.Words
    geometry: Geometry
    measure: Measure
    cells: dict[str, Cell]
    columns: dict[str, Column]
    first: Background
    further: Background

    def sheets(self, content: FormContent, notes: MarginNotes) -> list[Sheet]:
        """The pages of one document."""
        count = pages(len(content.goods))
        header_codes = self._header_codes(content.entry_id)
        return [
            Sheet(
                self.further if page else self.first,
                [
                    *self._header(content, page + 1, count),
                    *(self._goods_page(content.goods, page)),
                    *(self._head(content) if not page else ()),
                    *self._margin(notes, page),
                ],
                header_codes,
            )
            for page in range(count)
        ]

    def _header_codes(self, entry_id: str) -> tuple[Modules, ...]:
        bars, square = self.geometry.print_pt["barcode_text_pt"], self.geometry.print_pt["qr_pt"]
        return (
            codes.code_39(entry_id, bars["x0"], bars["top"], bars["x1"] - bars["x0"], _BARS_HEIGHT),
            codes.qr(entry_id, square["x"], square["y_top"], square["w"]),
        )

    def _header(self, content: FormContent, page: int, count: int) -> list[Text]:
        line = self.geometry.print_pt["header_line_pt"]
        y = baseline(line["top"], LABEL)
        texts = [
            self._after(line[words.PRE_ENTRY], words.PRE_ENTRY, y, content.pre_entry_id, 215),
            self._after(line[words.ENTRY], words.ENTRY, y, content.entry_id, 148),
            self._one_line(line["(关名)"], y, MARK, content.customs, 250),
            self._after(line[words.PAGE_NO], words.PAGE_NO, y, f"{page}/{count}", 52),
            self._digits(content.entry_id),
        ]
        if content.collective_tax:
            mark = self.geometry.print_pt["mark_汇总征税_pt"]
            texts.append(Text(mark["x"], baseline(mark["top"], MARK), MARK, words.COLLECTIVE_TAX))
        return texts

    def _digits(self, entry_id: str) -> Text:
        bars = self.geometry.print_pt["barcode_text_pt"]
        x = (bars["x0"] + bars["x1"] - self.measure(entry_id) * _CODE_TEXT) / 2
        top = bars["top"] + _BARS_HEIGHT + 0.6
        return Text(x, baseline(top, _CODE_TEXT), _CODE_TEXT, entry_id)

    def _after(self, x: float, label: str, y: float, text: str, room: float) -> Text:
        """A value right after its label; `room` counts from the label's beginning."""
        used = self.measure(label) * LABEL
        return self._one_line(x + used, y, VALUE, text, room - used)

    def _one_line(self, x: float, y: float, size: float, text: str, room: float) -> Text:
        size, text = fit(text, room, size, self.measure)
        return Text(x, y, size, text)

    def _head(self, content: FormContent) -> list[Text]:
        texts = [self._code_of(box, code) for box, code in content.codes.items()]
        texts += [self._value_of(box, text) for box, text in content.values.items()]
        texts += self._documents(content)
        texts += self._remarks(content.remarks)
        texts += self._confirmations(content.answers)
        texts += self._footer(content)
        return texts

    def _code_of(self, box: str, code: str) -> Text:
        cell = self.cells[box]
        x = cell.left + _PAD + self.measure(self.words.labels[box]) * LABEL
        y = baseline(cell.top + _LABEL_DROP, LABEL)
        return self._one_line(x, y, LABEL, code, cell.right - x)

    def _value_of(self, box: str, text: str) -> Text:
        cell = self.cells[box]
        y = baseline(cell.top + _LABEL_DROP + _VALUE_DROP, VALUE)
        return self._one_line(cell.left + _PAD, y, VALUE, text, cell.right - cell.left - _PAD)

    def _documents(self, content: FormContent) -> list[Text]:
        """Documents after the label, attached files below; many documents run on below."""
        cell = self.cells["6"]
        left = cell.left + _PAD
        x, y = left + (self.measure(self.words.labels["6"]) + 1) * LABEL, cell.top + _FIRST_LINE
        room = cell.right - x - _PAD
        if self.measure(content.documents) * SMALLEST <= room:
            documents = self._one_line(x, y, VALUE, content.documents, room)
            return [documents, self._value_of("6", content.attachments)]
        both = f"{content.documents}  {content.attachments}"
        size, lines = fit_lines(both, cell.right - left - _PAD, VALUE, 2, self.measure, x - left)
        below = baseline(cell.top + _LABEL_DROP + _VALUE_DROP, VALUE)
        return [Text(x, y, size, lines[0]), Text(left, below, size, lines[1])]

    def _remarks(self, remarks: str) -> list[Text]:
        cell = self.cells["7"]
        room = cell.right - cell.left - 2 * _PAD
        size, lines = fit_lines(remarks, room, VALUE, 3, self.measure)
        top = cell.top + _LABEL_DROP + _VALUE_DROP
        return [
            Text(cell.left + _PAD, baseline(top + _LINE_STEP * number, VALUE), size, line)
            for number, line in enumerate(lines)
        ]

    def _confirmations(self, answers: tuple[str, ...]) -> list[Text]:
        row = self.geometry.print_pt["confirm_row_text_pt"]
        y = baseline(row["top"], LABEL)
        return [
            Text(row[label] + self.measure(label) * LABEL, y, VALUE, answer)
            for label, answer in zip(words.CONFIRMATIONS, answers, strict=True)
            if answer
        ]

    def _footer(self, content: FormContent) -> list[Text]:
        places = self.geometry.print_pt["footer_text_pt"]
        texts = []
        rooms = {"报关人员": 88, "报关人员证号": 125, "电话": 110}
        for (label, room), text in zip(rooms.items(), content.declarant, strict=True):
            x, top = places[label]
            texts.append(self._after(x, label + " ", baseline(top, LABEL), text, room))
        x, top = places["申报单位 value"]
        room = places["申报单位（签章）"][0] - x - _GAP
        texts.append(self._one_line(x, baseline(top, VALUE), VALUE, content.agent, room))
        return [text for text in texts if text.text]

    def _goods_page(self, goods: tuple[GoodsLine, ...], page: int) -> list[Text]:
        if page == 0:
            return self._goods(goods[:ITEMS_FIRST_PAGE], "goods_first_page_rows_pt")
        start = ITEMS_FIRST_PAGE + (page - 1) * ITEMS_NEXT_PAGE
        return self._goods(goods[start : start + ITEMS_NEXT_PAGE], "continuation")

    def _goods(self, goods: tuple[GoodsLine, ...], rows: str) -> list[Text]:
        measured = self.geometry.print_pt[rows]
        tops = measured["rows_pt"] if rows == "continuation" else measured
        return [
            text
            for line, top in zip(goods, tops, strict=False)
            for text in self._goods_line(line, top)
        ]

    def _goods_line(self, goods: GoodsLine, top: float) -> list[Text]:
        offsets = self.geometry.print_pt["goods_line_offsets_pt"]
        lines = [baseline(top + offset + _CLEARANCE, VALUE) for offset in offsets]
        texts = [
            self._in_column(column, y, text)
            for column, three in goods.columns.items()
            for y, text in zip(lines, three, strict=True)
            if text
        ]
        texts += self._described(goods, lines)
        texts += self._wrapped("G.8", goods.place, lines)
        return texts

    def _described(self, goods: GoodsLine, lines: list[float]) -> list[Text]:
        name = [self._in_column("G.3", lines[0], goods.name)] if goods.name else []
        return name + self._wrapped("G.3", goods.specification, lines[1:])

    def _wrapped(self, column: str, text: str, lines: list[float]) -> list[Text]:
        place = self.columns[column]
        size, wrapped = fit_lines(text, place.right - place.left, VALUE, len(lines), self.measure)
        return [self._placed(place, y, size, line) for y, line in zip(lines, wrapped, strict=False)]

    def _in_column(self, column: str, y: float, text: str) -> Text:
        place = self.columns[column]
        size, text = fit(text, place.right - place.left, VALUE, self.measure)
        return self._placed(place, y, size, text)

    def _placed(self, place: Column, y: float, size: float, text: str) -> Text:
        if place.right_aligned:
            return Text(place.right - self.measure(text) * size, y, size, text)
        return Text(place.left, y, size, text)

    def _margin(self, notes: MarginNotes, page: int) -> list[Text]:
        left, _, right, _ = self.geometry.frame
        top = self.geometry.frame[3] + _MARGIN_DROP
        texts = []
        if notes.demo:
            texts.append(Text(left + _PAD, baseline(top, LABEL), LABEL, words.DEMO))
        if notes.sealed and page:
            x = (left + right - self.measure(words.SEAL_ELSEWHERE) * LABEL) / 2
            texts.append(Text(x, baseline(top, LABEL), LABEL, words.SEAL_ELSEWHERE))
        size, note = fit(notes.verification, (right - left) * _NOTE_SHARE, SMALL, self.measure)
        x = right - _PAD - self.measure(note) * size
        texts.append(Text(x, baseline(top, SMALL), size, note))
        return texts


@dataclass(frozen=True)
class MarginNotes:
    """What stands outside the frame."""

    verification: str
    demo: bool
    sealed: bool


def margin_notes(code: str, check_url: str | None, *, demo: bool, sealed: bool) -> MarginNotes:
    """The notes of a document; the verification code is printed in groups of four."""
    groups = "-".join(code[start : start + 4] for start in range(0, len(code), 4))
    where = f"{words.CHECK}{check_url}" if check_url else ""
    return MarginNotes(words.CODE + groups + where, demo, sealed)


def stamp(geometry: Geometry, entry_id: str, signed_at: str, measure: Measure) -> Stamp:
    """The specimen seal inside 海关批注及签章: a blue rectangle with four lines."""
    width, height = _STAMP_SIZE
    right, top = geometry.frame[2], geometry.print_pt["footer_pt"][0]
    frame = Frame(right - _STAMP_RIGHT - width, top + _STAMP_TOP, width, height, 1.0, 3.0)
    rows = (
        ("样章 SPECIMEN", 11.0, 11.0, True),
        ("非海关印章 无法律效力", LABEL, 18.9, False),
        (entry_id, LABEL, 26.3, False),
        (signed_at, LABEL, 33.6, False),
    )
    lines = tuple(
        StampLine((width - measure(text) * size) / 2, y, size, text, bold)
        for text, size, y, bold in rows
    )
    return Stamp(frame, _STAMP_RGB, lines)


def compile_layout(kind: FormKind, geometry: Geometry, measure: Measure) -> Layout:
    """The layout of a form kind; costs a few milliseconds, so it is kept."""
    form = words.WORDS[kind]
    cells = _cells(form, geometry)
    columns = _columns(form, geometry)
    return Layout(
        form,
        geometry,
        measure,
        cells,
        columns,
        _first_background(kind, form, geometry, cells, columns, measure),
        _further_background(kind, form, geometry, columns, measure),
    )


def _cells(form: words.Words, geometry: Geometry) -> dict[str, Cell]:
    tops = geometry.print_pt["head_rows_top_pt"]
    four, eight = geometry.print_pt["cols_rows1to4_pt"], geometry.print_pt["cols_row5_pt"]
    cells = {}
    for box, (first, last) in form.spans.items():
        row = int(box[0])
        edges = eight if row == 5 else four
        cells[box] = Cell(edges[first - 1], edges[last], tops[row - 1], tops[row])
    left, _, right, _ = geometry.frame
    cells["6"] = Cell(left, right, tops[5], tops[6])
    cells["7"] = Cell(left, right, tops[6], geometry.print_pt["remarks_to_pt"])
    return cells


def _columns(form: words.Words, geometry: Geometry) -> dict[str, Column]:
    header = geometry.header_x(filing_list=form.filing_list)
    value_x = geometry.print_pt["goods_value_x_pt"]
    shift = geometry.scaled_x(_FILING_SHIFT_MM) - geometry.scaled_x(0) if form.filing_list else 0.0
    places = {
        "G.1": (value_x["项号(left)"] + _LABEL_DROP, value_x["商品编号(left)"] - 1, False),
        "G.2": (value_x["商品编号(left)"], value_x["名称/规格(left)"] - 1, False),
        "G.3": (value_x["名称/规格(left)"], _LEFTS[0] + shift - _GAP, False),
    }
    rights = [x for name, x in value_x.items() if name.endswith("(right)")]
    for number, (start, end) in enumerate(zip(_LEFTS, rights, strict=True), start=4):
        places[f"G.{number}"] = (start + shift, end + shift, True)
    labels = zip(form.goods, header.values(), strict=True)
    return {box: Column(header_x, *places[box]) for box, header_x in labels}


def _first_background(
    kind: FormKind,
    form: words.Words,
    geometry: Geometry,
    cells: dict[str, Cell],
    columns: dict[str, Column],
    measure: Measure,
) -> Background:
    measured = geometry.print_pt
    left, top, right, bottom = geometry.frame
    tops = measured["head_rows_top_pt"]
    lines = [*tops[1:], measured["remarks_to_pt"], measured["goods_head_pt"][1]]
    lines += [measured["confirm_row_pt"][0], measured["footer_pt"][0]]
    rules = [Rule(left, y, right, y, _INNER) for y in lines]
    rules += _upright_rules(cells, left)
    split = measured["footer_split_x_pt"]
    rules.append(Rule(split, measured["footer_pt"][0], split, bottom, _INNER))
    rules += _dotted(geometry, measured["goods_first_page_rows_pt"])
    texts = [
        *_header_texts(form, geometry, measure),
        *(_label(box, cells[box], label) for box, label in form.labels.items()),
        *_goods_header(form, geometry, columns, measured["goods_head_pt"][0], measure),
        *_confirmation_labels(geometry),
        *_footer_labels(geometry),
    ]
    outline = Frame(left, top, right - left, bottom - top, _OUTER)
    return Background(f"{kind}/1", tuple(rules), (outline, _emblem(geometry)), tuple(texts))


def _further_background(
    kind: FormKind,
    form: words.Words,
    geometry: Geometry,
    columns: dict[str, Column],
    measure: Measure,
) -> Background:
    measured = geometry.print_pt["continuation"]
    left, top, right, bottom = geometry.continuation_frame
    head_top, head_bottom = measured["goods_head_pt"]
    rules = [Rule(left, head_bottom, right, head_bottom, _INNER)]
    rules += _dotted(geometry, measured["rows_pt"])
    texts = [
        *_header_texts(form, geometry, measure),
        *_goods_header(form, geometry, columns, head_top, measure),
    ]
    outline = Frame(left, top, right - left, bottom - top, _OUTER)
    return Background(f"{kind}/2", tuple(rules), (outline, _emblem(geometry)), tuple(texts))


def _upright_rules(cells: dict[str, Cell], left: float) -> list[Rule]:
    return [
        Rule(cell.left, cell.top, cell.left, cell.bottom, _INNER)
        for cell in cells.values()
        if cell.left > left
    ]


def _dotted(geometry: Geometry, row_tops: list[float]) -> list[Rule]:
    left, _, right, _ = geometry.frame
    return [
        Rule(left, top - _CLEARANCE, right, top - _CLEARANCE, _INNER, dots=True)
        for top in row_tops[1:-1]
    ]


def _emblem(geometry: Geometry) -> Frame:
    box = geometry.print_pt["logo_pt"]
    return Frame(box["x"], box["y_top"], box["w"], box["h"], _HAIR)


def _header_texts(form: words.Words, geometry: Geometry, measure: Measure) -> list[Text]:
    measured = geometry.print_pt
    title, line, box = measured["title_pt"], measured["header_line_pt"], measured["logo_pt"]
    width = measure(form.title) * TITLE  # a filing list's is longer, the bar code stays clear
    title_x = min((title["x0"] + title["x1"] - width) / 2, title["x1"] - width)
    y = baseline(line["top"], LABEL)
    emblem_x = box["x"] + (box["w"] - measure(words.EMBLEM) * LABEL) / 2
    emblem_y = baseline(box["y_top"] + (box["h"] - LABEL) / 2, LABEL)
    return [
        Text(
            title_x,
            baseline(title["top"], TITLE),
            TITLE,
            form.title,
        ),
        Text(emblem_x, emblem_y, LABEL, words.EMBLEM),
        *(
            Text(line[label], y, LABEL, label)
            for label in (words.PRE_ENTRY, words.ENTRY, words.PAGE_NO)
        ),
    ]


def _label(box: str, cell: Cell, label: str) -> Text:
    drop = _FIRST_LINE if box == "6" else baseline(_LABEL_DROP, LABEL)
    return Text(cell.left + _PAD, cell.top + drop, LABEL, label)


def _goods_header(
    form: words.Words, geometry: Geometry, columns: dict[str, Column], top: float, measure: Measure
) -> list[Text]:
    y = baseline(top + _HEADER_DROP, LABEL)
    starts = [columns[box].header_x for box in form.goods]
    ends = [*starts[1:], geometry.frame[2]]
    return [
        Text(x, y, *fit(label, end - x - _CLEARANCE, LABEL, measure))
        for label, x, end in zip(form.goods.values(), starts, ends, strict=True)
    ]


def _confirmation_labels(geometry: Geometry) -> list[Text]:
    row = geometry.print_pt["confirm_row_text_pt"]
    y = baseline(row["top"], LABEL)
    return [Text(row[label], y, LABEL, label) for label in words.CONFIRMATIONS]


def _footer_labels(geometry: Geometry) -> list[Text]:
    places = geometry.print_pt["footer_text_pt"]
    return [
        Text(x, baseline(top, LABEL), LABEL, label)
        for label, (x, top) in places.items()
        if not label.endswith(" value")
    ]
