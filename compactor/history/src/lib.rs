//! The Parquet history file: layout, writer and reader.
