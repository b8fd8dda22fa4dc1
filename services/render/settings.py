"""What a render process is told."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003  pydantic reads it

from pydantic import Field, model_validator

from services.kernel.settings import RoomSettings, StoreSettings

_SLOTS_A_CHILD = 4  # a slot is held from delivery to ack; storing takes longer than drawing


class RenderSettings(RoomSettings, StoreSettings):
    """Settings of render. The three seal paths are given together or not at all."""

    public_base_url: str | None = Field(default=None, description="where documents are checked")
    font_dir: Path
    seal_key_path: Path | None = None
    seal_certificate_path: Path | None = None
    seal_chain_path: Path | None = None
    demo: bool | None = Field(
        default=None, description="mark documents as demonstration; default: in development"
    )
    queues: tuple[str, ...] = Field(
        default=("render.inbox", "render.bulk"), description="which work this process takes"
    )
    children: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=64)
    slots: int | None = Field(default=None, ge=1, le=256, description="messages held at once")
    child_deadline_s: float = Field(default=60.0, gt=0)
    child_jobs: int = Field(default=5_000, ge=1, description="documents until a child is renewed")
    child_memory_bytes: int = Field(default=512 * 1024 * 1024, ge=64 * 1024 * 1024)
    scratch_dir: Path | None = Field(default=None, description="where bundles are put together")

    @model_validator(mode="after")
    def _seal_is_whole(self) -> RenderSettings:
        paths = (self.seal_key_path, self.seal_certificate_path, self.seal_chain_path)
        if any(paths) and not all(paths):
            raise ValueError("seal_key_path, seal_certificate_path, seal_chain_path: all or none")
        return self

    @property
    def held_at_once(self) -> int:
        """The prefetch, and the number of threads that store."""
        return self.slots or self.children * _SLOTS_A_CHILD

    @property
    def marks_as_demo(self) -> bool:
        """Whether documents carry the demonstration mark."""
        return self.environment == "development" if self.demo is None else self.demo
