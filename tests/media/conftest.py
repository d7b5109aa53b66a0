"""The storages that have to behave alike: the folder twin, moto's S3 and Ceph's own S3 server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from media.folder import FolderStorage
from media.s3 import S3Storage
from media.storage import Storage
from tests.media.radosgw import Radosgw, why_not


def bucket(endpoint: str, access_key: str, secret_key: str) -> S3Storage:
    storage = S3Storage("enamel-media", "us-east-1", endpoint, access_key, secret_key, path_style=True)
    storage._client.create_bucket(Bucket=storage.bucket)
    return storage


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Storage]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield bucket(f"http://{host}:{port}", "key", "secret")
    server.stop()


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Storage]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Radosgw.started(tmp_path_factory.mktemp("ceph")) as server:
        yield bucket(server.endpoint, server.access_key, server.secret_key)


@pytest.fixture(params=["moto", "radosgw"])
def s3(request: pytest.FixtureRequest) -> S3Storage:
    made: S3Storage = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=["folder", "moto", "radosgw"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path / "files")
    made: S3Storage = request.getfixturevalue(request.param)
    return made
