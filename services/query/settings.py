"""Settings of query."""

from __future__ import annotations

from pydantic import Field

from services.kernel.settings import RoomSettings


class Settings(RoomSettings):
    """What query is told by its environment."""

    document_limit_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, description="a message of 50 goods lines has 50 KB"
    )
    document_depth_limit: int = Field(default=32, ge=6, description="real messages have 6 levels")
    custody_general_years: int = Field(default=3, ge=1, description="decision H19")
    custody_bonded_years: int = Field(default=5, ge=1, description="decision H19")
    custody_relief_years: int = Field(default=11, ge=1, description="decision H19")
    import_batch: int = Field(default=200, ge=1, le=1000, description="documents a transaction")
    archive_limit_bytes: int = Field(
        default=4 * 1024**3, ge=1, description="an archive may unpack to this much in all"
    )
    archive_limit_members: int = Field(default=500_000, ge=1, description="files in one archive")

    @property
    def custody_years(self) -> dict[str, int]:
        """Years of custody by class."""
        return {
            "general": self.custody_general_years,
            "bonded": self.custody_bonded_years,
            "relief": self.custody_relief_years,
        }
