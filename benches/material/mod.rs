//! What the benches measure with: people and their certificates, mail, whole runs, clocks. Everything is made here by the library.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "every bench uses its part, and a panic is how it fails"
)]

pub mod mail;
pub mod measure;
pub mod party;
pub mod run;
pub mod steps;
