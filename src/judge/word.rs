//! Axes to one word: the only place where a signature becomes `valid`.

use crate::facts::axis::{Attributes, Digest, Identity, Signature, Structure, axis};
use crate::facts::record::SignatureFacts;
use crate::judge::strength::Strength;
use crate::pki::trust::{Chain, Revocation};

axis! {
    /// The verdict on a signature, worst first: a message's verdict is the first that one of its signers has.
    pub enum Word {
        /// The layer's structure or the signed attributes are not in order.
        Malformed = "malformed",
        /// The content is not what was signed.
        Altered = "altered",
        /// The signature value does not verify.
        SignatureBroken = "signature_broken",
        /// An algorithm that is not known, a limit, or missing content.
        Unsupported = "unsupported",
        /// The signer's certificate is nowhere.
        NoCertificate = "no_certificate",
        /// A chain failure other than dates; the chain value says which.
        SignerUntrusted = "signer_untrusted",
        /// A certificate of the path is revoked.
        SignerRevoked = "signer_revoked",
        /// The clock is before a certificate of the path.
        SignerNotYetValid = "signer_not_yet_valid",
        /// The clock is after a certificate of the path.
        SignerExpired = "signer_expired",
        /// Nothing says that the path is not revoked; only with `--require-revocation`.
        RevocationUnknown = "revocation_unknown",
        /// An algorithm or key is broken.
        WeakCrypto = "weak_crypto",
        /// The certificate is somebody else's than the sender's.
        WrongSender = "wrong_sender",
        /// There is no address to compare.
        SenderNotComparable = "sender_not_comparable",
        /// Valid if the claimed time is true; a headline only.
        ValidAsClaimed = "valid_as_claimed",
        /// Every axis has its good value.
        Valid = "valid",
    }
}

/// What trust says of the signer at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustAt {
    /// The path.
    pub chain: Chain,
    /// The worst of the path's certificates.
    pub revocation: Revocation,
    /// Of the signature's and the path's algorithms.
    pub strength: Strength,
    /// `--require-revocation` was given, and some certificate's state is not known, whatever the worst value is.
    pub revocation_lacking: bool,
}

/// The words that no clock changes: structure, attributes, digest, signature value, certificate. None where all of these are good.
#[must_use]
pub fn timeless(structure: Structure, facts: &SignatureFacts) -> Option<Word> {
    match structure {
        Structure::Ok | Structure::ContentMissing => {}
        Structure::Malformed | Structure::NoSigners | Structure::CertsOnly => {
            return Some(Word::Malformed);
        }
    }
    match facts.attributes {
        Attributes::Ok | Attributes::Absent => {}
        Attributes::Malformed
        | Attributes::AlgorithmMismatch
        | Attributes::CertificateMismatch
        | Attributes::Ambiguous => return Some(Word::Malformed),
    }
    match facts.digest {
        Digest::Mismatch => return Some(Word::Altered),
        Digest::Match | Digest::MatchCanonical | Digest::MatchAfterRepair | Digest::NotChecked => {}
    }
    match facts.signature {
        Signature::Valid => {}
        Signature::Invalid => return Some(Word::SignatureBroken),
        Signature::UnsupportedAlgorithm | Signature::NotChecked => return Some(Word::Unsupported),
        Signature::CertificateMissing => match structure {
            Structure::ContentMissing => return Some(Word::Unsupported),
            Structure::Ok | Structure::Malformed | Structure::NoSigners | Structure::CertsOnly => {
                return Some(Word::NoCertificate);
            }
        },
    }
    match structure {
        Structure::ContentMissing => return Some(Word::Unsupported),
        Structure::Ok | Structure::Malformed | Structure::NoSigners | Structure::CertsOnly => {}
    }
    match facts.digest {
        Digest::Match | Digest::MatchCanonical | Digest::MatchAfterRepair => None,
        // `signature` was asked first: without signed attributes a broken or unfinished signature leaves no digest.
        Digest::NotChecked => Some(Word::Unsupported),
        Digest::Mismatch => Some(Word::Altered),
    }
}

