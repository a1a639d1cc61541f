//! Verdicts to bytes.
