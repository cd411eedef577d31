"""The history files, read by DuckDB, pyarrow and Polars: they have exactly the records that consumers got."""

import shutil
from dataclasses import replace
from datetime import timezone
from pathlib import Path

import pytest
from records import Record, differences, sample
from test_confluent import consume, produce

COUNT = 500
GOLDEN = Path(__file__).parents[2] / "crates/history/src/tests"


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


def test_partitions_that_share_a_file_are_queried_and_consumed_as_they_were_sent(cluster, new_topic, tmp_path):
    import duckdb

    if not hasattr(cluster, "compact"):
        pytest.skip("Apache Kafka has no history")
    partitions, each = range(5), 20
    topic = new_topic(partitions=len(partitions), **{"retention.ms": "-1"})
    for partition in partitions:
        produce(cluster, topic, [replace(record, partition=partition) for record in sample(each)])
    count = each * len(partitions)

    def in_order():
        return sorted(consume(cluster, topic, count, partitions), key=lambda record: (record.partition, record.offset))

    before = in_order()
    cluster.compact()
    after = in_order()
    assert differences(before, after) == []

    files = download(cluster, topic, tmp_path)
    connection = duckdb.connect()
    assert connection.execute(f"SELECT count(DISTINCT filename) FROM read_parquet('{files}', filename = true)").fetchall() == [(1,)]
    query = f"""SELECT partition, "offset", key, value FROM read_parquet('{files}') ORDER BY partition, "offset" """
    expected = [(record.partition, record.offset, record.key, record.value) for record in after]
    assert connection.execute(query).fetchall() == expected


def directory(root: Path, of_one: bool, of_several: bool) -> Path:
    """A topic's directory with a file of partition 0, one of partitions 3 and 17, or both. Each partition has the same offsets."""
    if of_one:
        (root / "id/partition=0").mkdir(parents=True)
        shutil.copy(GOLDEN / "golden-v1.parquet", root / "id/partition=0/00000000000000000099-a.parquet")
    if of_several:
        (root / "id/shared").mkdir(parents=True)
        shutil.copy(GOLDEN / "golden-v2.parquet", root / "id/shared/b.parquet")
    return root


@pytest.mark.parametrize("of_one, of_several", [(True, False), (False, True), (True, True)])
def test_each_engine_finds_the_partition_of_each_row_in_files_of_one_partition_and_of_several(tmp_path, of_one, of_several):
    import duckdb
    import polars
    import pyarrow.dataset

    root = directory(tmp_path / "orders", of_one, of_several)
    numbers = [0] * of_one + [3, 17] * of_several
    expected = [(number, offset) for number in numbers for offset in (100, 101, 105, 1_100)]

    files = f"{root}/*/*/*.parquet"
    query = f"""SELECT coalesce(partition::INT, try_cast(regexp_extract(filename, 'partition=(\\d+)', 1) AS INT)) AS partition, "offset"
                FROM read_parquet('{files}', union_by_name = true, filename = true)"""
    assert sorted(duckdb.sql(query).fetchall()) == expected
    plain = duckdb.sql(f"""SELECT "offset" FROM read_parquet('{files}')""").fetchall()
    assert sorted(plain) == sorted((offset,) for _, offset in expected)

    rows = pyarrow.dataset.dataset(root, format="parquet", partitioning="hive").to_table(columns=["partition", "offset"])
    assert sorted((row["partition"], row["offset"]) for row in rows.to_pylist()) == expected

    own = [polars.scan_parquet(f"{root}/*/partition=*/*.parquet", hive_partitioning=True)] * of_one
    shared = [polars.scan_parquet(f"{root}/*/shared/*.parquet")] * of_several
    frame = polars.concat(own + shared, how="diagonal_relaxed").select("partition", "offset").collect()
    assert sorted(frame.rows()) == expected
    plain = polars.scan_parquet(files, hive_partitioning=False, extra_columns="ignore").select("offset").collect()
    assert sorted(plain.rows()) == sorted((offset,) for _, offset in expected)
