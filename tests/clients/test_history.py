"""The history files, read by DuckDB, pyarrow and Polars: they have exactly the records that consumers got."""

import random
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


def download(cluster, topic, into: Path) -> Path:
    """The topic's directory; what is in a bucket is fetched first, because DuckDB's S3 reader is a separate download."""
    bucket = getattr(cluster, "bucket", None)
    if bucket is None:
        return Path(cluster.data) / "objects/history" / topic
    client, prefix = bucket.client(), "clients/history/"
    for item in client.list_objects_v2(Bucket=bucket.BUCKET, Prefix=f"{prefix}{topic}/")["Contents"]:
        file = into / item["Key"].removeprefix(prefix)
        file.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket.BUCKET, item["Key"], str(file))
    return into / topic


def record(offset, timestamp, key, value, headers) -> Record:
    milliseconds = round(timestamp.replace(tzinfo=timestamp.tzinfo or timezone.utc).timestamp() * 1000)
    pairs = tuple((header["key"], header["value"]) for header in headers)
    return Record(0, offset, milliseconds, key, value, pairs)


def test_duckdb_pyarrow_and_polars_find_what_consumers_got(history):
    import duckdb
    import polars
    import pyarrow.dataset

    records, root = history
    files = f"{root}/*/*.parquet"
    columns = ["offset", "timestamp", "key", "value", "headers"]

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    query = f"""SELECT "offset", epoch_ms(timestamp), key, value, headers FROM read_parquet('{files}') ORDER BY "offset" """
    rows = connection.execute(query).fetchall()
    by_duckdb = [Record(0, row[0], row[1], row[2], row[3], tuple((h["key"], h["value"]) for h in row[4])) for row in rows]
    assert differences(records, by_duckdb) == []

    table = pyarrow.dataset.dataset(root, format="parquet").to_table(columns=columns)
    by_pyarrow = [record(*(row[name] for name in columns)) for row in table.sort_by("offset").to_pylist()]
    assert differences(records, by_pyarrow) == []

    frame = polars.scan_parquet(files).select(columns).sort("offset").collect()
    assert differences(records, [record(*row) for row in frame.rows()]) == []


def test_a_reader_can_ask_for_a_range_of_time(history):
    import duckdb

    records, root = history
    since = records[400].timestamp
    query = f"SELECT count(*) FROM read_parquet('{root}/*/*.parquet') WHERE epoch_ms(timestamp) >= {since}"
    assert duckdb.sql(query).fetchall() == [(100,)]


def counts(root: Path) -> dict[str, list[tuple[int, int]]]:
    """The number of records of each partition, as each engine counts them in all files of a topic."""
    import duckdb
    import polars
    import pyarrow.dataset

    files, found = f"{root}/*/*.parquet", {}
    for options in ("", ", hive_partitioning = true", ", union_by_name = true"):
        query = f"SELECT partition, count(*) FROM read_parquet('{files}'{options}) GROUP BY partition"
        found[f"duckdb{options}"] = duckdb.sql(query).fetchall()
    for options in ({}, {"partitioning": "hive"}):
        table = pyarrow.dataset.dataset(root, format="parquet", **options).to_table(columns=["partition"])
        counted = table.group_by("partition").aggregate([([], "count_all")])
        found[f"pyarrow {options}"] = [(row["partition"], row["count_all"]) for row in counted.to_pylist()]
    for options in ({}, {"hive_partitioning": True}):
        found[f"polars {options}"] = polars.scan_parquet(files, **options).group_by("partition").len().collect().rows()
    return {engine: sorted(rows) for engine, rows in found.items()}


def test_each_engine_counts_the_records_of_partitions_that_share_a_file_and_of_one_that_does_not(cluster, new_topic, tmp_path):
    import duckdb

    if not hasattr(cluster, "compact"):
        pytest.skip("Apache Kafka has no history")
    small, large, each = range(5), 5, 20
    topic = new_topic(partitions=6, **{"retention.ms": "-1"})
    for partition in small:
        produce(cluster, topic, [replace(record, partition=partition) for record in sample(each + partition)])
    value = random.Random(5).randbytes(100_000)
    produce(cluster, topic, [replace(record, partition=large, value=value[n:]) for n, record in enumerate(sample(each))])
    expected = [(partition, each + partition) for partition in small] + [(large, each)]
    count = sum(records for _, records in expected)

    def in_order():
        return sorted(consume(cluster, topic, count, range(6)), key=lambda record: (record.partition, record.offset))

    before = in_order()
    cluster.compact()
    after = in_order()
    assert differences(before, after) == []

    root = download(cluster, topic, tmp_path)
    assert counts(root) == dict.fromkeys(counts(root), expected)
    query = f"""SELECT filename, list(DISTINCT partition ORDER BY partition) FROM read_parquet('{root}/*/*.parquet', filename = true)
                GROUP BY filename ORDER BY 2"""
    assert [partitions for _, partitions in duckdb.sql(query).fetchall()] == [[*small], [large]]
    query = f"""SELECT partition, "offset", key, value FROM read_parquet('{root}/*/*.parquet') ORDER BY partition, "offset" """
    assert duckdb.sql(query).fetchall() == [(record.partition, record.offset, record.key, record.value) for record in after]


def test_files_of_version_1_are_found_beside_the_others(tmp_path):
    import duckdb

    root = tmp_path / "orders"
    (root / "id/partition=0").mkdir(parents=True)
    shutil.copy(GOLDEN / "golden-v1.parquet", root / "id/partition=0/00000000000000000099-a.parquet")
    shutil.copy(GOLDEN / "golden-v2.parquet", root / "id/b.parquet")
    query = f"""SELECT coalesce(partition::INT, try_cast(regexp_extract(filename, 'partition=(\\d+)', 1) AS INT)) AS partition, "offset"
                FROM read_parquet('{root}/**/*.parquet', union_by_name = true, filename = true, hive_partitioning = false)"""
    assert sorted(duckdb.sql(query).fetchall()) == [(n, offset) for n in (0, 3, 17) for offset in (100, 101, 105, 1_100)]
