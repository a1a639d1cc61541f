//! Facts to verdicts: a pure function of the facts, the pool, the anchors, the policy and the clocks. Sees no message bytes.
//!
//! [`judge`] is the stage function, and [`word`] the only place where axes become a word.

#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

pub mod clock;

pub mod evidence;

pub mod policy;

pub mod strength;

pub mod word;

pub mod status;

pub mod etsi;

pub mod verdict;

pub mod recipient;

mod choose;

mod signer;

pub use clock::{Clocks, RatedTime};
pub use evidence::{Evidence, Host};
pub use policy::Policy;
pub use status::Status;
pub use strength::Strength;
pub use verdict::{At, MessageVerdict, SignatureVerdict};
pub use word::Word;

pub use choose::choose;
pub use signer::Judge;

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::axis::{Coverage, LayerKind};
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::record::{ClaimedTime, LayerFacts, MessageFacts};

/// Judges one message.
///
/// Pure: equal facts, pool, anchors, policy and clocks give an equal verdict. What `judge` remembers changes speed only.
///
/// # Errors
/// Where the pool's spool can't be read. What can't be said of a message has a value of its own.
pub fn judge(facts: &MessageFacts, judge: &mut Judge<'_>) -> Result<MessageVerdict, RunError> {
    let mut layers = Vec::with_capacity(facts.layers.len());
    let mut findings = Vec::new();
    let (mut own, mut nested, mut counted) = (Vec::new(), Vec::new(), Vec::new());
    for layer in &facts.layers {
        let times = times_of(facts, layer);
        let mut verdicts = Vec::with_capacity(layer.signatures.len());
        for signature in &layer.signatures {
            verdicts.push(judge.signature(layer.structure, signature, times)?);
        }
        let pairs = layer.signatures.iter().zip(&verdicts);
        let chosen: Vec<_> = if judge.policy.any_signer {
            pairs
                .max_by_key(|(_, one)| one.verdict)
                .into_iter()
                .collect()
        } else {
            pairs.collect()
        };
        // A timestamp token is a statement about other bytes, of an authority that sent no mail: it never counts.
        let chosen = match layer.kind {
            LayerKind::Timestamp => Vec::new(),
            LayerKind::Signed
            | LayerKind::Opaque
            | LayerKind::Encrypted
            | LayerKind::AuthEncrypted
            | LayerKind::Compressed
            | LayerKind::CertsOnly
            | LayerKind::Digested
            | LayerKind::Authenticated
            | LayerKind::Unknown => chosen,
        };
        for (signature, one) in chosen {
            counted.push((one.verdict, one.claimed_word(), one.now.verdict));
            match signature.coverage {
                Coverage::NestedMessage => nested.push(one.verdict),
                Coverage::WholeMessage | Coverage::WholeBody | Coverage::Subpart => {
                    own.push((one.verdict, signature.coverage));
                }
            }
        }
        layers.push(verdicts);
        let code = layer.encrypted.as_ref().and_then(|encrypted| {
            let (cipher, bits) = (&encrypted.cipher, encrypted.key_bits);
            cipher_finding(cipher, bits, judge.policy, judge.clocks.now)
        });
        if let Some(code) = code {
            findings.push(FindingAt {
                place: layer.path.clone(),
                code,
            });
        }
        if layer.crls.iter().any(|crl| judge.is_invalid_crl(crl)) {
            findings.push(FindingAt {
                place: layer.path.clone(),
                code: Finding::CrlInvalid,
            });
        }
    }
    Ok(MessageVerdict {
        verdict: counted.iter().map(|(verdict, _, _)| *verdict).min(),
        verdict_claimed: counted.iter().map(|(_, claimed, _)| *claimed).min(),
        verdict_now: counted.iter().map(|(_, _, now)| *now).min(),
        decryption: status::decryption(facts),
        status: status::status(facts, &own, &nested),
        signatures: layers,
        findings,
    })
}

/// What is told of a content cipher at `at`, by its name and the bits of its key; None where it is strong.
#[must_use]
pub fn cipher_finding(
    name: &str,
    key_bits: Option<u32>,
    policy: &Policy,
    at: Time,
) -> Option<Finding> {
    match strength::cipher_strength(name, key_bits, policy, at) {
        Strength::Strong => None,
        Strength::Weak => Some(Finding::CipherWeak),
        Strength::Broken => Some(Finding::CipherBroken),
    }
}

/// What a message says of its time, and what the operator says of it.
#[derive(Clone, Copy)]
struct Dated<'f> {
    /// Claimed by the message that the layer belongs to, best first.
    claimed: &'f [ClaimedTime],
    /// The message that was stored: what a nested one holds of trace fields is the outer sender's.
    stored: &'f MessageFacts,
}

/// The times of the message that a layer belongs to.
fn times_of<'f>(facts: &'f MessageFacts, layer: &LayerFacts) -> Dated<'f> {
    let nested = layer
        .nested
        .and_then(|index| usize::try_from(index).ok())
        .and_then(|index| facts.nested.get(index));
    Dated {
        claimed: match nested {
            Some(message) => &message.times,
            None => &facts.times,
        },
        stored: facts,
    }
}
