"""What the apply process is told."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from services.apply.domain.policy import Policy
from services.kernel.calendar import CALENDAR_MONTH, duration
from services.kernel.settings import RoomSettings


class ApplySettings(RoomSettings):
    """Each limit of the HTTP API, section 15, is a setting with the default there."""

    database_pool: int = Field(
        default=16, ge=1, description="ten facts in work at once, and room for questions"
    )
    daily_items: int = Field(default=2_000, ge=1, description="items a company and day")
    unfinished_items: int = Field(default=1_000, ge=1, description="unfinished items a company")
    items_at_render: int = Field(
        default=200, ge=1, description="print items of one company handed to render at once"
    )
    bundles_building: int = Field(default=2, ge=1, description="bundles building a company")
    bundles_waiting: int = Field(default=20, ge=0, description="bundles waiting a company")
    late_after_s: float = Field(default=90, gt=0, description="silence before an order is repeated")
    give_up_after_s: float = Field(default=3_600, gt=0, description="from acceptance to timed-out")
    reconcile_every_s: float = Field(default=60, gt=0, description="pause between two turns")
    backlog_limit_s: float = Field(
        default=60, gt=0, description="age of the oldest unsent message at which we refuse"
    )
    file_lifetime: str = Field(
        default=CALENDAR_MONTH, description="calendar-month or an ISO 8601 duration"
    )

    @field_validator("file_lifetime")
    @classmethod
    def _is_a_lifetime(cls, value: str) -> str:
        if value != CALENDAR_MONTH:
            duration(value)
        return value

    def policy(self) -> Policy:
        """The numbers as the rules want them."""
        return Policy(
            daily_items=self.daily_items,
            unfinished_items=self.unfinished_items,
            items_at_render=self.items_at_render,
            bundles_building=self.bundles_building,
            bundles_waiting=self.bundles_waiting,
            backlog_limit=timedelta(seconds=self.backlog_limit_s),
            give_up_after=timedelta(seconds=self.give_up_after_s),
            late_after=timedelta(seconds=self.late_after_s),
            file_lifetime=self.file_lifetime,
        )
