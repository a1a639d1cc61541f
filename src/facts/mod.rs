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

pub mod evidence;

mod collected;

mod walk;

mod part;

mod protection;

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
pub use collected::{Carried, Collected, Settings};
pub use panicked::{collect_nothing, has_panicked, panicked};
pub use part::{layer_path, protects_headers};
pub use staged::Staged;

use crate::crypto::digest::sha256;
use crate::facts::finding::{Finding, FindingAt};
use crate::limits::Budget;
use crate::mime::message::{Form, Message};
use crate::mime::sniff::may_hold_smime;
use crate::mime::{Tree, smime};
use crate::pki::keyring::Keyring;

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
    collect_with(message, keys, settings, scratch, false)
}

/// As [`collect`], and keeps what another program needs to repeat the steps.
pub fn collect_evidence(
    message: &Message<'_>,
    keys: &Keyring,
    settings: &Settings,
    scratch: &mut Scratch,
) -> Collected {
    collect_with(message, keys, settings, scratch, true)
}

fn collect_with(
    message: &Message<'_>,
    keys: &Keyring,
    settings: &Settings,
    scratch: &mut Scratch,
    evidence: bool,
) -> Collected {
    scratch.budget = Budget::of(&settings.limits);
    // A file with certificates is labelled in many ways that mail with S/MIME is not.
    let attachments = settings.harvest.is_some_and(|harvest| harvest.attachments);
    let every = settings.all || attachments;
    let mut walk = walk::Walk::new(keys, settings, scratch);
    if evidence {
        walk.keep_evidence();
    }
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
        facts.trace = headers::trace(&header, &settings.limits);
        // Behind the bound a field of the same name may stand that was not seen.
        let cut = |finding: &FindingAt| finding.code == Finding::HeaderTooLarge;
        if facts.findings.iter().any(cut) {
            facts.trace.fields.clear();
        }
        facts.findings.extend(odd.into_iter().map(of_message));
    }
    let storage = message.origin.findings.iter().map(part::storage_finding);
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

#[cfg(test)]
mod tests;
