//! Nodes, under faults and in virtual time.
