//! How large the next answer to a fetch of one client may be. Pure.
//!
//! Grows and shrinks as a TCP congestion window does (RFC 5681): a client that takes its answers soon gets large ones,
//! and one that never reads its socket gets small ones, which the socket holds. Otherwise a few hundred such clients
//! would hold all the memory of answers. That the client has an answer is concluded from its next request.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The first answer to a client, and the least one.
const START: usize = 64 << 10;
/// Larger than any answer.
const MAX: usize = 1 << 30;

/// Bytes of the next answer to one client at most; only the first batch may exceed it, as always.
#[derive(Debug)]
pub struct AnswerWindow(AtomicUsize);

/// An answer that was written to the socket of a client.
#[derive(Clone, Copy, Debug, Default)]
pub struct WrittenAnswer {
    /// Its bytes.
    pub bytes: usize,
    /// Whether the client took longer than a moment while others waited for memory.
    pub delayed_others: bool,
}

impl Default for AnswerWindow {
    fn default() -> Self {
        Self(AtomicUsize::new(START))
    }
}

impl AnswerWindow {
    /// Bytes of the next answer at most.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes how the client took an answer. `is_pipelined` if it had sent its next request before, which does not show
    /// then that it has the answer.
    pub fn note(&self, answer: WrittenAnswer, is_pipelined: bool) {
        let window = self.bytes();
        let is_used = answer.bytes >= window / 2;
        let next = if answer.delayed_others {
            (window / 2).max(START)
        } else if is_used && !is_pipelined {
            (window * 2).min(MAX)
        } else {
            window
        };
        self.0.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon(bytes: usize) -> WrittenAnswer {
        WrittenAnswer { bytes, delayed_others: false }
    }

    #[test]
    fn answers_grow_while_the_client_takes_them_and_asks_again() {
        let window = AnswerWindow::default();
        for times in 0..20 {
            assert_eq!(window.bytes(), MAX.min(START << times));
            window.note(soon(window.bytes()), false);
        }
        assert_eq!(window.bytes(), MAX);
    }

    #[test]
    fn small_answers_and_those_to_pipelined_requests_show_nothing() {
        let window = AnswerWindow::default();
        window.note(soon(START / 2 - 1), false);
        window.note(soon(START), true);
        assert_eq!(window.bytes(), START);
    }

    #[test]
    fn a_client_that_delays_others_gets_smaller_answers_down_to_the_first_size() {
        let window = AnswerWindow::default();
        (0..3).for_each(|_| window.note(soon(window.bytes()), false));
        let slow = WrittenAnswer { delayed_others: true, ..soon(1) };
        let sizes = [0; 4].map(|_| {
            window.note(slow, false);
            window.bytes()
        });
        assert_eq!(sizes, [4 * START, 2 * START, START, START]);
    }
}
