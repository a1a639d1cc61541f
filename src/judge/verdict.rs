//! What judging gives.

use crate::asn1::Time;
use crate::facts::axis::Decryption;
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::record::Sha256;
use crate::judge::clock::RatedTime;
use crate::judge::status::Status;
use crate::judge::strength::Strength;
use crate::judge::word::Word;
use crate::pki::trust::{Chain, Revocation};

/// The verdict on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageVerdict {
    /// The worst headline of its signers; None without signatures.
    pub verdict: Option<Word>,
    /// The worst word at the claimed time.
    pub verdict_claimed: Option<Word>,
    /// The worst word at `now`.
    pub verdict_now: Option<Word>,
    /// The worst of its encrypted layers.
    pub decryption: Option<Decryption>,
    /// The one word for all of it.
    pub status: Status,
    /// For each layer, for each of its signatures.
    pub signatures: Vec<Vec<SignatureVerdict>>,
    /// Of layers, where judging shows them.
    pub findings: Vec<FindingAt>,
}

/// The verdict on a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureVerdict {
    /// The headline.
    pub verdict: Word,
    /// The headline in ETSI's terms.
    pub etsi: &'static str,
    /// At the run's clock.
    pub now: At,
    /// At a proven or asserted time.
    pub evidenced: Option<At>,
    /// At the time that the message claims.
    pub claimed: Option<At>,
    /// Every time that was found, best first.
    pub times: Vec<RatedTime>,
    /// The signer's path at the clock that decided, leaf first, as SHA-256.
    pub path: Vec<Sha256>,
    /// Of judging; those of the facts stand there. Sorted.
    pub findings: Vec<Finding>,
}

impl SignatureVerdict {
    /// The word at the claimed time; the word at `now` where the message claims none.
    #[must_use]
    pub fn claimed_word(&self) -> Word {
        self.claimed.as_ref().unwrap_or(&self.now).verdict
    }
}

/// The judgement at one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The clock's time.
    pub at: Time,
    /// The word.
    pub verdict: Word,
    /// What trust says; None where there is no certificate to ask about.
    pub trust: Option<TrustFacts>,
}

/// What decided about the signer at one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFacts {
    /// The first failure in the table's order, or `trusted`.
    pub chain: Chain,
    /// All failures, in the table's order.
    pub chain_reasons: Vec<Chain>,
    /// The worst of the path's certificates.
    pub revocation: Revocation,
    /// What decided, and the times and the reason in it.
    pub revocation_source: Option<RevocationSource>,
    /// The signature's and the path's algorithms.
    pub strength: Strength,
    /// What is weak or broken.
    pub strength_reasons: Vec<String>,
}

/// What decided about a revocation, by its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A CRL.
    Crl(Sha256),
    /// An OCSP response.
    Ocsp(Sha256),
}

/// The evidence behind a revocation value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationSource {
    /// What decided.
    pub evidence: Proof,
    /// thisUpdate.
    pub this_update: Time,
    /// nextUpdate.
    pub next_update: Option<Time>,
    /// The certificate that it speaks of.
    pub certificate: Sha256,
    /// From when on it counts as revoked.
    pub revoked_at: Option<Time>,
    /// The reason's name (RFC 5280 §5.3.1).
    pub reason: Option<&'static str>,
}
