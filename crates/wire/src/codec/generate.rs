//! Random values of every message, for tests. Fields that a version does not have keep their defaults.

use bytes::Bytes;
use uuid::Uuid;

use super::{FieldSpec, Layout, RecordsField, Wire};
use crate::error_code::ErrorCode;

/// Array elements in one generated message, so that nested arrays stay small.
const ELEMENTS_MAX: usize = 400;

pub(crate) trait Generate: Sized {
    fn generate(source: &mut Source, layout: Layout) -> Self;
}

/// A seeded random number generator (SplitMix64).
pub(crate) struct Source {
    state: u64,
    elements_left: usize,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, elements_left: ELEMENTS_MAX }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A random length: mostly small, sometimes one whose varint takes two bytes.
    fn length(&mut self, long: usize) -> usize {
        match self.below(16) {
            0 => long,
            1..=3 => 0,
            _ => 1 + self.below(3),
        }
    }

    /// A random value of a field: null only if the version allows it.
    pub(crate) fn field<T: Generate + Wire>(&mut self, spec: &FieldSpec, layout: Layout) -> T {
        loop {
            let value = T::generate(self, layout);
            if !value.is_null() || spec.nullable.contains(layout.version) {
                return value;
            }
        }
    }
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl Generate for $type {
            fn generate(source: &mut Source, _: Layout) -> Self {
                match source.below(6) {
                    0 => 0,
                    1 => -1,
                    2 => Self::MAX,
                    3 => Self::MIN,
                    _ => source.next() as Self,
                }
            }
        })*
    };
}
integers!(i8, i16, i32, i64);

impl Generate for bool {
    fn generate(source: &mut Source, _: Layout) -> Self {
        source.below(2) == 1
    }
}

impl Generate for ErrorCode {
    fn generate(source: &mut Source, layout: Layout) -> Self {
        Self(Generate::generate(source, layout))
    }
}

impl Generate for Uuid {
    fn generate(source: &mut Source, _: Layout) -> Self {
        Self::from_u64_pair(source.next(), source.next())
    }
}

impl Generate for String {
    fn generate(source: &mut Source, _: Layout) -> Self {
        let length = source.length(200);
        (0..length).map(|_| ['a', 'Z', '.', 'é', '流', '\0'][source.below(6)]).collect()
    }
}

impl Generate for Bytes {
    fn generate(source: &mut Source, _: Layout) -> Self {
        let length = source.length(1500);
        source.bytes(length).into()
    }
}

impl Generate for RecordsField {
    fn generate(source: &mut Source, layout: Layout) -> Self {
        let parts = source.below(4);
        Self::new((0..parts).map(|_| Bytes::generate(source, layout)).collect())
    }
}

impl<T: Generate> Generate for Vec<T> {
    fn generate(source: &mut Source, layout: Layout) -> Self {
        let length = source.length(130).min(source.elements_left);
        source.elements_left -= length;
        (0..length).map(|_| T::generate(source, layout)).collect()
    }
}

impl<T: Generate> Generate for Option<T> {
    fn generate(source: &mut Source, layout: Layout) -> Self {
        (source.below(4) != 0).then(|| T::generate(source, layout))
    }
}
