//! The APIs and the versions of each that can be read and written.
//!
//! Owns: the number, name, version range and header layout of each API that has messages here. Does not own: which of
//! them are served; the gateway advertises those that it has handlers for, at [`ApiKey::advertised`].
//!
//! The ranges are those of Kafka 4.3 (KIP-896 removed older versions), without the versions that Kafka calls unstable.

use std::fmt;

use crate::codec::{Layout, Versions};

/// The first version of Produce that the ApiVersions response names, although versions below 3 cannot be read:
/// librdkafka compresses only if it sees 0 there (KAFKA-18659).
const PRODUCE_ADVERTISED_MIN: i16 = 0;

macro_rules! apis {
    ($(
        $api:ident = $key:literal, $min:literal to $max:literal,
        $(flexible from $flexible:literal)? $(never $never:ident)?;
    )*) => {
        /// An API: the first number of every request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                #[doc = concat!(stringify!($api), ", API key ", stringify!($key), ".")]
                $api = $key,
            )*
        }

        impl ApiKey {
            /// Every API that has messages here, in ascending order of keys.
            pub const ALL: &[Self] = &[$(Self::$api,)*];

            /// The API with this key; `None` if it has no messages here.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($key => Some(Self::$api),)*
                    _ => None,
                }
            }

            /// Kafka's name of the API.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$api => stringify!($api),)*
                }
            }

            /// The versions whose requests and responses can be read and written.
            pub const fn versions(self) -> Versions {
                match self {
                    $(Self::$api => Versions::new($min, $max),)*
                }
            }

            /// The first version with compact lengths and tagged fields (KIP-482).
            const fn flexible_from(self) -> Option<i16> {
                match self {
                    $(Self::$api => apis!(@from $($flexible)?),)*
                }
            }
        }
    };
    (@from $flexible:literal) => {
        Some($flexible)
    };
    (@from) => {
        None
    };
}

apis! {
    Produce = 0, 3 to 13, flexible from 9;
    Fetch = 1, 4 to 18, flexible from 12;
    ListOffsets = 2, 1 to 11, flexible from 6;
    Metadata = 3, 0 to 13, flexible from 9;
    OffsetCommit = 8, 2 to 10, flexible from 8;
    OffsetFetch = 9, 1 to 10, flexible from 6;
    FindCoordinator = 10, 0 to 6, flexible from 3;
    JoinGroup = 11, 0 to 9, flexible from 6;
    Heartbeat = 12, 0 to 4, flexible from 4;
    LeaveGroup = 13, 0 to 5, flexible from 4;
    SyncGroup = 14, 0 to 5, flexible from 4;
    DescribeGroups = 15, 0 to 6, flexible from 5;
    ListGroups = 16, 0 to 5, flexible from 3;
    SaslHandshake = 17, 0 to 1, never flexible;
    ApiVersions = 18, 0 to 4, flexible from 3;
    CreateTopics = 19, 2 to 7, flexible from 5;
    DeleteTopics = 20, 1 to 6, flexible from 4;
    DeleteRecords = 21, 0 to 2, flexible from 2;
    InitProducerId = 22, 0 to 5, flexible from 2;
    OffsetForLeaderEpoch = 23, 2 to 4, flexible from 4;
    AddPartitionsToTxn = 24, 0 to 5, flexible from 3;
    AddOffsetsToTxn = 25, 0 to 4, flexible from 3;
    EndTxn = 26, 0 to 5, flexible from 3;
    WriteTxnMarkers = 27, 1 to 2, flexible from 1;
    TxnOffsetCommit = 28, 0 to 5, flexible from 3;
    DescribeAcls = 29, 1 to 3, flexible from 2;
    DescribeConfigs = 32, 1 to 4, flexible from 4;
    AlterConfigs = 33, 0 to 2, flexible from 2;
    DescribeLogDirs = 35, 1 to 5, flexible from 2;
    SaslAuthenticate = 36, 0 to 2, flexible from 2;
    CreatePartitions = 37, 0 to 3, flexible from 2;
    DeleteGroups = 42, 0 to 2, flexible from 2;
    ElectLeaders = 43, 0 to 2, flexible from 2;
    IncrementalAlterConfigs = 44, 0 to 1, flexible from 1;
    AlterPartitionReassignments = 45, 0 to 1, flexible from 0;
    ListPartitionReassignments = 46, 0 to 0, flexible from 0;
    OffsetDelete = 47, 0 to 0, never flexible;
    DescribeCluster = 60, 0 to 2, flexible from 0;
    DescribeProducers = 61, 0 to 0, flexible from 0;
    DescribeTransactions = 65, 0 to 0, flexible from 0;
    ListTransactions = 66, 0 to 2, flexible from 0;
    ConsumerGroupHeartbeat = 68, 0 to 1, flexible from 0;
    ConsumerGroupDescribe = 69, 0 to 1, flexible from 0;
    ListConfigResources = 74, 0 to 1, flexible from 0;
    DescribeTopicPartitions = 75, 0 to 0, flexible from 0;
}

impl ApiKey {
    /// The API key as a number.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The versions to name in an ApiVersions response.
    pub const fn advertised(self) -> Versions {
        match self {
            Self::Produce => Versions::new(PRODUCE_ADVERTISED_MIN, self.versions().max),
            _ => self.versions(),
        }
    }

    /// Whether this version has compact lengths and tagged fields (KIP-482).
    pub const fn is_flexible(self, version: i16) -> bool {
        match self.flexible_from() {
            Some(first) => version >= first,
            None => false,
        }
    }

    /// The layout of a body of this version; `None` if the version is not supported.
    pub(crate) fn layout(self, version: i16) -> Option<Layout> {
        self.versions().contains(version).then(|| Layout { version, flexible: self.is_flexible(version) })
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The versions that a Kafka 4.3 broker advertises, captured on the wire, for the keys that have messages here.
    const KAFKA_4_3: &str = "0:0-13 1:4-18 2:1-11 3:0-13 8:2-10 9:1-10 10:0-6 11:0-9 12:0-4 13:0-5 14:0-5 15:0-6 \
        16:0-5 17:0-1 18:0-4 19:2-7 20:1-6 21:0-2 22:0-5 23:2-4 24:0-5 25:0-4 26:0-5 27:1-2 28:0-5 29:1-3 32:1-4 33:0-2 \
        35:1-5 36:0-2 37:0-3 42:0-2 43:0-2 44:0-1 45:0-1 46:0-0 47:0-0 60:0-2 61:0-0 65:0-0 66:0-2 68:0-1 69:0-1 74:0-1 75:0-0";

    #[test]
    fn advertised_versions_are_those_of_kafka() {
        let ours: Vec<_> = ApiKey::ALL
            .iter()
            .map(|api| format!("{}:{}-{}", api.code(), api.advertised().min, api.advertised().max))
            .collect();
        assert_eq!(ours.join(" "), KAFKA_4_3);
    }

    #[test]
    fn codes_map_back_to_their_api() {
        for code in i16::MIN..=i16::MAX {
            assert!(ApiKey::from_code(code).is_none_or(|api| api.code() == code && ApiKey::ALL.contains(&api)));
        }
        assert_eq!(ApiKey::from_code(18), Some(ApiKey::ApiVersions));
    }

    #[test]
    fn only_produce_advertises_versions_that_are_not_read() {
        for api in ApiKey::ALL {
            assert_eq!(api.advertised() == api.versions(), *api != ApiKey::Produce, "{api}");
        }
    }
}
