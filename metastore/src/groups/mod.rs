//! Consumer groups as they are stored.
//!
//! Owns: group rows, and the fence by which a coordinator detects that another one has saved the group since. Does not
//! own: the rules of a group (`alluvium_model::group`), committed offsets ([`crate::offsets`], whose commits check the
//! fence), the deletion of a group together with its offsets ([`crate::maintenance`]). Invariant: of two coordinators
//! that loaded the same save, at most one saves the next.

mod head_row;
mod key;
mod members_row;
mod service;

#[cfg(test)]
mod tests;

pub use head_row::Fence;
pub use service::{Groups, ListedGroup, Page, SaveError, Saved};

pub(crate) use service::{clear_group, fence_under, stored_fence, stored_head};
