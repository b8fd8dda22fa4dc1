"""The shapes of bodies: requests are read by them, answers are described by them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+08:00$",
        examples=["2026-11-23T10:15:30.655+08:00"],
    ),
]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-11-02"])]
EntryId = Annotated[
    str, Field(pattern=r"^[0-9]{8}[01EI][0-9]{9}$", examples=["530120261000000018"])
]
PrintNo = Annotated[str, Field(pattern=r"^P[0-9]{17}$", examples=["P20261123000000017"])]
ExportNo = Annotated[str, Field(pattern=r"^D[0-9]{17}$", examples=["D20261123000000009"])]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seal = Literal["none", "sealed"]
PrintStatus = Literal[
    "unsealed_ready",
    "sealed_ready",
    "customs_unfinished",
    "making",
    "unsupported_version",
    "failed",
]
ExportStatus = Literal["making", "ready", "failed"]
FormKind = Literal[
    "import_declaration", "export_declaration", "import_record_list", "export_record_list"
]


class Asked(BaseModel):
    """A body that is sent: unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """A body that is answered: every member is there."""


# --- requests -----------------------------------------------------------------------------------


class NoBody(Asked):
    """Nothing is asked."""


class CardProof(Asked):
    """A challenge and what a card signed of it (section 4.2)."""

    challenge_id: str = Field(min_length=1, max_length=64)
    auth_token: dict[str, Any] = Field(description="Web eID authentication token, web-eid:1.0")


class CardState(Asked):
    """The card left the reader."""

    state: Literal["removed"]


class SubmissionSignature(Asked):
    """A JWS with detached payload (section 4.3)."""

    protected: str = Field(min_length=1)
    signature: str = Field(min_length=1)


# what the manual allows in one application; the rule is checked with its own code
_NUMBERS = Field(json_schema_extra={"minItems": 1, "maxItems": 50, "uniqueItems": True})
# likewise: the pattern of a number has its own code
AskedEntryId = Annotated[str, Field(json_schema_extra={"pattern": r"^[0-9]{8}[01EI][0-9]{9}$"})]
AskedMoment = Annotated[
    str,
    Field(
        json_schema_extra={
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+08:00$",
        }
    ),
]


class ExportOrder(Asked):
    """Data of declarations."""

    entry_ids: list[AskedEntryId] = _NUMBERS
    submitted_at: AskedMoment
    submission_signature: SubmissionSignature


class PrintOrder(ExportOrder):
    """Printed forms of declarations, without or with seal."""

    seal: Seal


class RetryOrder(Asked):
    """Which failed items are made again; without `entry_ids` all of them."""

    entry_ids: list[AskedEntryId] = Field(
        default_factory=list,
        json_schema_extra={"minItems": 1, "maxItems": 50, "uniqueItems": True},
    )


class PrintEvent(Asked):
    """What the browser's print window did."""

    event: Literal["dialog_opened", "dialog_closed"]


class AskedPair(Asked):
    """A printed form named by application and number."""

    application_no: str = Field(pattern=r"^P[0-9]{17}$")
    entry_id: AskedEntryId


class BundleOrder(Asked):
    """Printed forms for one ZIP."""

    items: list[AskedPair] = Field(
        min_length=1, max_length=500, json_schema_extra={"uniqueItems": True}
    )
    accept_partial: bool = False


# --- answers ------------------------------------------------------------------------------------


class FieldError(Told):
    """A broken rule."""

    in_: Literal["body", "query", "path", "header"] = Field(alias="in")
    pointer: str
    code: str
    detail: str


