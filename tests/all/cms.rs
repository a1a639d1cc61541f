//! The cms stage against OpenSSL, the `cms` crate and the samples of RFC 4134.

#![allow(clippy::as_conversions, clippy::print_stderr)]

mod differential;
mod interop;
mod mutate;
mod samples;
