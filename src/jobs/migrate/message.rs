//! One message: from what is stored and what was decrypted to the bytes that take its place.

use zeroize::Zeroizing;

use crate::crypto::digest::sha256;
use crate::facts::axis::{
    Decryption, EncryptedType, Integrity, LayerKind, MatchedBy, RecipientKind, axis,
};
use crate::facts::finding::FindingAt;
use crate::facts::record::{Identifier, LayerFacts, MessageFacts, Sha256};
use crate::facts::staged::Release;
use crate::facts::{Collected, Scratch, Staged};
use crate::limits::Limits;
use crate::mime::header::Header;
use crate::mime::message::Message;
use crate::mime::{Tree, transfer};

/// How messages are migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which plaintext may be written (`--require-integrity`).
    pub release: Release,
    /// Encrypted parts beside others are replaced too, each by itself (`--allow-partial`).
    pub allow_partial: bool,
    /// Protected header fields stay inside (`--keep-outer-headers`).
    pub keep_outer_headers: bool,
    /// Valid signatures inside are taken off (`--unwrap-signed`).
    pub unwrap_signed: bool,
    /// Where it is said what was done.
    pub provenance: ProvenancePlace,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            release: Release::Any,
            allow_partial: false,
            keep_outer_headers: false,
            unwrap_signed: false,
            provenance: ProvenancePlace::Header,
        }
    }
}

/// Where it is said what was done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProvenancePlace {
    /// In one field of its header.
    Header,
    /// Beside it (`--no-header`); the message gets no field.
    Sidecar,
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Migrated {
    /// It is copied as it is stored, byte by byte.
    Copied(Kept),
    /// This is written in its place.
    Decrypted(Box<Decrypted>),
}

axis! {
    /// Why a message is copied as it is stored.
    pub enum Kept {
        /// Nothing in it is encrypted.
        NotEncrypted = "not_encrypted",
        /// No key for any recipient.
        NoKey = "no_key",
        /// A recipient matched, and then something failed (RFC 3218).
        DecryptFailed = "decrypt_failed",
        /// An algorithm or a content type that is not supported.
        Unsupported = "unsupported",
        /// Something encrypted stands beside other parts, or in another message.
        EncryptedSubpart = "encrypted_subpart",
        /// Nothing authenticates the plaintext, and that was asked for.
        NoIntegrity = "no_integrity",
        /// It says it is encrypted, and can't be read.
        Damaged = "damaged",
        /// A line of the plaintext would end a multipart around it.
        BoundaryCollision = "boundary_collision",
        /// Read again, the decrypted message did not have the content and the signatures that it must have.
        ReadBackDiffers = "read_back_differs",
    }
}

/// A decrypted message.
#[derive(Debug)]
pub struct Decrypted {
    /// The whole message without mbox separator and without mbox quoting. The line ends of the header are those of the stored
    /// header, and so are the body's but where `line_ends_kept` was found.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Where the body begins in it, in bytes. Quoting for an mbox belongs behind it: the outer header stands as it was stored.
    pub body_at: usize,
    /// What was taken off, outermost first; of several parts, in the order of the message.
    pub layers: Vec<RemovedLayer>,
    /// What vouches for the plaintext: the weakest of the layers taken off.
    pub integrity: Integrity,
    /// Of the innermost plaintext as decrypted.
    pub entity_sha256: Sha256,
    /// Of the outermost CMS structure as decoded from the message.
    pub cms_sha256: Sha256,
    /// What was seen on the way, sorted.
    pub findings: Vec<FindingAt>,
    /// What the provenance field says, unfolded; with [`ProvenancePlace::Header`] it is in the message.
    pub provenance: String,
}

/// A layer that was taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedLayer {
    /// As in the facts.
    pub path: String,
    /// What it is.
    pub kind: LayerKind,
    /// Of an encrypted layer.
    pub encrypted: Option<RemovedEncryption>,
}

/// How a layer that was taken off had been encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedEncryption {
    /// Which kind of encrypted content.
    pub content_type: EncryptedType,
    /// The cipher's name.
    pub cipher: String,
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