class Problem(Told):
    """A refusal or failure (RFC 9457); programs test `code`. Some codes carry more members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str
    errors: list[FieldError]


class Challenge(Told):
    """What the card signs."""

    challenge_id: str
    challenge_nonce: str
    origin: str
    algorithms: list[str]
    expires_at: Moment


class Company(Told):
    """The company of the card."""

    uscc: str
    name: str


class Card(Told):
    """The card of the session."""

    card_no: str
    kind: Literal["legal_person", "operator"]
    holder: str
    certificate_sha256: Sha256
    valid_until: Moment


class Session(Told):
    """A session."""

    session_id: str
    token_type: Literal["Bearer"]
    state: Literal["active", "locked"]
    created_at: Moment
    expires_at: Moment
    idle_timeout_seconds: int
    company: Company
    card: Card


class OpenedSession(Session):
    """A new session with its token."""

    access_token: str


class MySession(Told):
    """The session as GET /me tells it."""

    session_id: str
    state: Literal["active", "locked"]
    created_at: Moment
    expires_at: Moment
    idle_expires_at: Moment


class MyLimits(Told):
    """Limits and what is used of them."""

    max_entry_ids: int
    max_range_months: int
    max_bundle_items: int
    file_lifetime: str
    daily_items: int
    daily_items_used: int
    unfinished_items: int
    unfinished_items_used: int


class Me(Told):
    """Who one is."""

    session: MySession
    company: Company
    card: Card
    limits: MyLimits
    server_time: Moment


class Page(Told):
    """Where one is in a list."""

    limit: int
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


class Declaration(Told):
    """A cleared declaration."""

    entry_id: EntryId
    ie_flag: Literal["I", "E"]
    form_kind: FormKind
    form_kind_text: str
    customs_code: str
    customs_name: str
    declared_on: Day
    cleared_on: Day
    trade_uscc: str
    trade_name: str
    supervision_mode_code: str
    supervision_mode_name: str
    goods_count: int
    first_goods_name: str
    custody_class: Literal["general", "bonded", "relief"]
    custody_until: Day
    print_outlook: Literal["customs_unfinished", "unsupported_version"] | None


class Declarations(Told):
    """A page of declarations."""

    items: list[Declaration]
    not_found: list[EntryId]
    page: Page


class ListError(Told):
    """A cell that is no number."""

    line: int
    text: str
    code: Literal["bad-entry-id"]


class EntryIdList(Told):
    """The numbers of an uploaded list."""

    entry_ids: list[EntryId]
    duplicates: int
    errors: list[ListError]
    limit: int
    over_limit: bool


class Reason(Told):
    """Why there is no file."""

    code: str
    message: str


class PrintFile(Told):
    """A printed form."""

    name: str
    media_type: Literal["application/pdf"]
    size: int
    sha256: Sha256
    pages: int
    verification_code: str


class PrintActions(Told):
    """What may be done with an item."""

    export: bool
    print: bool
    operations: bool
    retry: bool
    reapply: bool


class ItemLinks(Told):
    """Where an item's parts are."""

    self: str
    file: str
    operations: str


class PrintItem(Told):
    """A declaration of a print application."""

    entry_id: EntryId
    status: PrintStatus
    status_code: str
    status_text: str
    phase: Literal["queued", "rendering", "sealing", "retrying"] | None
    percent: int
    queue_position: int | None
    eta_seconds: int | None
    attempts: int
    reason: Reason | None
    made_at: Moment | None
    expires_at: Moment | None
    expired: bool
    reused: bool
    file: PrintFile | None
    actions: PrintActions
    links: ItemLinks


class PrintRow(PrintItem):
    """A row of GET /print-items."""

    application_no: PrintNo
    seal: Seal
    seal_text: str
    accepted_at: Moment


class PrintRows(Told):
    """A page of rows."""

    items: list[PrintRow]
    page: Page


class PrintProgress(Told):
    """How many items are where."""

    total: int
    ready: int
    making: int
    customs_unfinished: int
    unsupported_version: int
    failed: int
    percent: int


class ExportProgress(Told):
    """How many items are where."""

    total: int
    ready: int
    making: int
    failed: int
    percent: int


class RefusedItem(Told):
    """A number that was not accepted."""

    entry_id: EntryId
    code: str
    message: str


class Submission(Told):
    """The signature behind an application."""

    card_no_masked: str
    holder: str
    certificate_sha256: Sha256
    payload_sha256: Sha256


class SelfLink(Told):
    """Where it is."""

    self: str


class PrintApplication(Told):
    """A print application."""

    application_no: PrintNo
    kind: Literal["print"]
    seal: Seal
    seal_text: str
    submitted_at: str
    accepted_at: Moment
    finished_at: Moment | None
    state: Literal["processing", "finished"]
    progress: PrintProgress
    items: list[PrintItem]
    refused_items: list[RefusedItem]
    submission: Submission
    links: SelfLink


class PrintApplications(Told):
    """A page of print applications."""

    items: list[PrintApplication]
    page: Page


class ExportItem(Told):
    """A declaration of an export application."""

    entry_id: EntryId
    status: ExportStatus
    status_code: str | None
    status_text: str
    attempts: int
    reason: Reason | None


class DataFile(Told):
    """A data file."""

    name: str
    media_type: str
    size: int
    sha256: Sha256


class DataFiles(Told):
    """All formats."""

    zip: DataFile
    xlsx: DataFile
    csv: DataFile
    json_: DataFile = Field(alias="json")
    xml: DataFile


class ExportActions(Told):
    """What may be done with the application."""

    export: bool
    operations: bool
    retry: bool
    reapply: bool


