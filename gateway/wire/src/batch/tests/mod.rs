//! Tests of batches as a whole.
