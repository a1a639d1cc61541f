//! One module per request of a user. Prints nothing, parses no arguments, reads no clock.

pub mod audit;

pub mod judge;

pub mod count;

pub mod harvest;

pub mod given;

pub mod keyring;

pub mod keys;

pub mod lint;

pub mod output;

pub mod policy;

pub mod store;

pub mod bag;

pub mod migrate;

pub mod envelope;

pub mod compose;

pub mod message;

pub mod brought;

pub mod extract;

pub mod check;

mod certificates;

mod digests;

mod files;
