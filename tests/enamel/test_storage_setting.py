"""Where files are kept, as the settings say it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.settings import Settings
from enamel.start import storage_of
from media.folder import FolderStorage
from media.s3 import S3Storage


def test_without_a_bucket_files_lie_in_the_data_folder(tmp_path: Path) -> None:
    assert isinstance(storage_of(Settings(data=tmp_path)), FolderStorage)


def test_a_bucket_is_reached_as_the_settings_say() -> None:
    settings = Settings(
        s3_bucket="clinic",
        s3_region="eu-central-1",
        s3_endpoint="http://127.0.0.1:9000",
        s3_path_style=True,
        s3_encryption="aws:kms",
        s3_kms_key="alias/clinic",
    )
    assert storage_of(settings) == S3Storage(
        "clinic",
        "eu-central-1",
        "http://127.0.0.1:9000",
        path_style=True,
        encryption="aws:kms",
        kms_key="alias/clinic",
    )


@pytest.mark.parametrize("encryption", ["", "AES256"])
def test_a_key_without_its_service_is_refused(monkeypatch: pytest.MonkeyPatch, encryption: str) -> None:
    monkeypatch.setenv("ENAMEL_S3_ENCRYPTION", encryption)
    monkeypatch.setenv("ENAMEL_S3_KMS_KEY", "alias/clinic")
    with pytest.raises(ValidationError, match="ENAMEL_S3_KMS_KEY needs ENAMEL_S3_ENCRYPTION=aws:kms"):
        Settings()


def test_an_encryption_that_s3_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENAMEL_S3_ENCRYPTION", "rot13")
    with pytest.raises(ValidationError, match="s3_encryption"):
        Settings()
