//! Of the message: one status, from its layers and its signatures' verdicts.

use crate::facts::axis::{Coverage, Decryption, LayerKind, Structure, axis};
use crate::facts::has_panicked;
use crate::facts::record::{LayerFacts, MessageFacts};
use crate::judge::word::Word;

axis! {
    /// The status of a message; the first that applies.
    pub enum Status {
        /// An S/MIME part that can't be parsed, or a message that could not be checked because of a fault of ours.
        Damaged = "damaged",
        /// Encrypted for keys that are not there.
        NoKey = "no_key",
        /// A key matched, and decryption failed.
        DecryptFailed = "decrypt_failed",
        /// An algorithm or content type that is not supported; a timestamp token where a signature of the message should be.
        Unsupported = "unsupported",
        /// A signed layer without any signature.
        NoSigners = "no_signers",
        Malformed = "malformed",
        Altered = "altered",
        SignatureBroken = "signature_broken",
        NoCertificate = "no_certificate",
        SignerUntrusted = "signer_untrusted",
        SignerRevoked = "signer_revoked",
        SignerNotYetValid = "signer_not_yet_valid",
        SignerExpired = "signer_expired",
        RevocationUnknown = "revocation_unknown",
        WeakCrypto = "weak_crypto",
        WrongSender = "wrong_sender",
        SenderNotComparable = "sender_not_comparable",
        /// A nested message's signature is bad.
        NestedFailed = "nested_failed",
        /// Signatures good, content uncovered.
        PartlySigned = "partly_signed",
        ValidAsClaimed = "valid_as_claimed",
        Valid = "valid",
        /// Encrypted, decrypted, not signed.
        Decrypted = "decrypted",
        CertsOnly = "certs_only",
        Compressed = "compressed",
        /// No S/MIME in it.
        NotSmime = "not_smime",
    }
}

/// The worst of the encrypted layers; None without any.
#[must_use]
pub fn decryption(facts: &MessageFacts) -> Option<Decryption> {
    let worst = |value: Decryption| match value {
        Decryption::NoKey => 0,
        Decryption::Failed => 1,
        Decryption::Unsupported => 2,
        Decryption::NotTried => 3,
        Decryption::Decrypted => 4,
    };
    facts
        .layers
        .iter()
        .filter_map(|layer| layer.encrypted.as_ref())
        .map(|encrypted| encrypted.decryption)
        .min_by_key(|value| worst(*value))
}

/// The status of a message. `own`: verdict and coverage of each of its own signatures; `nested`: the verdicts of signatures
/// inside message/rfc822 parts.
#[must_use]
pub fn status(facts: &MessageFacts, own: &[(Word, Coverage)], nested: &[Word]) -> Status {
    // What is in a message that made us panic is not known, so it is not called ordinary mail.
    if has_panicked(facts) {
        return Status::Damaged;
    }
    if facts.layers.is_empty() {
        return Status::NotSmime;
    }
    let any = |test: &dyn Fn(&LayerFacts) -> bool| facts.layers.iter().any(test);
    if any(&|layer| layer.structure == Structure::Malformed && layer.signatures.is_empty()) {
        return Status::Damaged;
    }
    match decryption(facts) {
        Some(Decryption::NoKey) => return Status::NoKey,
        Some(Decryption::Failed) => return Status::DecryptFailed,
        Some(Decryption::Unsupported | Decryption::NotTried) => return Status::Unsupported,
        Some(Decryption::Decrypted) | None => {}
    }
    if any(&|layer| match layer.kind {
        LayerKind::Digested | LayerKind::Authenticated | LayerKind::Unknown => true,
        LayerKind::Compressed => layer.structure == Structure::ContentMissing,
        LayerKind::Signed
        | LayerKind::Opaque
        | LayerKind::Encrypted
        | LayerKind::AuthEncrypted
        | LayerKind::CertsOnly
        | LayerKind::Timestamp => false,
    }) {
        return Status::Unsupported;
    }
    if any(&|layer| layer.structure == Structure::NoSigners) {
        return Status::NoSigners;
    }
    if let Some(bad) = own.iter().filter_map(|(word, _)| bad(*word)).min() {
        return bad;
    }
    if nested.iter().any(|word| bad(*word).is_some()) {
        return Status::NestedFailed;
    }
    let whole = own.iter().any(|(_, coverage)| match coverage {
        Coverage::WholeMessage | Coverage::WholeBody => true,
        Coverage::Subpart | Coverage::NestedMessage => false,
    });
    match own.iter().map(|(word, _)| *word).min() {
        Some(_) if !whole => Status::PartlySigned,
        Some(Word::Valid) => Status::Valid,
        Some(_) => Status::ValidAsClaimed,
        None if any(&|layer| layer.kind == LayerKind::Timestamp) => Status::Unsupported,
        None if !nested.is_empty() => Status::PartlySigned,
        None if any(&|layer| layer.encrypted.is_some()) => Status::Decrypted,
        None if any(&|layer| layer.kind == LayerKind::Compressed) => Status::Compressed,
        None => Status::CertsOnly,
    }
}

/// The status that a bad verdict gives; None for the good ones.
fn bad(word: Word) -> Option<Status> {
    match word {
        Word::Malformed => Some(Status::Malformed),
        Word::Altered => Some(Status::Altered),
        Word::SignatureBroken => Some(Status::SignatureBroken),
        Word::Unsupported => Some(Status::Unsupported),
        Word::NoCertificate => Some(Status::NoCertificate),
        Word::SignerUntrusted => Some(Status::SignerUntrusted),
        Word::SignerRevoked => Some(Status::SignerRevoked),
        Word::SignerNotYetValid => Some(Status::SignerNotYetValid),
        Word::SignerExpired => Some(Status::SignerExpired),
        Word::RevocationUnknown => Some(Status::RevocationUnknown),
        Word::WeakCrypto => Some(Status::WeakCrypto),
        Word::WrongSender => Some(Status::WrongSender),
        Word::SenderNotComparable => Some(Status::SenderNotComparable),
        Word::ValidAsClaimed | Word::Valid => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::panicked;

    #[test]
    fn a_message_whose_reading_panicked_does_not_pass_for_ordinary_mail() {
        assert_eq!(status(&panicked(None), &[], &[]), Status::Damaged);
    }
}
