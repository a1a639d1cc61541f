//! Tests of the library and of the built program; a module per stage and job.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a panic is how a test fails"
)]

mod archive;
mod catalogue;
mod cms;
mod crypto;
mod keyring;
mod layers;
mod mime;
mod pki;
mod report;

#[path = "../generator/toolkit/mod.rs"]
mod toolkit;
