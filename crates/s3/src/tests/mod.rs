//! Tests of a bucket: the conformance suite on a real server, and the classification of HTTP responses.

mod conformance;
mod responses;
