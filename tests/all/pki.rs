//! Certificates, the pool and trust against paths and authorities that other programs made.

pub mod authority;
mod chains;
mod completed;
mod hostile;
mod pkits;
mod reading;
mod revocations;
