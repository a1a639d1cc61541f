//! Certificates, the pool and trust against paths and authorities that other programs made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::as_conversions,
    clippy::cloned_ref_to_slice_refs
)]

pub mod authority;
mod chains;
mod completed;
mod pkits;
mod reading;
mod revocations;
