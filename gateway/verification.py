"""What the public check says of a file or a code: HTTP API section 12."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gateway import texts
from gateway.resources import masked
from gateway.times import moment

if TYPE_CHECKING:
    from gateway.pdf_reading import PdfFacts, Signature
    from services.kernel.contracts.apply import DocumentRecord

Result = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Answers:
    """The four questions that are answered apart."""

    unchanged: Result
    issued_here: Result
    not_withdrawn: Result = "unknown"
    data_equal: Result = "unknown"


def of_known_file(record: DocumentRecord, digest: str | None) -> Answers:
    """For a file whose very bytes are on record; `digest` is that of the present data."""
    return Answers("yes", "yes", _not_withdrawn(record), _data_equal(record, digest))


def of_code(record: DocumentRecord, digest: str | None) -> Answers:
    """For a code alone: the paper was not seen."""
    return Answers("unknown", "yes", _not_withdrawn(record), _data_equal(record, digest))


def of_altered_file(record: DocumentRecord | None, facts: PdfFacts) -> Answers:
    """For a file that carries our code or seal, but whose bytes are not on record."""
    issued: Result = "yes" if our_seal(facts) else "unknown"
    return Answers("no", issued, "unknown" if record is None else _not_withdrawn(record))


UNRECOGNISED = Answers("unknown", "no")


def _not_withdrawn(record: DocumentRecord) -> Result:
    return "no" if record.withdrawn else "yes"


def _data_equal(record: DocumentRecord, digest: str | None) -> Result:
    if digest is None:
        return "unknown"  # out of custody: there is nothing left to compare with
    return "yes" if digest == record.snapshot_digest else "no"


def verdict(answers: Answers, seal: str | None) -> str:
    """The word for all of it. `seal` is that of the document, None when there is none."""
    if answers.unchanged == "no":
        return "altered"
    if answers.issued_here != "yes":
        return "unrecognised"
    if answers.not_withdrawn == "no":
        return "withdrawn"
    if answers.data_equal == "no":
        return "outdated"
    if answers.unchanged == "unknown":
        return "issued"
    return "authentic" if seal == "sealed" else "matches_unsealed"


def our_seal(facts: PdfFacts) -> Signature | None:
    """The signature of a seal that our roots vouch for."""
    return next((one for one in facts.signatures if one.trusted), None)


def bears_our_seal(facts: PdfFacts) -> bool:
    """If a seal of ours is in the file, even one that no longer fits it."""
    return any(one.ours for one in facts.signatures)


def report(
    answers: Answers,
    record: DocumentRecord | None,
    signature: Signature | None,
    base_url: str,
) -> dict[str, Any]:
    """The whole answer."""
    return {
        "verdict": verdict(answers, record.seal if record else None),
        "answers": {
            name: {"result": result, "text": texts.VERIFICATION[name, result]}
            for name, result in vars(answers).items()
        },
        "document": record and _document(record),
        "signature": signature and _signature(signature),
        "how_to_check_elsewhere": f"{base_url}/help#verify",
    }


def _document(record: DocumentRecord) -> dict[str, Any]:
    return {
        "verification_code": record.verification_code,
        "entry_id_masked": masked(record.entry_id, 4, 4, 10),
        "form_kind": record.form_kind,
        "company_name_masked": masked(record.company_name, 2, 4, 4),
        "seal": record.seal,
        "made_at": moment(record.made_at),
        "pages": record.pages,
        "sha256": record.sha256,
    }


def _signature(signature: Signature) -> dict[str, Any]:
    return {
        "signer": signature.signer,
        "issuer": signature.issuer,
        "serial_number": signature.serial_number,
        "signed_at": moment(signature.signed_at),
        "timestamp_at": moment(signature.timestamp_at),
        "level": signature.level,
        "algorithm": signature.algorithm,
        "covers_whole_file": signature.covers_whole_file,
        "trusted": signature.trusted,
    }
