//! What samples and tests are made of: fixed keys, certificates and CRLs in which every field can be wrong, CMS, mail and archives.
//!
//! Used by `make-samples` and by the tests, each of which needs only a part: hence `dead_code`. Signatures with a random
//! component (ECDSA, DSA, PSS) and ciphertexts differ from run to run; keys, names and times do not.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod keys;

pub mod certificates;

pub mod extensions;

pub mod crls;

pub mod ocsp;

pub mod people;

pub mod cms;

pub mod enveloped;

pub mod mail;
