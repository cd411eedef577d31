//! Consumer groups at rest.
//!
//! Owns: group rows, their codec, and the fence by which a coordinator finds out that another one has saved the group
//! since. Does not own: the rules of a group (`alluvium_model::group`), committed offsets ([`crate::offsets`], whose
//! commits read the fence here). Invariant: of two coordinators that loaded the same save, one at most saves the next.

mod codec;
mod key;
mod service;

#[cfg(test)]
mod tests;

pub use codec::Fence;
pub use service::{Groups, Listed, Page, SaveError, Saved};

pub(crate) use key::{length_prefixed, read_group};
pub(crate) use service::{clear_group, fence_under, stored_fence, stored_head};
