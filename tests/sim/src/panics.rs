//! Panics of anything within a run: each is a finding, wherever it is caught.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

static HOOK: Once = Once::new();

/// From now on panics of this thread are collected.
pub fn collect() {
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
            usual(panic);
        }));
    });
    let _ = take();
}

/// The panics of this thread since.
#[must_use]
pub fn take() -> Vec<String> {
    PANICS.take()
}
