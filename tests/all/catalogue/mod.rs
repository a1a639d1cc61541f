//! The catalogue: a test for each row, named by its ID. Each makes its input with the toolkit, runs an audit on it, and holds the
//! record in messages.jsonl against the words of the report.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod audit;

mod a_axes;
mod a_chain;
mod a_identity;
mod a_poison;
mod a_revocation;
mod a_strength;
mod a_times;
mod c_decryption;
mod e_interop;
