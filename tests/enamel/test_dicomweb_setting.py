"""How the settings say which picture archives may be called, and that a folder stands for them at home alone."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from core.settings import DEVELOPMENT_SECRET, Environment, Settings
from enamel.problems import CannotStart
from enamel.start import archives_of
from media.dicomweb import AddressRefused
from media.dicomweb_folder import FolderArchive
from media.dicomweb_http import HttpArchive

PRODUCTION = Settings(
    environment=Environment.PRODUCTION, secret=SecretStr("x" * 40), public_url="https://enamel.clinic.example"
)


def test_outside_development_archives_are_called_over_tls_alone() -> None:
    archives = archives_of(PRODUCTION)
    assert isinstance(archives.archive, HttpArchive)
    assert not archives.plain_http
    assert archives_of(Settings()).plain_http


def test_a_folder_stands_for_archives_in_development_alone(tmp_path: Path) -> None:
    assert isinstance(archives_of(Settings(dicomweb_folder=tmp_path)).archive, FolderArchive)
    with pytest.raises(CannotStart):
        archives_of(PRODUCTION.model_copy(update={"dicomweb_folder": tmp_path}))


async def test_the_operator_names_the_private_hosts_that_may_be_called() -> None:
    await archives_of(Settings(dicomweb_private_hosts=("LocalHost",))).archive.check("https://localhost/dicom-web")
    with pytest.raises(AddressRefused):
        await archives_of(Settings()).archive.check("https://localhost/dicom-web")


def test_the_key_is_made_of_the_houses_secret() -> None:
    assert len(archives_of(PRODUCTION).key) == 32
    assert archives_of(PRODUCTION).key != archives_of(Settings(secret=SecretStr(DEVELOPMENT_SECRET))).key
