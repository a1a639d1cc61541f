//! Facts to verdicts.
