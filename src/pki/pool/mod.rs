//! Every certificate and CRL seen anywhere, each once.
//!
//! A [`PoolBuilder`] takes them in any order during the first pass; [`PoolBuilder::finish`] makes the [`Pool`] that all
//! workers read at once. What is in the pool is material, never trust.

mod builder;

mod digests;

mod index;

mod spool;

pub use builder::PoolBuilder;
pub use index::{Pool, issuer_serial_key, octets_key};
pub use spool::Spool;

use crate::pki::x509::crl::Crl;
use crate::pki::x509::name::NameKey;
use crate::pki::x509::ocsp::Ocsp;

/// A certificate of one pool. Numbers follow the order of insertion, so they never stand in a report or a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId(pub u32);

/// A CRL of one pool: its place in the order of SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlId(pub u32);

/// An OCSP response of one pool: its place in the order of SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OcspId(pub u32);

/// Where a certificate or CRL came from; it may have come from both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// In a message.
    Message,
    /// In a file that the operator gave.
    Given,
}

/// From which places something has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Origins {
    /// Some message carried it.
    pub message: bool,
    /// The operator gave it.
    pub given: bool,
}

impl Origins {
    fn add(&mut self, provenance: Provenance) {
        match provenance {
            Provenance::Message => self.message = true,
            Provenance::Given => self.given = true,
        }
    }
}

/// What is kept in memory of each certificate; its octets are in the spool.
#[derive(Clone, Copy, Debug)]
struct Entry {
    sha256: [u8; 32],
    offset: u64,
    length: u32,
    origins: Origins,
    /// What it holds could be read; the keys below mean something.
    readable: bool,
    subject: NameKey,
    issuer: NameKey,
    issuer_serial: u64,
    spki: u64,
}

/// One CRL.
#[derive(Debug)]
pub struct PoolCrl {
    /// The list.
    pub crl: Crl,
    /// Where it came from.
    pub origins: Origins,
}

/// One OCSP response.
#[derive(Clone, Debug)]
pub struct PoolOcsp {
    /// The response.
    pub ocsp: Ocsp,
    /// Where it came from.
    pub origins: Origins,
}
