//! Decoding allocates memory in proportion to the frame, measured with an allocator that counts per thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Subject, decode, each_version};
use crate::codec::DecodeError;
use crate::codec::generate::Source;
use crate::messages::metadata::MetadataRequest;

/// Bytes of memory that one byte of a frame may cost. The worst case is an array of empty strings, each 1 byte on the
/// wire and 24 bytes in memory, held twice while the array grows: 49 were measured.
const BYTES_PER_FRAME_BYTE: usize = 64;
/// Bytes that any frame may cost: what nested arrays reserve before their elements are read.
const BYTES_PER_FRAME: usize = 64 << 10;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe by its nature; it only counts and calls the system's")]
// SAFETY: every call goes to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.get().wrapping_add(layout.size());
        LIVE.set(live);
        PEAK.set(PEAK.get().max(live));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // What another thread allocated is not in this thread's count.
        LIVE.set(LIVE.get().saturating_sub(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`, and the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Peak increase of the thread's memory while `action` runs.
fn peak_of<T>(action: impl FnOnce() -> T) -> (usize, T) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = action();
    (PEAK.get() - before, result)
}

/// Decodes the frame and checks the memory that takes. A valid frame is also encoded again, which counts too.
fn check_one(subject: &Subject, version: i16, frame: &Bytes) {
    let (peak, _) = peak_of(|| (subject.reencode)(frame.clone(), version));
    let allowed = frame.len() * BYTES_PER_FRAME_BYTE + BYTES_PER_FRAME;
    assert!(peak <= allowed, "{} version {version}: {peak} bytes for {}", subject.name, frame.len());
}

fn check(frame: &Bytes) {
    for (subject, version) in each_version() {
        check_one(subject, version, frame);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_frames_cost_memory_in_proportion(seed: u64, length in 0usize..4096, alphabet in 1usize..=256) {
        let mut source = Source::new(seed);
        let frame: Vec<u8> = (0..length).map(|_| source.below(alphabet) as u8).collect();
        check(&frame.into());
    }
}

/// Puts the greatest length that the rest of the frame allows at every position where an array's length may be.
#[test]
fn plausible_lengths_take_memory_in_proportion() {
    const REST_BYTES: u16 = 16_000;
    let plain = u32::from(REST_BYTES).to_be_bytes();
    let compact = [(REST_BYTES & 0x7f) as u8 | 0x80, (REST_BYTES >> 7) as u8];
    for (subject, version) in each_version() {
        let blank = (subject.blank)(version);
        for place in 0..blank.len() {
            for claim in [plain.as_slice(), compact.as_slice()] {
                let mut frame = blank[..place].to_vec();
                frame.extend_from_slice(claim);
                frame.resize(frame.len() + usize::from(REST_BYTES), 0xff);
                check_one(subject, version, &frame.into());
            }
        }
    }
}

#[test]
fn uniform_frames_take_memory_in_proportion() {
    for byte in [0, 1, 2, 3, 0x7f, 0x80, 0xff] {
        for length in [64, 100_000] {
            check(&vec![byte; length].into());
        }
    }
}

#[test]
fn an_array_longer_than_the_frame_is_rejected_before_memory_is_allocated() {
    let frame = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 0, 0]);
    let (peak, result) = peak_of(|| decode::<MetadataRequest>(frame, 0));
    assert_eq!(result, Err(DecodeError::ArrayTooLong { claimed: 0x7fff_ffff, left: 2 }));
    assert_eq!(peak, 0);
}

#[test]
fn arrays_above_the_memory_limit_are_rejected_whatever_the_frame_contains() {
    let topics = 4 << 20;
    let mut frame = vec![0; 4 + 2 * topics];
    frame[..4].copy_from_slice(&(topics as u32).to_be_bytes());
    let (peak, result) = peak_of(|| decode::<MetadataRequest>(frame.into(), 0));
    assert_eq!(result, Err(DecodeError::ArraysTooLarge));
    assert!(peak < 1024);
}