class ExportApplication(Told):
    """An export application."""

    application_no: ExportNo
    kind: Literal["export"]
    submitted_at: str
    accepted_at: Moment
    finished_at: Moment | None
    state: Literal["processing", "finished"]
    status: ExportStatus
    status_code: str | None
    status_text: str
    partial: bool
    progress: ExportProgress
    items: list[ExportItem]
    refused_items: list[RefusedItem]
    made_at: Moment | None
    expires_at: Moment | None
    expired: bool
    files: DataFiles | None
    actions: ExportActions
    submission: Submission
    links: ItemLinks


class ExportApplications(Told):
    """A page of export applications."""

    items: list[ExportApplication]
    page: Page


class Actor(Told):
    """Who did it."""

    company_name: str
    uscc: str
    holder: str
    card_no_masked: str
    session_id: str


class Client(Told):
    """From where."""

    via: Literal["api", "portal", "partner"]
    ip: str
    user_agent: str


class Operation(Told):
    """An operation record."""

    operation_id: str
    seq: int
    at: Moment
    action: Literal[
        "export", "print", "print_dialog_opened", "print_dialog_closed", "bundle_export"
    ]
    action_text: str
    actor: Actor
    client: Client
    file_sha256: Sha256 | None
    bundle_id: str | None


class ExportOperation(Operation):
    """An operation record of an export application."""

    format: Literal["zip", "xlsx", "csv", "json", "xml"] | None
    partial: bool | None


class Operations(Told):
    """A page of operation records."""

    items: list[Operation]
    page: Page


class ExportOperations(Told):
    """A page of operation records of an export application."""

    items: list[ExportOperation]
    page: Page


class Pair(Told):
    """A printed form."""

    application_no: PrintNo
    entry_id: EntryId


class Skipped(Pair):
    """A printed form that is not in the bundle."""

    code: Literal["not-found", "not-ready", "expired"]


class BundleProgress(Told):
    """How far a bundle is."""

    total: int
    done: int
    bytes_total: int
    bytes_done: int
    percent: int


class BundleFile(Told):
    """A ZIP."""

    name: str
    media_type: Literal["application/zip"]
    size: int
    sha256: Sha256


class BundleLinks(Told):
    """Where its parts are."""

    self: str
    tickets: str


class Bundle(Told):
    """Printed forms in one ZIP."""

    bundle_id: str
    state: Literal["queued", "building", "ready", "failed", "expired"]
    created_at: Moment
    expires_at: Moment | None
    progress: BundleProgress
    items: list[Pair]
    skipped: list[Skipped]
    reason: Reason | None
    file: BundleFile | None
    links: BundleLinks


class Bundles(Told):
    """A page of bundles."""

    items: list[Bundle]
    page: Page


class Ticket(Told):
    """Leave for one download."""

    ticket: str
    url: str
    expires_at: Moment
    size: int
    sha256: Sha256


class Answer(Told):
    """An answer of the check."""

    result: Literal["yes", "no", "unknown"]
    text: str


class Answers(Told):
    """The four answers."""

    unchanged: Answer
    issued_here: Answer
    not_withdrawn: Answer
    data_equal: Answer


class VerifiedDocument(Told):
    """What is told of the document."""

    verification_code: str
    entry_id_masked: str
    form_kind: FormKind
    company_name_masked: str
    seal: Seal
    made_at: Moment
    pages: int
    sha256: Sha256


class VerifiedSignature(Told):
    """What is told of the signature."""

    signer: str
    issuer: str
    serial_number: str
    signed_at: Moment | None
    timestamp_at: Moment | None
    level: str
    algorithm: str
    covers_whole_file: bool
    trusted: bool


class Verification(Told):
    """The outcome of a check."""

    verdict: Literal[
        "authentic",
        "matches_unsealed",
        "outdated",
        "withdrawn",
        "altered",
        "unrecognised",
        "issued",
    ]
    answers: Answers
    document: VerifiedDocument | None
    signature: VerifiedSignature | None
    how_to_check_elsewhere: str


class Live(Told):
    """The process answers."""

    status: Literal["ok"]


class Ready(Told):
    """How the parts are."""

    status: Literal["ok", "degraded", "down"]
    checks: dict[str, Literal["ok", "down"]]


class DictionaryField(Told):
    """A field of the declaration data."""

    path: str
    label: str
    type: str
    max_length: int | None
    code_table: str | None
    dec_message: str | None


class Dictionary(Told):
    """All fields of the declaration data."""

    schema_: Literal["danzheng-declaration-data/1"] = Field(alias="schema")
    fields: list[DictionaryField]
