"""What retention is told."""

from __future__ import annotations

from pydantic import Field

from services.kernel.settings import RoomSettings, StoreSettings

_SWEEP_S = 300.0  # the bytes of an expired file are gone within the hour, with room for outages
_SWEEP_IN_DEVELOPMENT_S = 5.0  # where a month lasts seconds


class RetentionSettings(RoomSettings, StoreSettings):
    """Settings of retention."""

    file_lifetime: str = Field(
        default="calendar-month", description="own policy; the earlier of it and the fact's holds"
    )
    sweep_interval_s: float | None = Field(default=None, gt=0)
    audit_interval_s: float = Field(default=86_400.0, gt=0)
    clock_skew_limit_s: float = Field(default=120.0, gt=0)
    sweep_share: float = Field(
        default=0.05, gt=0, le=1, description="of all that is kept, at most so much a run"
    )
    sweep_floor: int = Field(
        default=1_000, ge=1, description="a run may delete so many however few are kept"
    )

    @property
    def sweeps_every_s(self) -> float:
        """The pause between two sweeps."""
        if self.sweep_interval_s is not None:
            return self.sweep_interval_s
        return _SWEEP_IN_DEVELOPMENT_S if self.environment == "development" else _SWEEP_S