/// The word at one clock, for a signature that [`timeless`] has nothing against.
#[must_use]
pub fn at_clock(trust: TrustAt, identity: Identity) -> Word {
    let dates = match trust.chain {
        Chain::BadCertificateSignature
        | Chain::SelfSigned
        | Chain::Incomplete
        | Chain::UntrustedRoot
        | Chain::BadCa
        | Chain::PathLength
        | Chain::NameConstraint
        | Chain::Policy
        | Chain::BadPurpose
        | Chain::KeyOutOfPolicy => return Word::SignerUntrusted,
        Chain::NotYetValid => Some(Word::SignerNotYetValid),
        Chain::Expired => Some(Word::SignerExpired),
        Chain::Trusted => None,
    };
    match trust.revocation {
        Revocation::Revoked => return Word::SignerRevoked,
        Revocation::Good
        | Revocation::RevokedLater
        | Revocation::Unknown
        | Revocation::Stale
        | Revocation::NotChecked => {}
    }
    if let Some(word) = dates {
        return word;
    }
    if trust.revocation_lacking {
        return Word::RevocationUnknown;
    }
    match trust.strength {
        Strength::Broken => return Word::WeakCrypto,
        Strength::Strong | Strength::Weak => {}
    }
    match identity {
        Identity::MatchFrom | Identity::MatchCasefoldLocal => Word::Valid,
        Identity::Mismatch | Identity::MatchSenderOnly | Identity::AmbiguousFrom => {
            Word::WrongSender
        }
        Identity::NoCertificateAddress | Identity::NoFrom => Word::SenderNotComparable,
    }
}