/// What becomes of `message`, of which `collected` was collected with the operator's keys.
///
/// Pure: equal arguments give equal bytes. Never fails: what can't be decrypted whole is copied. `scratch` saves time and changes
/// nothing.
#[must_use]
pub fn migrate(
    message: &Message<'_>,
    collected: Collected,
    options: &Options,
    limits: &Limits,
    _scratch: &mut Scratch,
) -> Migrated {
    let Some(facts) = collected.facts else {
        return Migrated::Copied(Kept::NotEncrypted);
    };
    let Some((index, layer)) = (0u32..)
        .zip(&facts.layers)
        .find(|(_, layer)| layer.encrypted.is_some())
    else {
        return Migrated::Copied(Kept::NotEncrypted);
    };
    let Some(staged) = collected.opened.into_iter().find(|one| one.layer == index) else {
        return Migrated::Copied(kept(layer));
    };
    if index != 0 {
        return Migrated::Copied(Kept::EncryptedSubpart);
    }
    match simple(message, &facts, layer, staged, options, limits) {
        Ok(decrypted) => Migrated::Decrypted(Box::new(decrypted)),
        Err(kept) => Migrated::Copied(kept),
    }
}

fn kept(layer: &LayerFacts) -> Kept {
    match layer.encrypted.as_ref().map(|one| one.decryption) {
        Some(Decryption::NoKey) => Kept::NoKey,
        Some(Decryption::Failed) => Kept::DecryptFailed,
        Some(Decryption::Unsupported) => Kept::Unsupported,
        Some(Decryption::Decrypted | Decryption::NotTried) | None => Kept::Damaged,
    }
}

fn simple(
    message: &Message<'_>,
    facts: &MessageFacts,
    layer: &LayerFacts,
    staged: Staged,
    options: &Options,
    limits: &Limits,
) -> Result<Decrypted, Kept> {
    let encrypted = layer.encrypted.as_ref().ok_or(Kept::Damaged)?;
    let plain = staged
        .release(options.release)
        .map_err(|_| Kept::NoIntegrity)?;
    let outer = Tree::read(message.bytes, limits);
    let inner = Tree::read(&plain, limits);
    let (Some(root), Some(entity)) = (outer.parts.first(), inner.parts.first()) else {
        return Err(Kept::Damaged);
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(message.bytes.len()));
    let block = outer.slice(&root.header);
    let mut fields = Header::new(block).fields().peekable();
    while let Some(field) = fields.next() {
        let end = fields.peek().map_or(block.len(), |next| next.at);
        let name = field.name.to_ascii_lowercase();
        if !name.starts_with(b"content-") {
            bytes.extend_from_slice(block.get(field.at..end).unwrap_or_default());
        }
    }
    bytes.extend_from_slice(inner.slice(&entity.header));
    bytes.extend_from_slice(b"\n");
    let body_at = bytes.len();
    bytes.extend_from_slice(inner.slice(&entity.body));
    bytes.retain(|byte| *byte != b'\r');
    let recipient = encrypted
        .recipients
        .iter()
        .find(|one| one.result == Decryption::Decrypted);
    Ok(Decrypted {
        bytes,
        body_at,
        layers: vec![RemovedLayer {
            path: layer.path.clone(),
            kind: layer.kind,
            encrypted: Some(RemovedEncryption {
                content_type: encrypted.content_type,
                cipher: encrypted.cipher.clone(),
                recipient: recipient.map_or(Identifier::None, |one| one.identifier.clone()),
                recipient_kind: recipient.map_or(RecipientKind::Unknown, |one| one.kind),
                matched_by: encrypted.matched_by,
                integrity: encrypted.integrity.unwrap_or(Integrity::None),
                plaintext_sha256: encrypted.plaintext_sha256.unwrap_or_default(),
            }),
        }],
        integrity: encrypted.integrity.unwrap_or(Integrity::None),
        entity_sha256: encrypted.plaintext_sha256.unwrap_or_default(),
        cms_sha256: sha256(&transfer::cms_bytes(&outer, 0).bytes),
        findings: facts.findings.clone(),
        provenance: String::new(),
    })
}
