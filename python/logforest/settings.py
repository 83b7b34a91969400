"""Settings of the service: ``logforest.toml``, ``LOGFOREST_*``, flags, in rising order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from logforest.errors import ConfigError

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """Everything that can be set; unknown names are errors."""

    model_config = SettingsConfigDict(env_prefix="LOGFOREST_", extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0: any free one")
    allowed_hosts: str = Field(
        "",
        description="names under which it may be addressed, with commas; '*': any; none: those of "
        "loopback when it listens there alone, else any",
    )
    data: Path = Field(Path("logforest-data"), description="folder of the embedded store")
    profile: Literal["embedded", "server"] = "embedded"
    redis: str | None = Field(None, description="redis:// address (server profile)")
    postgres: str | None = Field(None, description="postgresql:// address (server profile)")
    postgres_replica: str | None = Field(None, description="a read replica, for queries")
    redis_pool: int = Field(8, ge=2, description="connections to Redis a process")
    postgres_pool: int = Field(4, ge=2, description="connections to Postgres a process, each way")
    connect_seconds: float = Field(5.0, gt=0, description="longest wait for a connection")
    redis_seconds: float = Field(5.0, gt=0, description="longest wait for an answer of Redis")
    postgres_seconds: float = Field(60.0, gt=0, description="longest statement in Postgres")
    max_entries: int = Field(1_000_000, ge=1, description="queue entries before 429")
    workers: int = Field(1, ge=1, description="worker processes a role that `up` starts")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    auth: bool = Field(True, description="ask for keys and tokens where users exist")

    store_memory: str = Field("256MB", pattern=r"^\d+ ?(KB|MB|GB|KiB|MiB|GiB)$")
    queue_mb: int = Field(64, ge=1, description="bodies held at once before 429, in MB")
    max_lag: int = Field(
        2_000_000, ge=1, description="records behind (embedded: in detection) before 429"
    )
    request_seconds: float = Field(60.0, gt=0, description="longest silence within a request")
    max_body_mb: int = Field(32, ge=1, description="largest request body, as sent")
    max_decoded_mb: int = Field(64, ge=1, description="largest request body, decompressed")
    max_ratio: int = Field(250, ge=2, description="largest decompression ratio (above 1 MB)")
    detect: bool = Field(True, description="score records after they are stored")
    drain_seconds: float = Field(30.0, gt=0, description="time to finish work at shutdown")
    page_size_max: int = Field(10_000, ge=1, description="largest limit of a page")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over the file."""
        toml = TomlConfigSettingsSource(settings_cls, toml_file=_config_file())
        return init_settings, env_settings, toml

    @property
    def store_path(self) -> Path:
        """The embedded store's file."""
        return self.data / "logs.duckdb"


def _config_file() -> Path:
    return Path(os.environ.get("LOGFOREST_CONFIG", "logforest.toml"))


def load_settings(**flags: Any) -> Settings:
    """Settings with the flags that were given (None: not given).

    Raises
    ------
    ConfigError
        A name is unknown or a value not allowed; the message says which.

    Examples
    --------
    >>> load_settings(port=9000).port
    9000
    """
    named = os.environ.get("LOGFOREST_CONFIG")
    if named and not Path(named).is_file():
        raise ConfigError(f"LOGFOREST_CONFIG: there is no file {named}")
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        raise ConfigError(f"settings: {problems}") from None
    except (SettingsError, ValueError) as error:
        file = _config_file()
        where = f"{file}: " if file.is_file() and not isinstance(error, SettingsError) else ""
        raise ConfigError(f"settings: {where}{error}") from None
