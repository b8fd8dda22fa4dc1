"""Documents from files, folders and ZIP archives; an archive is read, never unpacked to disk."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ENCRYPTED = 0x1  # bit 0 of a member's flags


@dataclass(frozen=True)
class Found:
    """A document's bytes and where they came from."""

    source: str
    body: bytes


@dataclass(frozen=True)
class Unreadable:
    """Something that gave no bytes: a stable code and a Chinese sentence."""

    source: str
    code: str
    sentence: str


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold; a member may be as large as a document, no larger."""

    document_bytes: int
    total_bytes: int
    members: int


def documents(paths: Iterable[Path], limits: ArchiveLimits) -> Iterator[Found | Unreadable]:
    """All documents under `paths`, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from documents(_children(path), limits)
        elif path.suffix.lower() == ".zip":
            yield from _archive(path, limits)
        else:
            yield _file(path, limits)


def count(paths: Iterable[Path]) -> int:
    """How many documents there are to come, about: members of broken archives are not counted."""
    total = 0
    for path in paths:
        if path.is_dir():
            total += count(_children(path))
        elif path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
            total += _members(path)
        else:
            total += 1
    return total


def _members(path: Path) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(not member.is_dir() for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError):
        return 0


def _children(folder: Path) -> list[Path]:
    kinds = {".xml", ".zip"}
    return sorted(
        child for child in folder.iterdir() if child.is_dir() or child.suffix.lower() in kinds
    )


def _file(path: Path, limits: ArchiveLimits) -> Found | Unreadable:
    try:
        with path.open("rb") as stream:
            body = stream.read(limits.document_bytes + 1)
    except OSError as fault:
        return Unreadable(str(path), "unreadable", f"文件无法读取：{fault.strerror}。")
    return Found(str(path), body)  # one byte too many is refused with the code of its own


def _archive(path: Path, limits: ArchiveLimits) -> Iterator[Found | Unreadable]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _read_members(path, archive, limits)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError):
        yield Unreadable(str(path), "archive-broken", "压缩文件损坏或格式不受支持。")


def _read_members(
    path: Path, archive: zipfile.ZipFile, limits: ArchiveLimits
) -> Iterator[Found | Unreadable]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > limits.members:
        yield Unreadable(str(path), "archive-too-large", "压缩文件内的文件过多，未读取。")
        return
    left = limits.total_bytes
    for member in sorted(members, key=lambda item: item.filename):
        source = f"{path}!{member.filename}"
        if member.flag_bits & _ENCRYPTED:
            yield Unreadable(source, "archive-encrypted", "压缩文件已加密，无法读取。")
            continue
        # read, not trusted: the size written in the archive may be a lie
        with archive.open(member) as stream:
            body = stream.read(min(limits.document_bytes, left) + 1)
        left -= len(body)
        if left < 0:
            yield Unreadable(source, "archive-too-large", "压缩文件解压后过大，其余未读取。")
            return
        yield Found(source, body)
