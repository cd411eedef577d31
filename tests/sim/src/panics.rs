//! Panics within a run: each is a violation, even if something catches it.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

static HOOK: Once = Once::new();

/// Starts to collect the panics of this thread.
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

/// Takes the panics of this thread that were collected.
#[must_use]
pub fn take() -> Vec<String> {
    PANICS.take()
}
