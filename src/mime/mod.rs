//! Message to tree of byte ranges. Copies no body, decodes on request, knows no ASN.1.
//!
//! [`sniff`] sorts out what can't hold S/MIME, [`Tree::read`] walks the rest, [`smime`] says which parts are S/MIME,
//! [`transfer`] decodes a body and [`canonical`] hands bytes to a digest in the form that was signed.

pub mod message;

pub mod received;

pub mod sniff;

pub mod tree;

pub mod finding;

pub mod multipart;

pub mod boundary;

pub mod header;

pub mod date;

pub mod address;

pub mod compare;

mod lexer;

pub mod media;

pub mod transfer;

pub mod base64;

pub mod canonical;

pub mod label;

pub mod smime;

pub mod write;

pub use finding::{Finding, Found, Oddity};
pub use tree::{Multipart, Part, Tree};
