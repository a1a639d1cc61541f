//! Tests of the library and of the built program; a module per stage and job.

#![allow(
    clippy::type_complexity,
    clippy::cloned_ref_to_slice_refs,
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
mod bad_input;
mod catalogue;
mod cli;
mod cms;
mod crypto;
mod determinism;
mod differential;
mod envelope;
mod explain;
mod extract;
mod extract_revocation;
mod harvest;
mod keyring;
mod keys;
mod kill;
mod layers;
mod lint;
mod manual;
mod migrate;
mod mime;
mod old_mail;
mod pki;
mod program;
mod readers;
mod report;
mod samples;
mod secrets;
mod sending;
mod store;
mod store_revocation;

#[path = "../generator/toolkit/mod.rs"]
mod toolkit;
