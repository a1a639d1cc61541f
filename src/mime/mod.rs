//! Message to tree of byte ranges.
