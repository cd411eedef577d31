//! DescribeLogDirs (35): the directories of partitions, and their sizes.
//!
//! Version 3 adds an error for the whole response, version 4 the volume's size, version 5 whether the directory takes
//! no new partitions.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeLogDirsRequest of DescribeLogDirs {
        /// Null: all.
        topics: Option<Vec<DescribableLogDirTopic>> [null ..] = Some(Vec::new()),
    }

    struct DescribableLogDirTopic {
        topic: String,
        partitions: Vec<i32>,
    }

    response DescribeLogDirsResponse of DescribeLogDirs {
        throttle_time_ms: i32,
        error_code: ErrorCode [in 3..],
        results: Vec<DescribeLogDirsResult>,
    }

    struct DescribeLogDirsResult {
        error_code: ErrorCode,
        log_dir: String,
        topics: Vec<DescribeLogDirsTopic>,
        total_bytes: i64 [in 4..] = -1,
        usable_bytes: i64 [in 4..] = -1,
        is_cordoned: bool [in 5..],
    }

    struct DescribeLogDirsTopic {
        name: String,
        partitions: Vec<DescribeLogDirsPartition>,
    }

    struct DescribeLogDirsPartition {
        partition_index: i32,
        partition_size: i64,
        offset_lag: i64,
        is_future_key: bool,
    }
}
