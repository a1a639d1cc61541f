//! What is asked of a message, and what it gives.

use crate::facts::evidence::LayerEvidence;
use crate::facts::harvest::{Harvest, Sighted};
use crate::facts::record::{MessageFacts, Sha256};
use crate::facts::staged::Staged;
use crate::limits::Limits;

/// What to collect, and within which bounds.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// A record for every message, S/MIME or not (`--all`).
    pub all: bool,
    /// Content in a cipher that needs OpenSSL's legacy provider is left alone (`--no-legacy`).
    pub no_legacy: bool,
    /// Certificates alone are wanted (`mailseal harvest`): content is not hashed, and what is said of signatures is in
    /// [`Collected::sighted`].
    pub harvest: Option<Harvest>,
    /// The bounds.
    pub limits: Limits,
}

/// What one message gave.
#[derive(Debug, Default)]
pub struct Collected {
    /// Its facts; None for ordinary mail, unless all were asked for.
    pub facts: Option<Box<MessageFacts>>,
    /// Certificates carried, each once.
    pub certificates: Vec<Carried>,
    /// CRLs carried, each once.
    pub crls: Vec<Carried>,
    /// Plaintexts, each with the index of its layer; an audit drops them unread.
    pub opened: Vec<Staged>,
    /// What it says about certificates; only where they alone are wanted.
    pub sighted: Sighted,
    /// By layer; empty unless [`collect_evidence`](crate::facts::collect_evidence) was asked.
    pub evidence: Vec<LayerEvidence>,
}

/// A certificate or CRL on its way to the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its name.
    pub sha256: Sha256,
    /// As received.
    pub der: Vec<u8>,
}