/// The careful verdict (verdict.md, "The headline"), from the words at the clocks.
///
/// `compromised`: a certificate of the path at the claimed time, or of that now, is known to be revoked at any later time, for a reason
/// that makes a claimed time worthless.
#[must_use]
pub fn headline(
    timeless: Option<Word>,
    evidenced: Option<Word>,
    now: Word,
    claimed: Option<Word>,
    compromised: bool,
) -> Word {
    if let Some(word) = timeless {
        return word;
    }
    if let Some(word) = evidenced {
        return word;
    }
    if now == Word::Valid {
        // A clock that was set back sees no revocation that came later, and whoever has the key by now signs with any date.
        return if compromised {
            Word::SignerRevoked
        } else {
            Word::Valid
        };
    }
    match claimed {
        Some(Word::Valid) if compromised => Word::SignerRevoked,
        Some(Word::Valid) => Word::ValidAsClaimed,
        Some(word) => word,
        None => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::axis::{CertificateSource, Coverage};
    use crate::facts::record::{Algorithms, Identifier};

    const GOOD: TrustAt = TrustAt {
        chain: Chain::Trusted,
        revocation: Revocation::Good,
        strength: Strength::Strong,
        revocation_lacking: false,
    };

    #[test]
    fn valid_needs_every_axis() {
        assert_eq!(at_clock(GOOD, Identity::MatchFrom), Word::Valid);
        for chain in Chain::ALL.iter().filter(|chain| **chain != Chain::Trusted) {
            let word = at_clock(
                TrustAt {
                    chain: *chain,
                    ..GOOD
                },
                Identity::MatchFrom,
            );
            assert!(word < Word::ValidAsClaimed, "{chain:?}");
        }
        for identity in Identity::ALL {
            let good = matches!(identity, Identity::MatchFrom | Identity::MatchCasefoldLocal);
            assert_eq!(
                at_clock(GOOD, *identity) == Word::Valid,
                good,
                "{identity:?}"
            );
        }
        let broken = TrustAt {
            strength: Strength::Broken,
            ..GOOD
        };
        assert_eq!(at_clock(broken, Identity::MatchFrom), Word::WeakCrypto);
    }

    #[test]
    fn revoked_comes_before_expired() {
        let trust = TrustAt {
            chain: Chain::Expired,
            revocation: Revocation::Revoked,
            ..GOOD
        };
        assert_eq!(at_clock(trust, Identity::MatchFrom), Word::SignerRevoked);
    }

    #[test]
    fn unknown_revocation_passes_unless_it_is_required() {
        // `revoked_later` is the worse value, and may hide that nothing is known of another certificate.
        for revocation in [
            Revocation::Unknown,
            Revocation::Stale,
            Revocation::NotChecked,
            Revocation::RevokedLater,
        ] {
            let trust = TrustAt { revocation, ..GOOD };
            assert_eq!(at_clock(trust, Identity::MatchFrom), Word::Valid);
            let required = TrustAt {
                revocation_lacking: true,
                ..trust
            };
            assert_eq!(
                at_clock(required, Identity::MatchFrom),
                Word::RevocationUnknown
            );
        }
    }

    #[test]
    fn a_claimed_time_never_gives_valid() {
        for now in Word::ALL.iter().filter(|word| **word != Word::Valid) {
            for compromised in [false, true] {
                let word = headline(None, None, *now, Some(Word::Valid), compromised);
                let expected = if compromised {
                    Word::SignerRevoked
                } else {
                    Word::ValidAsClaimed
                };
                assert_eq!(word, expected, "{now:?}");
            }
        }
        assert_eq!(
            headline(
                Some(Word::Altered),
                Some(Word::Valid),
                Word::Valid,
                None,
                false
            ),
            Word::Altered
        );
        assert_eq!(
            headline(None, Some(Word::SignerExpired), Word::Valid, None, false),
            Word::SignerExpired
        );
        assert_eq!(
            headline(None, None, Word::SignerExpired, None, false),
            Word::SignerExpired
        );
    }

    fn facts(digest: Digest, signature: Signature) -> SignatureFacts {
        SignatureFacts {
            index: 0,
            certificate: None,
            identifier: Identifier::None,
            addresses: Vec::new(),
            digest,
            attributes: Attributes::Ok,
            signature,
            certificate_source: CertificateSource::None,
            identity: Identity::MatchFrom,
            coverage: Coverage::WholeBody,
            uncovered: Vec::new(),
            algorithms: Algorithms::default(),
            signing_time: None,
            pending: None,
            countersignatures: Vec::new(),
            timestamps: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The table's order: a broken signature is told even where the content is missing, a missing certificate is not.
    #[test]
    fn what_no_clock_changes_comes_in_the_tables_order() {
        use Structure::{ContentMissing, Ok};
        for (structure, digest, signature, word) in [
            (Ok, Digest::Match, Signature::Valid, None),
            (
                Ok,
                Digest::Mismatch,
                Signature::Invalid,
                Some(Word::Altered),
            ),
            (
                Ok,
                Digest::Match,
                Signature::Invalid,
                Some(Word::SignatureBroken),
            ),
            (
                Ok,
                Digest::NotChecked,
                Signature::Valid,
                Some(Word::Unsupported),
            ),
            (
                Ok,
                Digest::NotChecked,
                Signature::CertificateMissing,
                Some(Word::NoCertificate),
            ),
            (
                ContentMissing,
                Digest::NotChecked,
                Signature::Invalid,
                Some(Word::SignatureBroken),
            ),
            (
                ContentMissing,
                Digest::NotChecked,
                Signature::CertificateMissing,
                Some(Word::Unsupported),
            ),
            (
                ContentMissing,
                Digest::NotChecked,
                Signature::Valid,
                Some(Word::Unsupported),
            ),
            (
                ContentMissing,
                Digest::Match,
                Signature::Valid,
                Some(Word::Unsupported),
            ),
        ] {
            assert_eq!(
                timeless(structure, &facts(digest, signature)),
                word,
                "{structure:?} {digest:?} {signature:?}"
            );
        }
    }
}
