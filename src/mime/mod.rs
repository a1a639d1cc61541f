//! Message to tree of byte ranges.

pub mod message;
