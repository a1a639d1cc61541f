//! Layers that were taken off, for the manifest and the provenance field.

use crate::facts::axis::{
    Decryption, EncryptedType, Integrity, LayerKind, MatchedBy, RecipientKind,
};
use crate::facts::record::{Identifier, LayerFacts, Sha256, SignatureFacts};

/// A layer that was taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedLayer {
    /// As in the facts.
    pub path: String,
    /// What it is.
    pub kind: LayerKind,
    /// Of an encrypted layer.
    pub encrypted: Option<RemovedEncryption>,
    /// Of a signed layer, as they were found before it was taken off.
    pub signatures: Vec<SignatureFacts>,
}

/// How a layer that was taken off had been encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedEncryption {
    /// Which kind of encrypted content.
    pub content_type: EncryptedType,
    /// The cipher's name.
    pub cipher: String,
    /// Bits of its key, where they are known.
    pub key_bits: Option<u32>,
    /// The recipient whose key opened it.
    pub recipient: Identifier,
    /// How the content key reached that recipient.
    pub recipient_kind: RecipientKind,
    /// How the recipient was found.
    pub matched_by: Option<MatchedBy>,
    /// What vouches for the plaintext.
    pub integrity: Integrity,
    /// Of the plaintext as decrypted.
    pub plaintext_sha256: Sha256,
}

/// As the facts have it.
pub(super) fn removed(layer: &LayerFacts) -> RemovedLayer {
    RemovedLayer {
        path: layer.path.clone(),
        kind: layer.kind,
        signatures: layer.signatures.clone(),
        encrypted: layer.encrypted.as_ref().map(|encrypted| {
            let recipient = encrypted
                .recipients
                .iter()
                .find(|one| one.result == Decryption::Decrypted);
            RemovedEncryption {
                content_type: encrypted.content_type,
                cipher: encrypted.cipher.clone(),
                key_bits: encrypted.key_bits,
                recipient: recipient.map_or(Identifier::None, |one| one.identifier.clone()),
                recipient_kind: recipient.map_or(RecipientKind::Unknown, |one| one.kind),
                matched_by: encrypted.matched_by,
                integrity: encrypted.integrity.unwrap_or(Integrity::None),
                plaintext_sha256: encrypted.plaintext_sha256.unwrap_or_default(),
            }
        }),
    }
}
