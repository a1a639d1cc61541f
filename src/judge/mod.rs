//! Facts to verdicts: a pure function of the facts, the pool, the anchors, the policy and the clocks. Sees no message bytes.
//!
//! [`judge`] is the stage function, and [`word`] the only place where axes become a word.

pub mod clock;

pub mod policy;

pub mod strength;

pub mod word;

pub mod status;

pub mod etsi;

pub mod verdict;

mod signer;

pub use clock::{Clocks, RatedTime};
pub use policy::Policy;
pub use status::Status;
pub use strength::Strength;
pub use verdict::{At, MessageVerdict, SignatureVerdict};
pub use word::Word;

use crate::facts::axis::Coverage;
use crate::facts::record::{ClaimedTime, LayerFacts, MessageFacts};
use crate::pki::trust::Trust;

/// Judges one message.
///
/// Pure: equal facts, pool, anchors, policy and clocks give an equal verdict. `trust` caches paths and changes speed only.
/// Never fails: what can't be said has a value of its own.
pub fn judge(facts: &MessageFacts, trust: &mut Trust<'_>, policy: &Policy, clocks: Clocks) -> MessageVerdict {
    let layers: Vec<Vec<SignatureVerdict>> = facts
        .layers
        .iter()
        .map(|layer| {
            let times = times_of(facts, layer);
            layer
                .signatures
                .iter()
                .map(|signature| signer::judge(layer.structure, signature, times, trust, policy, clocks))
                .collect()
        })
        .collect();
    let mut own = Vec::new();
    let mut nested = Vec::new();
    let mut counted = Vec::new();
    for (layer, verdicts) in facts.layers.iter().zip(&layers) {
        let pairs = layer.signatures.iter().zip(verdicts);
        let chosen: Vec<_> = if policy.any_signer {
            pairs.max_by_key(|(_, verdict)| verdict.verdict).into_iter().collect()
        } else {
            pairs.collect()
        };
        for (signature, verdict) in chosen {
            counted.push(verdict);
            match signature.coverage {
                Coverage::NestedMessage => nested.push(verdict.verdict),
                Coverage::WholeMessage | Coverage::WholeBody | Coverage::Subpart => {
                    own.push((verdict.verdict, signature.coverage));
                }
            }
        }
    }
    MessageVerdict {
        verdict: counted.iter().map(|one| one.verdict).min(),
        verdict_claimed: counted.iter().map(|one| one.claimed_word()).min(),
        verdict_now: counted.iter().map(|one| one.now.verdict).min(),
        decryption: status::decryption(facts),
        status: status::status(facts, &own, &nested),
        signatures: layers,
    }
}

/// The claimed times of the message that a layer belongs to.
fn times_of<'f>(facts: &'f MessageFacts, layer: &LayerFacts) -> &'f [ClaimedTime] {
    let nested = layer
        .nested
        .and_then(|index| usize::try_from(index).ok())
        .and_then(|index| facts.nested.get(index));
    match nested {
        Some(message) => &message.times,
        None => &facts.times,
    }
}
