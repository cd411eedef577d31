//! The stateless agent: Kafka and HTTP on top of the metastore and object storage.
