//! Leases, under faults.
