//! A watch: a future that resolves once a value has changed.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::Error;

/// Resolves once the watched value differs from what the transaction that made the watch saw (it may miss a change that
/// was undone at once). It is armed by the commit of that transaction, and resolves to an error if there was none.
/// Dropping it ends the watch.
#[must_use = "a watch does nothing unless awaited"]
pub struct Watch(Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>);

impl Watch {
    /// A watch that resolves with `change`.
    pub fn new(change: impl Future<Output = Result<(), Error>> + Send + 'static) -> Self {
        Self(Box::pin(change))
    }
}

impl Future for Watch {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
