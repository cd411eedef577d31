//! The hash of placement. It must never change; golden tests fix it.

/// The kind of thing that is placed. Its number makes the placements of different kinds independent, even if their keys
/// are the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A partition among ranks.
    Rank = 1,
    /// A partition among the agents of one rank.
    Leader = 2,
    /// A group or a transactional id among agents.
    Coordinator = 3,
    /// A block among the agents of a zone.
    Block = 4,
    /// Anything else among nodes.
    Owner = 5,
}

/// The weight of `candidate` for `key`: FNV-1a over the purpose, the key and the candidate, then the mixer of
/// splitmix64, because FNV alone hardly spreads inputs that differ only in their last bytes.
pub(super) fn weight(purpose: Purpose, key: &[u8], candidate: u32) -> u64 {
    let bytes = [purpose as u8].into_iter().chain(key.iter().copied()).chain(candidate.to_be_bytes());
    mix(bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)))
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
