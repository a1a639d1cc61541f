//! What stands for a message that a fault of ours kept from being read.

use crate::crypto::digest::sha256;
use crate::facts::finding::Finding;
use crate::facts::record::{MessageFacts, Sha256};
use crate::facts::{Collected, of_message};
use crate::mime::message::Message;

/// What stands for a message that made [`collect`](crate::facts::collect) panic.
#[must_use]
pub fn collect_nothing(message: &Message<'_>) -> Collected {
    Collected {
        facts: Some(Box::new(panicked(Some(sha256(message.bytes))))),
        ..Collected::default()
    }
}

/// The record of a message that made [`collect`](crate::facts::collect), or a later stage, panic.
#[must_use]
pub fn panicked(sha256: Option<Sha256>) -> MessageFacts {
    MessageFacts {
        sha256,
        findings: vec![of_message(Finding::Panic)],
        ..MessageFacts::default()
    }
}

/// These are such a record.
#[must_use]
pub fn has_panicked(facts: &MessageFacts) -> bool {
    facts
        .findings
        .iter()
        .any(|finding| finding.code == Finding::Panic)
}
