use super::fixtures::{extent, head};
use crate::{
    Extent, Offset,
    limits::SWAP_OUTPUTS_MAX,
    log::{
        Head,
        swap::{InvalidSwap, Swapped, covered, swap},
    },
};

#[test]
fn the_log_shrinks_by_what_the_outputs_are_smaller() {
    let swapped = |bytes| {
        let output = Extent { bytes, ..extent(10..30) };
        swap(head(0, 40), &[extent(10..20), extent(20..30)], &[output])
    };
    assert_eq!(swapped(7), Ok(Swapped { below: 0, trimmed: 0, removed: 193 }));
    assert_eq!(swapped(205), Ok(Swapped { below: 0, trimmed: 0, removed: -5 }));
}

#[test]
fn outputs_below_the_log_start_are_not_linked() {
    let swapped = swap(head(5, 40), &[extent(0..10)], &[extent(0..3), extent(3..5), extent(5..10)]);
    assert_eq!(swapped, Ok(Swapped { below: 2, trimmed: 0, removed: 50 }));
}

#[test]
fn inputs_below_the_log_start_were_removed_before() {
    let inputs = [extent(0..10), extent(10..20), extent(20..30)];
    let swapped = swap(head(15, 40), &inputs, &[Extent { bytes: 50, ..extent(0..30) }]);
    assert_eq!(swapped, Ok(Swapped { below: 0, trimmed: 1, removed: 150 }));
}

#[test]
fn outputs_cover_exactly_the_offsets_of_the_inputs() {
    let swap = |inputs: &[Extent], outputs: &[Extent]| swap(head(0, 40), inputs, outputs).map(|_| ());
    let different = InvalidSwap::Different { inputs: Offset(0)..Offset(20), outputs: Offset(0)..Offset(19) };
    assert_eq!(swap(&[extent(0..20)], &[extent(0..19)]), Err(different));
    assert_eq!(swap(&[extent(0..20)], &[extent(0..5), extent(6..20)]), Err(InvalidSwap::Broken { at: Offset(5) }));
    assert_eq!(swap(&[extent(0..5), extent(4..20)], &[extent(0..20)]), Err(InvalidSwap::Broken { at: Offset(5) }));
    assert_eq!(swap(&[], &[extent(0..20)]), Err(InvalidSwap::Empty));
    assert_eq!(swap(&[extent(0..20)], &[]), Err(InvalidSwap::Empty));
    assert_eq!(covered(&[extent(3..3)]), Err(InvalidSwap::Broken { at: Offset(3) }));
}

#[test]
fn only_decided_records_are_swapped() {
    let head = Head { stable: Offset(15), ..head(0, 40) };
    let unstable = InvalidSwap::Unstable { end: Offset(20), stable: Offset(15) };
    assert_eq!(swap(head, &[extent(0..20)], &[extent(0..20)]), Err(unstable));
    assert!(swap(head, &[extent(0..15)], &[extent(0..15)]).is_ok());
}

#[test]
fn a_swap_that_one_transaction_cannot_hold_is_refused() {
    let many: Vec<_> = (0..=SWAP_OUTPUTS_MAX as i64).map(|n| extent(n..n + 1)).collect();
    let end = SWAP_OUTPUTS_MAX as i64 + 1;
    let refused = swap(head(0, end), &[extent(0..end)], &many);
    assert_eq!(refused, Err(InvalidSwap::TooLarge { inputs: 1, outputs: SWAP_OUTPUTS_MAX + 1 }));
}
