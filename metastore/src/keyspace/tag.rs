//! The first byte of every key: which rows they are. Numbers are never given twice.

/// The first byte of a key. All tags are listed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub(crate) u8);

impl Tag {
    /// The format version of the store.
    pub const FORMAT: Self = Self(0x01);
    /// The cluster id.
    pub const CLUSTER: Self = Self(0x02);

    /// Topics by id.
    pub const TOPIC: Self = Self(0x10);
    /// Topic ids by name.
    pub const TOPIC_NAME: Self = Self(0x11);
    /// Deleted topics by id, until purged.
    pub const TOPIC_DELETED: Self = Self(0x12);
    /// Deleted topics by the time when they may be purged.
    pub const TOPIC_DUE: Self = Self(0x13);

    /// Heads.
    pub const HEAD: Self = Self(0x20);
    /// Extents by end offset.
    pub const EXTENT: Self = Self(0x21);
    /// Producer windows.
    pub const WINDOW: Self = Self(0x22);
    /// Outcomes of recent commits, by segment.
    pub const OUTCOME: Self = Self(0x23);
    /// The next producer id.
    pub const PRODUCER_NEXT: Self = Self(0x24);
    /// Where the sweep of idle producers goes on.
    pub const PRODUCER_SWEEP: Self = Self(0x25);

    /// Objects.
    pub const OBJECT: Self = Self(0x30);
    /// Retired objects by the time when they may be deleted.
    pub const RETIRED: Self = Self(0x31);

    /// Feed entries.
    pub const FEED: Self = Self(0x40);
    /// Grows with every feed entry; watched.
    pub const FEED_TIP: Self = Self(0x41);
    /// The last feed position that was trimmed away.
    pub const FEED_TRIMMED: Self = Self(0x42);

    /// Consumer groups: 0x50 to 0x5f.
    pub const GROUP: Self = Self(0x50);
    /// Committed offsets of consumer groups: 0x60 to 0x6f.
    pub const GROUP_OFFSET: Self = Self(0x60);

    /// Registered nodes.
    pub const NODE: Self = Self(0x80);
    /// Leases that are held.
    pub const LEASE: Self = Self(0x81);
}
