"""The gateway in this process, before rooms that answer by a script."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from gateway.app import bare_app, create_app
from gateway.changes import Pace
from gateway.checked_sessions import CheckedSessions
from gateway.limits import RateLimit
from gateway.live import Live
from gateway.parts import Limits, Parts
from gateway.pdf_reading import PdfFacts, read_sheet
from gateway.readiness import Readiness
from gateway.services import Services
from gateway.store import Files
from services.kernel.contracts import apply, auth, query
from services.kernel.contracts.refusal import Refusal
from services.kernel.contracts.wire import to_builtins
from services.kernel.errors import Unavailable
from services.kernel.testing.frozen_clock import FrozenClock
from services.kernel.testing.memory_store import MemoryStore

BASE_URL = "https://danzheng.example"
API = "/api/v1"
NOW = datetime(2026, 11, 23, 2, 15, 30, 412_000, UTC)
TOKEN = "Zx3" + "a" * 40
USCC = "91990000MA0TEAAA29"
ENTRY = "530120261000000018"
ENTRY2 = "530120261000000026"
PRINT_NO = "P20261123000000017"
EXPORT_NO = "D20261123000000009"
BUNDLE = "bdl_01KAQ9D4E5F6G7H8J9K0M1N2P3"
CODE = "7K3M9QW2XR5T8V1B4N6P0D2H"
KEY = {"Idempotency-Key": "6f1c9a52-6f0e-4f0e-9f53-0d4d7f2f7a10"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ACCEPTED = datetime(2026, 11, 23, 2, 15, 30, 655_000, UTC)
MADE = datetime(2026, 11, 23, 2, 15, 33, 201_000, UTC)
EXPIRES = datetime(2026, 12, 23, 2, 15, 33, 201_000, UTC)
HEX = "0123456789abcdef" * 4


def session(state: str = "active", **changes: Any) -> auth.Session:
    created = NOW - timedelta(minutes=3)
    facts: dict[str, Any] = {
        "session_id": "ses_01KAQ7V5N3T8W2YB4C6D9E0FGH",
        "state": state,
        "created_at": created,
        "expires_at": created + timedelta(hours=8),
        "idle_expires_at": NOW + timedelta(minutes=30),
        "idle_timeout_seconds": 1800,
        "company": auth.Company(USCC, "示例甲进出口有限公司"),
        "card": auth.Card("8930000000001", "legal_person", "张三", HEX, NOW + timedelta(days=700)),
    }
    return auth.Session(**{**facts, **changes})


def item(status: str = "sealed_ready", entry_id: str = ENTRY, **changes: Any) -> apply.ItemView:
    made = status in {"sealed_ready", "unsealed_ready", "ready"}
    facts: dict[str, Any] = {
        "entry_id": entry_id,
        "status": status,
        "phase": "rendering" if status == "making" else None,
        "percent": 40 if status == "making" else 100,
        "queue_position": None,
        "eta_seconds": 2 if status == "making" else None,
        "attempts": 1,
        "reason": None,
        "made_at": MADE if made else None,
        "expires_at": EXPIRES if made else None,
        "expired": False,
        "reused": False,
        "file": apply.FileFacts(184_233, HEX, 1, CODE) if made else None,
    }
    return apply.ItemView(**{**facts, **changes})


def printed(**changes: Any) -> apply.ApplicationView:
    facts: dict[str, Any] = {
        "application_no": PRINT_NO,
        "kind": "print",
        "seal": "sealed",
        "submitted_at": "2026-11-23T10:15:30.000+08:00",
        "accepted_at": ACCEPTED,
        "finished_at": None,
        "state": "processing",
        "progress": {"total": 2, "ready": 1, "making": 1, "percent": 50},
        "items": [item(), item("making", ENTRY2)],
        "refused_items": [],
        "submission": apply.SubmissionView("8930*****0001", "张三", HEX, HEX),
    }
    return apply.ApplicationView(**{**facts, **changes})


def exported(**changes: Any) -> apply.ApplicationView:
    files = {name: apply.FileFacts(100, HEX) for name in ("zip", "xlsx", "csv", "json", "xml")}
    missing = apply.Reason("source-missing", "数据来源缺失")
    facts: dict[str, Any] = {
        "application_no": EXPORT_NO,
        "kind": "export",
        "seal": None,
        "state": "finished",
        "finished_at": MADE,
        "status": "ready",
        "partial": True,
        "progress": {"total": 2, "ready": 1, "making": 0, "failed": 1, "percent": 100},
        "items": [item("ready"), item("failed", ENTRY2, attempts=5, reason=missing)],
        "made_at": MADE,
        "expires_at": EXPIRES,
        "files": files,
    }
    return printed(**{**facts, **changes})


def evidence() -> auth.Evidence:
    return auth.Evidence(
        "ses_1", USCC, "8930000000001", "8930*****0001", "张三", HEX, "{}", HEX, {}, [], {}, NOW
    )


def record(**changes: Any) -> apply.DocumentRecord:
    facts: dict[str, Any] = {
        "verification_code": CODE,
        "entry_id": ENTRY,
        "company_name": "示例甲进出口有限公司",
        "form_kind": "import_declaration",
        "seal": "sealed",
        "made_at": MADE,
        "pages": 1,
        "sha256": HEX,
        "snapshot_digest": "d1",
        "uscc": USCC,
        "withdrawn": False,
    }
    return apply.DocumentRecord(**{**facts, **changes})


def found_declarations() -> query.DeclarationPage:
    day = datetime(2026, 11, 2, tzinfo=UTC).date()
    row = query.DeclarationRow(
        ENTRY, "I", "import_declaration", "进口货物报关单", "5301", "皇岗海关", day, day, USCC,
        "示例甲进出口有限公司", "0110", "一般贸易", 3, "测试用轴承", "general", day, None,
    )  # fmt: skip
    return query.DeclarationPage([row], ["530120261000000999"], None, None, 1)


class Rooms:
    """Rooms that answer what was scripted: a value, a function of the arguments, or a fault."""

    def __init__(self) -> None:
        self.script: dict[str, Any] = {"auth.read_session": session()}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(self, service: str, method: str, *, limit_s: float = 5.0, **kwargs: Any) -> Any:
        name = f"{service}.{method}"
        # what goes over the wire is JSON: anything else is a fault of the gateway
        self.asked.append((name, json.loads(json.dumps(kwargs))))
        if name not in self.script:
            raise Unavailable(service)
        answer = self.script[name]
        if callable(answer):
            answer = answer(**kwargs)
        if isinstance(answer, Exception):
            raise answer
        return to_builtins(answer)

    def questions(self, name: str) -> list[dict[str, Any]]:
        return [kwargs for asked, kwargs in self.asked if asked == name]


class InProcessReading:
    """Reads workbooks here; what PDFs say is scripted."""

    def __init__(self) -> None:
        self.facts = PdfFacts([], [])

    async def pdf(self, _content: bytes) -> PdfFacts:
        return self.facts

    async def sheet(self, content: bytes) -> list[list[str]]:
        return read_sheet(content)


async def _well() -> None:
    return None


@dataclass
class Door:
    """The application with everything that a test may turn."""

    rooms: Rooms = field(default_factory=Rooms)
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOW))
    reading: InProcessReading = field(default_factory=InProcessReading)
    checks: dict[str, Any] = field(
        default_factory=lambda: dict.fromkeys(
            ("auth", "query", "apply", "render", "retention", "broker", "database", "object_store"),
            _well,
        )
    )
    calls_per_minute: int = 10_000
    logins_per_minute: int = 10_000

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        sessions = CheckedSessions()
        self.parts = Parts(
            base_url=BASE_URL,
            file_lifetime="calendar-month",
            clock=self.clock,
            services=Services(self.rooms),
            files=Files(self.store, 2),
            reading=self.reading,
            sessions=sessions,
            live=Live(sessions, 5),
            limits=Limits(
                RateLimit("session", self.calls_per_minute),
                RateLimit("logins", self.logins_per_minute),
                RateLimit("verifications", self.logins_per_minute),
            ),
            pace=Pace(0.5, 0.1),
            readiness=Readiness(self.checks),
        )
        self.app = create_app(self.parts)

    async def ask(self, method: str, path: str, **words: Any) -> httpx.Response:
        """One call; paths without a slash in front are below the API."""
        address = path if path.startswith("/") else f"{API}/{path}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            answer = await client.request(method, address, **words)
        if method != "HEAD":
            check_described(method, address, answer)
        return answer

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """GET with a session."""
        return await self.ask("GET", path, headers={**BEARER, **(headers or {})})

    async def post(
        self, path: str, body: object, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """POST of JSON with a session."""
        return await self.ask("POST", path, json=body, headers={**BEARER, **(headers or {})})


DOCUMENT = bare_app().openapi()


def check_described(method: str, path: str, answer: httpx.Response) -> None:
    """Every JSON answer has a status and a shape that the OpenAPI document tells of."""
    kind = answer.headers.get("content-type", "")
    if kind == "application/problem+json":
        check_shape("Problem", answer.json())
    operation = operation_of(method, path)
    if operation is None or answer.status_code == 304:
        return
    told = operation["responses"][str(answer.status_code)]
    schema = told.get("content", {}).get("application/json", {}).get("schema", {})
    if kind == "application/json" and "$ref" in schema:
        check_shape(schema["$ref"].rpartition("/")[2], answer.json())


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    parts = path.partition("?")[0].split("/")
    for template, operations in DOCUMENT["paths"].items():
        names = template.split("/")
        if len(names) == len(parts) and all(
            name.startswith("{") or name == part for name, part in zip(names, parts, strict=True)
        ):
            return operations.get(method.lower())
    return None


def check_shape(name: str, value: object) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(value)]
    assert not errors, (name, errors, value)


def refused(code: str, detail: str = "", **facts: Any) -> Refusal:
    return Refusal(code, detail, facts)
