"""Settings: what an operator may turn, read once from ENAMEL_* by `enamel` and handed down."""

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_SECRET = "development-only-secret-do-not-use-elsewhere"  # noqa: S105  refused below outside development
SHORTEST_SECRET = 32
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Every setting with its default. Secrets have a default in development only."""

    model_config = SettingsConfigDict(
        env_prefix="ENAMEL_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,  # `ENAMEL_DATA=` means the default, not the current folder
        hide_input_in_errors=True,  # a refused secret must not stand in the log of the refusal
    )

    environment: Environment = Field(
        default=Environment.DEVELOPMENT, description="The kind of place this runs in: `development` or `production`."
    )
    data: Path = Field(default=Path(".enamel"), description="Folder that keeps everything: database, files, demo.json.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    public_url: str = Field(
        default="", description="Where clients reach us; links are built from it, never from a Host header."
    )
    app_url: str = Field(
        default="",
        description="Where links below messages lead, with the path of what they are about behind it: the web app, or a"
        " universal link of the app. Empty: a page says to open the app.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=("127.0.0.1", "localhost", "[::1]"), description="Host headers that are answered (JSON list)."
    )
    allowed_origins: tuple[str, ...] = Field(default=(), description="Browser origins that may call (JSON list).")
    secret: SecretStr = Field(
        default=SecretStr(DEVELOPMENT_SECRET), description="Signs tokens and links; at least 32 characters."
    )
    seal_file: Path | None = Field(
        default=None, description="PKCS#12 with the certificate that seals signed papers; without it a key is made."
    )
    seal_password: SecretStr = Field(default=SecretStr(""), description="Opens seal_file.")
    database_url: str = Field(
        default="", description="postgresql://… of a PostgreSQL 15+; empty starts the embedded one in ENAMEL_DATA."
    )
    database_owner_url: str = Field(
        default="", description="The same server as the owner of the tables, for migrations; empty uses database_url."
    )
    postgres_bin: str = Field(default="", description="Folder of initdb and postgres, instead of the wheel's.")
    s3_bucket: str = Field(default="", description="Bucket for media; empty keeps files in ENAMEL_DATA.")
    s3_endpoint: str = Field(default="", description="Address of an S3-compatible server; empty is AWS itself.")
    s3_region: str = Field(default="us-east-1", description="Region of the bucket.")
    s3_path_style: bool = Field(
        default=False, description="Address the bucket in the path, as most servers other than AWS want it."
    )
    darkroom_processes: int = Field(
        default=2, ge=1, le=64, description="Pictures that a worker looks into at once: each takes a core."
    )
    clamd_address: str = Field(
        default="",
        description="ClamAV's daemon, host:port or the path of its socket; its StreamMaxLength must be 400M or more"
        " (docs/uploads.md). Without it only a test virus is found.",
    )
    media_patient_gib: int = Field(default=20, ge=1, le=100_000, description="Pictures kept of one patient, in GiB.")
    media_clinic_gib: int = Field(default=5_000, ge=1, le=1_000_000, description="Pictures kept of one clinic, in GiB.")
    s3_encryption: Literal["", "AES256", "aws:kms"] = Field(
        default="", description="Server-side encryption asked for: `AES256` or `aws:kms`; empty is as the bucket says."
    )
    s3_kms_key: str = Field(default="", description="Key of `aws:kms`; empty is the bucket's own.")
    dicomweb_private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts of picture archives that may be called although their addresses are private (JSON list).",
    )
    dicomweb_folder: Path | None = Field(
        default=None,
        description="Folder of DICOM files that stands for every picture archive; in development alone.",
    )
    bot_private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts of clinics' chat bots that may be called although their addresses are private (JSON list).",
    )
    webhook_private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts of clinics' own systems (webhooks) that may be called although their addresses are private"
        " (JSON list).",
    )
    push_private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts of clinics' gateways, mail relays and push services that may be called although their"
        " addresses are private (JSON list).",
    )
    fcm_credentials: Path | None = Field(
        default=None, description="Service-account JSON of the app build; without it pushes are printed."
    )
    fcm_url: str = Field(default="https://fcm.googleapis.com", description="Where FCM HTTP v1 is spoken.")
    payments_secret_key: SecretStr = Field(
        default=SecretStr(""), description="Secret key of the payment provider; without it a development page is paid."
    )
    payments_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Signing secret of `POST /v1/hooks/payments`; without it no notice is taken."
    )
    payments_url: str = Field(
        default="https://api.stripe.com", description="Where the provider's API is spoken (Stripe or a compatible one)."
    )
    payments_return_url: str = Field(
        default="", description="Where the payment page leads back to; empty is ENAMEL_PUBLIC_URL."
    )
    push_lease_seconds: int = Field(
        default=60, ge=2, le=3600, description="How long a worker may hold a push before another takes it over."
    )
    journey_pause_seconds: int = Field(
        default=5, ge=1, le=3600, description="How long the worker rests between two looks for whom a journey concerns."
    )
    bus: SecretStr = Field(
        default=SecretStr("postgres"),
        description="What wakes the other nodes of the chat: `postgres`, `memory` (one node alone), or the address of a"
        " Redis (redis://, rediss://) or of NATS (nats://, tls://).",
    )
    chat_sockets_a_minute: int = Field(
        default=120,
        ge=10,
        le=100_000,
        description="Chat sockets that may be opened from one address in a minute; a clinic's staff often share one.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Where a worker answers Prometheus.")
    metrics_port: int = Field(
        default=0, ge=0, le=65_535, description="The port of that; 0: none. Each worker of a machine needs its own."
    )
    database_pool: int = Field(default=8, ge=1, le=200, description="Connections a process keeps to PostgreSQL.")

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _postgresql_only(cls, url: str) -> str:
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return url

    @model_validator(mode="after")
    def _key_only_with_its_service(self) -> Self:
        if self.s3_kms_key and self.s3_encryption != "aws:kms":
            raise ValueError("ENAMEL_S3_KMS_KEY needs ENAMEL_S3_ENCRYPTION=aws:kms")
        return self

    @model_validator(mode="after")
    def _no_default_secret_outside_development(self) -> Self:
        if self.environment is Environment.DEVELOPMENT:
            self._check_published_secret_stays_at_home()
            return self
        secret = self.secret.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < SHORTEST_SECRET:
            raise ValueError(
                f"ENAMEL_SECRET must be set to at least {SHORTEST_SECRET} characters of your own"
                f" outside development, for example {secrets.token_urlsafe(32)}"
            )
        if not self.public_url.startswith("https://"):
            raise ValueError("ENAMEL_PUBLIC_URL must be an https:// address outside development")
        return self

    def _check_published_secret_stays_at_home(self) -> None:
        """Everybody knows the development secret: with it, nobody from elsewhere may reach us."""
        if self.secret.get_secret_value() == DEVELOPMENT_SECRET and self.host not in LOOPBACK:
            raise ValueError("ENAMEL_SECRET must be set before ENAMEL_HOST is anything but loopback")
