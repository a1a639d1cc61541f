//! Layers and keyring to facts: what is true of a message's bytes, whatever the clock, the anchors and the policy.
//!
//! [`collect`] is the stage function: `walk` goes from layer to layer, `verify` takes a signature's steps one by one, `decrypt`
//! opens what the keyring has a key for. [`complete`] finishes, once the whole archive has been seen, the signatures whose
//! certificate was not in their message. [`store`] is the facts file.

#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

pub mod axis;

pub mod finding;

pub mod record;

pub mod store;

pub mod complete;

pub mod identity;

pub mod staged;

pub mod harvest;

mod walk;

mod part;

pub mod headers;

mod unseen;

mod panicked;

mod readings;

mod verify;

mod attributes;

mod check;

mod work;

pub(crate) mod timestamp;

mod decrypt;

mod recipient;

mod plausible;

pub mod inflate;

pub mod certificates;

pub use certificates::Scratch;
pub use panicked::{collect_nothing, has_panicked, panicked};
pub use part::{layer_path, protects_headers};
pub use staged::Staged;

use crate::crypto::digest::sha256;
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::harvest::{Harvest, Sighted};
use crate::facts::record::{MessageFacts, Sha256};
use crate::limits::{Budget, Limits};
use crate::mime::message::{Form, Message, StorageFinding};
use crate::mime::sniff::may_hold_smime;
use crate::mime::{Tree, smime};
use crate::pki::keyring::Keyring;

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
}

/// A certificate or CRL on its way to the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its name.
    pub sha256: Sha256,
    /// As received.
    pub der: Vec<u8>,
}

/// Collects the facts of one message, all layers included.
///
/// Pure: equal bytes, keys and settings give equal facts. Never fails: what is wrong is in the facts. Spends one [`Budget`] for the whole
/// message; when it is gone the rest is `not_checked` or `not_tried`. `scratch` saves time and changes nothing.
pub fn collect(
    message: &Message<'_>,
    keys: &Keyring,
    settings: &Settings,
    scratch: &mut Scratch,
) -> Collected {
    scratch.budget = Budget::of(&settings.limits);
    // A file with certificates is labelled in many ways that mail with S/MIME is not.
    let attachments = settings.harvest.is_some_and(|harvest| harvest.attachments);
    let every = settings.all || attachments;
    let mut walk = walk::Walk::new(keys, settings, scratch);
    let mut header = None;
    match message.form {
        Form::Mail => {
            let candidate = may_hold_smime(message.bytes);
            if !candidate && !every {
                return Collected::default();
            }
            let tree = Tree::read(message.bytes, &settings.limits);
            let found = if candidate {
                smime::find(&tree)
            } else {
                Vec::new()
            };
            let unseen = if candidate {
                unseen::unseen(&tree, &found, &settings.limits)
            } else {
                None
            };
            if found.is_empty() && unseen.is_none() && !every {
                return Collected::default();
            }
            let own = tree.header(0);
            let (sender, odd) = headers::addresses(&own, &settings.limits);
            walk.message(&tree, found, message.origin.quoting, unseen, sender);
            header = Some((own, odd));
        }
        Form::Cms => walk.bare(message.bytes),
    }
    let mut collected = walk.finish();
    let mut facts = collected.facts.take().unwrap_or_default();
    if settings.harvest.is_some() {
        if let Some((header, _)) = header {
            let date = headers::date(&header);
            facts.times = headers::times(&header, date, Some(&message.origin));
        }
        collected.facts = Some(facts);
        return collected;
    }
    facts.sha256 = Some(sha256(message.bytes));
    if let Some((header, odd)) = header {
        facts.headers = headers::headers(&header);
        let date = facts.headers.date_utc;
        facts.times = headers::times(&header, date, Some(&message.origin));
        facts.findings.extend(odd.into_iter().map(of_message));
    }
    let storage = message.origin.findings.iter().map(storage_finding);
    facts.findings.extend(storage.map(of_message));
    facts.findings.sort();
    facts.findings.dedup();
    collected.facts = Some(facts);
    collected
}

fn of_message(code: Finding) -> FindingAt {
    FindingAt {
        place: String::new(),
        code,
    }
}

fn storage_finding(finding: StorageFinding) -> Finding {
    match finding {
        StorageFinding::SeparatorOdd => Finding::SeparatorOdd,
        StorageFinding::SeparatorWithoutBlankLine => Finding::SeparatorWithoutBlankLine,
        StorageFinding::SeparatorMissing => Finding::SeparatorMissing,
        StorageFinding::UnquotedFromLine => Finding::UnquotedFromLine,
        StorageFinding::ContentLengthWrong => Finding::ContentLengthWrong,
        StorageFinding::CutShort => Finding::CutShort,
    }
}

#[cfg(test)]
mod tests;
