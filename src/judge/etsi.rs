//! The verdict in the terms of ETSI EN 319 102-1 (indication and sub-indication, clause 5.1.3).

use crate::judge::word::Word;
use crate::pki::trust::{Chain, Revocation};

/// What the mapping needs to know besides the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The chain at the clock that decided, where there was one.
    pub chain: Option<Chain>,
    /// The revocation at that clock.
    pub revocation: Option<Revocation>,
    /// The revoked certificate is a CA's.
    pub ca_revoked: bool,
    /// The clock is a proven time.
    pub proven: bool,
    /// The content is missing.
    pub content_missing: bool,
}

/// Indication and sub-indication, as `TOTAL-FAILED/HASH_FAILURE`.
#[must_use]
pub fn etsi(word: Word, detail: Detail) -> &'static str {
    match word {
        Word::Malformed => "TOTAL-FAILED/FORMAT_FAILURE",
        Word::Altered => "TOTAL-FAILED/HASH_FAILURE",
        Word::SignatureBroken => "TOTAL-FAILED/SIG_CRYPTO_FAILURE",
        Word::Unsupported if detail.content_missing => "INDETERMINATE/SIGNED_DATA_NOT_FOUND",
        Word::Unsupported | Word::SenderNotComparable | Word::WrongSender => {
            "INDETERMINATE/GENERIC"
        }
        Word::NoCertificate => "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND",
        Word::SignerUntrusted => match detail.chain {
            Some(
                Chain::BadCa
                | Chain::PathLength
                | Chain::NameConstraint
                | Chain::Policy
                | Chain::BadPurpose
                | Chain::KeyOutOfPolicy,
            ) => "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE",
            Some(
                Chain::BadCertificateSignature
                | Chain::SelfSigned
                | Chain::Incomplete
                | Chain::UntrustedRoot
                | Chain::NotYetValid
                | Chain::Expired
                | Chain::Trusted,
            )
            | None => "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND",
        },
        Word::SignerRevoked if detail.proven => "TOTAL-FAILED/REVOKED",
        Word::SignerRevoked if detail.ca_revoked => "INDETERMINATE/REVOKED_CA_NO_POE",
        Word::SignerRevoked => "INDETERMINATE/REVOKED_NO_POE",
        Word::SignerNotYetValid => "INDETERMINATE/NOT_YET_VALID",
        Word::SignerExpired | Word::ValidAsClaimed => "INDETERMINATE/OUT_OF_BOUNDS_NO_POE",
        Word::RevocationUnknown => "INDETERMINATE/TRY_LATER",
        Word::WeakCrypto => "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE",
        Word::Valid => match detail.revocation {
            Some(Revocation::Unknown | Revocation::Stale | Revocation::NotChecked) => {
                "INDETERMINATE/TRY_LATER"
            }
            Some(Revocation::Good | Revocation::Revoked | Revocation::RevokedLater) | None => {
                "TOTAL-PASSED"
            }
        },
    }
}
