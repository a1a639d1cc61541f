//! Safe BER reading and DER writing (X.690). Knows no structure of any standard above it.
//!
//! Everything read is borrowed from the input and keeps its place, so that a fault can name its offset
//! and whoever must hash a structure hashes it as received.

pub mod error;

pub mod reader;

pub mod tag;

pub mod octet_string;

pub mod oid;

pub mod time;

pub mod text;

pub mod algorithm;

pub mod lengths;

pub mod writer;

pub use algorithm::AlgorithmIdentifier;
pub use octet_string::OctetString;
pub use oid::Oid;
pub use reader::{BerError, BerErrorKind, BitString, Element, Integer, Reader};
pub use tag::Tag;
pub use time::Time;
pub use writer::Writer;
