//! The numbers of rejected batches within a run: a list while they are few, a bit map when that is shorter.

use crate::keyspace::{RowError, RowReader, RowWriter};

/// The numbers of rejected batches, in the shorter of their two stored forms.
pub(super) enum Rejected {
    None,
    Listed(Vec<u8>),
    Bits(Vec<u8>),
}

/// Encodes `numbers`, which are ascending.
pub(super) fn encode(numbers: &[u32]) -> Rejected {
    let Some(last) = numbers.last() else { return Rejected::None };
    let (list, _) = numbers.iter().fold((RowWriter::part().count(numbers.len()), 0), |(list, expected), number| {
        (list.varint(u64::from(number.wrapping_sub(expected))), number.wrapping_add(1))
    });
    let list = list.finish();
    let bits_len = *last as usize / 8 + 1;
    if list.len() <= bits_len {
        return Rejected::Listed(list);
    }
    let mut bits = vec![0; bits_len];
    for number in numbers {
        if let Some(byte) = bits.get_mut(*number as usize / 8) {
            *byte |= 1 << (number % 8);
        }
    }
    Rejected::Bits(bits)
}

/// Reads what [`Rejected::Listed`] holds.
pub(super) fn decode_list(row: &mut RowReader<'_>) -> Result<Vec<u32>, RowError> {
    let count = row.count(1)?;
    let mut numbers = Vec::with_capacity(count);
    let mut expected = 0u64;
    for _ in 0..count {
        let number = row.varint()?.checked_add(expected).and_then(|number| u32::try_from(number).ok());
        let number = number.ok_or(row.malformed("rejected batch number"))?;
        numbers.push(number);
        expected = u64::from(number) + 1;
    }
    Ok(numbers)
}

/// Reads what [`Rejected::Bits`] holds, with its length.
pub(super) fn decode_bits(row: &mut RowReader<'_>) -> Result<Vec<u32>, RowError> {
    let bits = row.bytes()?;
    let numbers = (0u32..).zip(bits).flat_map(|(index, byte)| {
        let set = (0..8).filter(move |bit| byte & (1 << bit) != 0);
        set.map(move |bit| index.saturating_mul(8).saturating_add(bit))
    });
    Ok(numbers.collect())
}
