//! The first byte of every key: which kind of row it is. A number is never used again for another kind.

/// The first byte of a key. All tags are listed here; `docs/formats.md` shows the layout of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub(crate) u8);

impl Tag {
    /// The format version of the store: one row.
    pub const FORMAT: Self = Self(0x01);
    /// The cluster id: one row.
    pub const CLUSTER: Self = Self(0x02);

    /// Topics by id.
    pub const TOPIC: Self = Self(0x10);
    /// Topic ids by name.
    pub const TOPIC_NAME: Self = Self(0x11);
    /// Deleted topics by id, until they are purged.
    pub const TOPIC_DELETED: Self = Self(0x12);
    /// Deleted topics by the time from which they may be purged.
    pub const TOPIC_DUE: Self = Self(0x13);

    /// Heads of partitions.
    pub const HEAD: Self = Self(0x20);
    /// Extents by partition and end offset.
    pub const EXTENT: Self = Self(0x21);
    /// Producer windows by partition and producer id.
    pub const WINDOW: Self = Self(0x22);
    /// Outcomes of recent commits by segment.
    pub const OUTCOME: Self = Self(0x23);
    /// The next producer id: one row.
    pub const PRODUCER_NEXT: Self = Self(0x24);
    /// Where the sweep of idle producers continues: one row.
    pub const PRODUCER_SWEEP: Self = Self(0x25);
    /// Log starts of the partitions that were ever trimmed.
    pub const LOG_START: Self = Self(0x26);
    /// Counters of the bytes that trims and swaps removed from each partition.
    pub const LOG_REMOVED: Self = Self(0x27);

    /// Objects by id.
    pub const OBJECT: Self = Self(0x30);
    /// Retired objects by the time from which they may be deleted.
    pub const RETIRED: Self = Self(0x31);
    /// Counters of the references to each object that were taken back.
    pub const OBJECT_RELEASED: Self = Self(0x32);
    /// References that were taken back, in that order, until it is known which objects have none left.
    pub const RELEASED: Self = Self(0x33);

    /// Feed entries by position.
    pub const FEED: Self = Self(0x40);
    /// A counter that grows with every append to the feed, and is watched: one row.
    pub const FEED_END: Self = Self(0x41);
    /// The last feed position that was trimmed: one row.
    pub const FEED_TRIMMED: Self = Self(0x42);

    /// Consumer groups by name (0x50 to 0x5f are reserved for groups).
    pub const GROUP: Self = Self(0x50);
    /// Committed offsets of consumer groups (0x60 to 0x6f are reserved for them).
    pub const GROUP_OFFSET: Self = Self(0x60);

    /// Transactional ids: their states, and what belongs to their open transactions (0x70 to 0x7f are reserved for them).
    pub const TRANSACTION: Self = Self(0x70);
    /// What open transactions have written to each partition.
    pub const TRANSACTION_OPEN: Self = Self(0x71);
    /// Aborted transactions by partition and the offset of their marker.
    pub const TRANSACTION_ABORTED: Self = Self(0x72);

    /// Registered nodes, their heartbeats, and replaced registrations.
    pub const NODE: Self = Self(0x80);
    /// Leases by what they protect.
    pub const LEASE: Self = Self(0x81);
}
