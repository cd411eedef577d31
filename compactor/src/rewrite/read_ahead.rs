//! How many segments are fetched before they are added: as many as fit the memory for them. Pure.

/// Segments fetched at a time, with the one that is being added: hides their latency.
const SEGMENTS_MAX: usize = 5;

/// The memory of one job for segments that are fetched and not yet added.
pub(super) struct ReadAhead {
    bytes_max: u64,
    bytes: u64,
    segments: usize,
}

impl ReadAhead {
    /// Memory of `bytes_max`.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, bytes: 0, segments: 0 }
    }

    /// Whether a further `bytes` may be fetched; if nothing else is held, they may however many they are.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        let fits = self.bytes.saturating_add(memory_of(bytes)) <= self.bytes_max;
        self.segments == 0 || (fits && self.segments < SEGMENTS_MAX)
    }

    /// Notes that `bytes` of a segment are fetched.
    pub(super) fn take(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(memory_of(bytes));
        self.segments += 1;
    }

    /// Notes that the `bytes` of a segment are added, and not held any more.
    pub(super) fn release(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(memory_of(bytes));
        self.segments = self.segments.saturating_sub(1);
    }
}

/// A response takes twice its size, because it is put together from its pieces.
fn memory_of(bytes: u64) -> u64 {
    bytes.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many segments of `bytes` are fetched at a time.
    fn at_a_time(read_ahead: &mut ReadAhead, bytes: u64) -> usize {
        let fetches = std::iter::from_fn(|| read_ahead.has_room_for(bytes).then(|| read_ahead.take(bytes)));
        fetches.count()
    }

    #[test]
    fn segments_are_fetched_ahead_as_memory_allows_and_one_always_is() {
        assert_eq!(at_a_time(&mut ReadAhead::new(100), 1), SEGMENTS_MAX);
        assert_eq!(at_a_time(&mut ReadAhead::new(100), 20), 2);
        assert_eq!(at_a_time(&mut ReadAhead::new(100), 1_000), 1);
        let mut read_ahead = ReadAhead::new(100);
        at_a_time(&mut read_ahead, 20);
        read_ahead.release(20);
        assert_eq!(at_a_time(&mut read_ahead, 30), 1);
        assert_eq!(at_a_time(&mut read_ahead, 0), 3, "empty runs take memory of nothing");
    }
}
