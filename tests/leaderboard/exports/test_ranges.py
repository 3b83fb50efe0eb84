"""Files are read in parts, by the programs people read tables with."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import duckdb_extension_httpfs
import pandas as pd
import polars as pl
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from leaderboard.exports.routes import routes
from leaderboard.site.site import Site
from leaderboard.vocabulary.downloads import DOWNLOADS
from tests.leaderboard.exports.test_exports import make_site, served, with_datasets

FILE = "/download/results.parquet"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    return TestClient(Starlette(routes=routes(site)))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-8", -8, None), ("bytes=5-5", 5, 6)],
)
def test_a_range_is_that_part_of_the_file(client: TestClient, asked: str, start: int, stop: int | None) -> None:
    whole = client.get(FILE)
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get(FILE, headers={"Range": asked})
    assert part.status_code == 206
    assert part.content == whole.content[start:stop]
    first = start % len(whole.content)
    assert part.headers["content-range"] == f"bytes {first}-{first + len(part.content) - 1}/{len(whole.content)}"
    assert part.headers["etag"] == whole.headers["etag"]


def test_a_range_may_reach_beyond_the_end_but_not_begin_there(client: TestClient) -> None:
    whole = client.get(FILE).content
    assert client.get(FILE, headers={"Range": f"bytes=10-{len(whole) * 2}"}).content == whole[10:]
    assert client.get(FILE, headers={"Range": f"bytes=-{len(whole) * 2}"}).content == whole
    for asked in (f"bytes={len(whole)}-", "bytes=-0"):
        beyond = client.get(FILE, headers={"Range": asked})
        assert (beyond.status_code, beyond.content) == (416, b"")
        assert beyond.headers["content-range"] == f"bytes */{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=", "bytes=-", "bytes=9-5", "lines=0-5", "bytes=0-1,5-6", "bytes=x-y"])
def test_what_is_no_single_range_gives_the_whole_file(client: TestClient, asked: str) -> None:
    assert client.get(FILE, headers={"Range": asked}).status_code == 200


def test_a_part_of_another_version_is_not_mixed_in(client: TestClient) -> None:
    tag = client.get(FILE).headers["etag"]
    assert client.get(FILE, headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    assert client.get(FILE, headers={"Range": "bytes=0-9", "If-Range": '"old"'}).status_code == 200


def test_the_head_tells_the_length(client: TestClient) -> None:
    head = client.head(FILE)
    assert int(head.headers["content-length"]) == len(client.get(FILE).content)
    assert head.content == b""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["results", "board", "all-answers"])
def test_polars_reads_by_address(site: Site, client: TestClient, name: str) -> None:
    expected = pd.read_parquet(io.BytesIO(client.get(f"/download/{name}.parquet").content))
    with served(site) as url:
        address = f"{url}/download/{name}.parquet"
        assert pl.scan_parquet(address).select(pl.len()).collect().item() == len(expected)
        assert pl.read_parquet(address, columns=["id"])["id"].to_list() == expected["id"].tolist()
        if name in DOWNLOADS:
            assert len(pl.read_csv(f"{url}/download/{name}.csv", infer_schema=False)) == len(expected)
            assert pl.scan_csv(f"{url}/download/{name}.csv", infer_schema=False).collect().height == len(expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["results", "board", "all-answers"])
def test_duckdb_reads_by_address(site: Site, client: TestClient, name: str) -> None:
    expected = pd.read_parquet(io.BytesIO(client.get(f"/download/{name}.parquet").content))
    with served(site) as url, duckdb.connect() as db:
        (extension,) = Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension")
        db.execute(f"LOAD '{extension}'")
        found = db.sql(f"SELECT id FROM '{url}/download/{name}.parquet'").fetchall()
        assert [row[0] for row in found] == expected["id"].tolist()
        if name in DOWNLOADS:
            assert db.sql(f"SELECT count(*) FROM read_csv('{url}/download/{name}.csv')").fetchone() == (len(expected),)


@pytest.mark.slow
def test_pandas_and_datasets_read_by_address(site: Site, client: TestClient, tmp_path: Path) -> None:
    expected = pd.read_parquet(io.BytesIO(client.get("/download/board.parquet").content))
    with served(site) as url:
        for form, read in (("parquet", pd.read_parquet), ("csv", pd.read_csv)):
            assert len(read(f"{url}/download/board.{form}")) == len(expected)
        assert with_datasets(tmp_path, [f"{url}/download/board.parquet"])[f"{url}/download/board.parquet"] == len(
            expected
        )
