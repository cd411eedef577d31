"""The history files, read by DuckDB, pyarrow and Polars: they have exactly the records that consumers got."""

from datetime import timezone
from pathlib import Path

import pytest
from records import Record, differences, sample
from test_confluent import consume, produce

COUNT = 500


@pytest.fixture
def history(cluster, new_topic, tmp_path):
    """A compacted topic with every kind of record: the records that a consumer gets, and the history files."""
    if not hasattr(cluster, "compact"):
        pytest.skip("Apache Kafka has no history")
    topic = new_topic(**{"retention.ms": "-1"})
    records = sample(COUNT)
    produce(cluster, topic, records, **{"compression.type": "zstd"})
    before = consume(cluster, topic, COUNT)
    cluster.compact()
    after = consume(cluster, topic, COUNT)
    assert differences(records, before) == [] and differences(before, after) == []
    return after, download(cluster, topic, tmp_path)


def download(cluster, topic, into: Path) -> str:
    """A glob of the topic's files; those in a bucket are fetched first, because DuckDB's S3 reader is a separate download."""
    bucket = getattr(cluster, "bucket", None)
    if bucket is None:
        return f"{cluster.data}/objects/history/{topic}/*/*/*.parquet"
    client = bucket.client()
    listing = client.list_objects_v2(Bucket=bucket.BUCKET, Prefix=f"clients/history/{topic}/")
    for number, item in enumerate(listing["Contents"]):
        client.download_file(bucket.BUCKET, item["Key"], str(into / f"{number}.parquet"))
    return f"{into}/*.parquet"


def record(offset, timestamp, key, value, headers) -> Record:
    milliseconds = round(timestamp.replace(tzinfo=timestamp.tzinfo or timezone.utc).timestamp() * 1000)
    pairs = tuple((header["key"], header["value"]) for header in headers)
    return Record(0, offset, milliseconds, key, value, pairs)


def test_duckdb_pyarrow_and_polars_find_what_consumers_got(history):
    import duckdb
    import polars
    import pyarrow.dataset

    records, glob = history
    columns = ["offset", "timestamp", "key", "value", "headers"]

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    query = f"""SELECT "offset", epoch_ms(timestamp), key, value, headers FROM read_parquet('{glob}') ORDER BY "offset" """
    rows = connection.execute(query).fetchall()
    by_duckdb = [Record(0, row[0], row[1], row[2], row[3], tuple((h["key"], h["value"]) for h in row[4])) for row in rows]
    assert differences(records, by_duckdb) == []

    files = sorted(map(str, Path(glob.split("*")[0]).glob(glob[len(glob.split("*")[0]):])))
    table = pyarrow.dataset.dataset(files, format="parquet").to_table(columns=columns)
    by_pyarrow = [record(*(row[name] for name in columns)) for row in table.sort_by("offset").to_pylist()]
    assert differences(records, by_pyarrow) == []

    frame = polars.scan_parquet(glob, hive_partitioning=False).select(columns).sort("offset").collect()
    assert differences(records, [record(*row) for row in frame.rows()]) == []


def test_a_reader_can_ask_for_a_range_of_time(history):
    import duckdb

    records, glob = history
    since = records[400].timestamp
    query = f"SELECT count(*) FROM read_parquet('{glob}') WHERE epoch_ms(timestamp) >= {since}"
    assert duckdb.sql(query).fetchall() == [(100,)]
