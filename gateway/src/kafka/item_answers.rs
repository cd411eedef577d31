//! Requests with many items, some of which are answered at once (unknown topic, invalid batch) while one call to the
//! layer below answers the rest.
//!
//! A handler sorts the items of its request into [`RequestItem`]s, in the request's order, and collects what it
//! batches. The call returns one result per batched item, in the same order, which [`BatchResults`] puts in place.

/// One item of a request: answered already, or part of the batched call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestItem<A, B = ()> {
    /// Answered at once.
    Answered(A),
    /// The next item of the batch, with what its answer needs besides the result.
    Batched(B),
}

/// The results of the batched items that are not used yet, in order.
pub struct BatchResults<T>(std::vec::IntoIter<T>);

impl<T> BatchResults<T> {
    /// The results of all batched items, in the order in which they were batched.
    pub fn new(results: Vec<T>) -> Self {
        Self(results.into_iter())
    }

    /// The answer of `item`, which must be the next of the request. `answer` makes it from the item's result, which is
    /// `None` if the call returned too few.
    pub fn answer<A, B>(&mut self, item: RequestItem<A, B>, answer: impl FnOnce(B, Option<T>) -> A) -> A {
        match item {
            RequestItem::Answered(done) => done,
            RequestItem::Batched(batched) => answer(batched, self.0.next()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_go_to_batched_items_in_order() {
        let items = [
            RequestItem::Batched('a'),
            RequestItem::Answered("unknown".to_owned()),
            RequestItem::Batched('b'),
            RequestItem::Batched('c'),
        ];
        let mut results = BatchResults::new(vec![1, 2]);
        let answers = items.map(|item| results.answer(item, |name, result| format!("{name}{result:?}")));
        assert_eq!(answers, ["aSome(1)", "unknown", "bSome(2)", "cNone"]);
    }
}
