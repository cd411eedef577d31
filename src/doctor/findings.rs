//! The findings of one examination, in order.

use anyhow::Result;

use super::{finding::Finding, format::text};
use crate::output::print;

/// Collects findings and prints each as it comes, unless they are printed as one document at the end.
pub struct Findings {
    list: Vec<Finding>,
    is_silent: bool,
}

impl Findings {
    /// An empty list; `is_silent` does not print the findings that are added.
    pub fn new(is_silent: bool) -> Self {
        Self { list: Vec::new(), is_silent }
    }

    /// Adds one finding.
    ///
    /// # Errors
    /// If it cannot be printed.
    pub fn add(&mut self, finding: Finding) -> Result<()> {
        if !self.is_silent {
            print(&text(&finding))?;
        }
        self.list.push(finding);
        Ok(())
    }

    /// All findings in the order in which they were added.
    pub fn into_list(self) -> Vec<Finding> {
        self.list
    }
}
