//! Layers are taken off from the outside in, for as long as each is the whole of what it is in.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use zeroize::Zeroizing;

use crate::cms::{self, Layer};
use crate::crypto::digest::sha256;
use crate::facts::axis::{Decryption, Digest, LayerKind, Signature};
use crate::facts::finding::Finding;
use crate::facts::inflate::inflate;
use crate::facts::record::{LayerFacts, MessageFacts, Sha256};
use crate::facts::staged::Release;
use crate::facts::{Staged, layer_path};
use crate::jobs::migrate::message::Kept;
use crate::limits::Limits;
use crate::mime::Tree;
use crate::mime::multipart::{has_text, is_note};
use crate::mime::smime::{self, Shape};
use crate::mime::transfer;
use crate::report::encode::base64;

/// Characters of a line of base64 (RFC 2045 §6.8).
const BASE64_LINE: usize = 76;

/// Bytes that are stored, or that came out of a layer.
#[derive(Clone)]
pub(super) enum Bytes<'m> {
    Stored(&'m [u8]),
    Plain(Rc<Zeroizing<Vec<u8>>>),
}

impl Bytes<'_> {
    pub fn plain(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::Plain(Rc::new(bytes))
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Stored(bytes) => bytes,
            Self::Plain(bytes) => bytes,
        }
    }
}

/// A MIME entity, and what the facts call it.
#[derive(Clone)]
pub(super) struct Entity<'m> {
    /// What it stands in.
    pub bytes: Bytes<'m>,
    /// The part of `bytes` that it is.
    pub root: usize,
    /// The layer around it.
    pub inside: Option<u32>,
    /// Layer path in front of its part numbers.
    pub prefix: String,
}

impl<'m> Entity<'m> {
    /// The stored message.
    pub fn message(bytes: &'m [u8]) -> Self {
        Self {
            bytes: Bytes::Stored(bytes),
            root: 0,
            inside: None,
            prefix: String::new(),
        }
    }

    /// A CMS file: an entity without a header, as `collect` reads it.
    pub fn bare(bytes: &[u8]) -> Self {
        Self {
            bytes: Bytes::Plain(Rc::new(Zeroizing::new([b"\n", bytes].concat()))),
            ..Self::message(&[])
        }
    }

    /// Another part of the same bytes.
    pub fn part(&self, part: usize) -> Self {
        Self {
            root: part,
            ..self.clone()
        }
    }

    /// The layer that is the whole of it, and the part that holds it. What is around that part in multiparts with one child and no
    /// text of their own says nothing.
    pub fn whole_layer(&self, tree: &Tree<'_>, facts: &MessageFacts) -> Option<(usize, usize)> {
        let mut part = self.root;
        loop {
            let path = layer_path(&self.prefix, &tree.number(part));
            let here = |layer: &LayerFacts| layer.inside == self.inside && layer.path == path;
            if let Some(layer) = facts.layers.iter().position(here) {
                return Some((layer, part));
            }
            let this = tree.parts.get(part)?;
            let multipart = this.multipart.as_ref()?;
            let preamble = tree.slice(&multipart.preamble);
            let silent = (!has_text(preamble) || is_note(preamble))
                && !has_text(tree.slice(&multipart.epilogue));
            match this.children.as_slice() {
                [only] if silent => part = *only,
                _ => return None,
            }
        }
    }

    /// What a signature at `part` is over.
    pub fn signed(
        &self,
        tree: &Tree<'_>,
        part: usize,
        (index, layer): (usize, &LayerFacts),
        limits: &Limits,
    ) -> Option<Self> {
        if layer.kind == LayerKind::Signed {
            // Taking it off would lose what stands beside the signed part.
            let beside = [
                Finding::ExtraParts,
                Finding::PreambleText,
                Finding::EpilogueText,
            ];
            if beside.iter().any(|one| layer.findings.contains(one)) {
                return None;
            }
            let content = smime::find(tree)
                .into_iter()
                .find_map(|one| match one.shape {
                    Shape::Detached {
                        multipart, content, ..
                    } if multipart == part => Some(content),
                    Shape::Detached { .. }
                    | Shape::Opaque { .. }
                    | Shape::Loose { .. }
                    | Shape::Incomplete { .. } => None,
                })?;
            return Some(Self {
                bytes: self.bytes.clone(),
                root: content,
                inside: u32::try_from(index).ok(),
                prefix: layer.path.clone(),
            });
        }
        let cms = cms_of(tree, part, limits)?;
        let info = cms::read(&cms, limits).ok()?;
        let Layer::Signed(data) = &info.layer else {
            return None;
        };
        let content = data.content.as_ref()?.bytes().ok()?.into_owned();
        Some(Self::behind(index, layer, Zeroizing::new(content)))
    }

    /// Itself, or the MIME entity (RFC 8551 §3.2) that a CMS structure without one is in place of: some gateways encrypt that.
    ///
    /// # Errors
    /// `Unsupported`: another ASN.1 structure, which is no mail.
    pub fn into_mime(self, facts: &MessageFacts, limits: &Limits) -> Result<Self, Kept> {
        if !transfer::looks_like_ber(&self.bytes) {
            return Ok(self);
        }
        if cms::read(&self.bytes, limits).is_err() {
            return Err(Kept::Unsupported);
        }
        let path = layer_path(&self.prefix, "1");
        let kind = facts
            .layers
            .iter()
            .find(|layer| layer.inside == self.inside && layer.path == path)
            .map(|layer| layer.kind);
        let smime_type = match kind {
            Some(LayerKind::Opaque) => "; smime-type=signed-data",
            Some(LayerKind::CertsOnly) => "; smime-type=certs-only",
            Some(_) | None => "",
        };
        let encoded = Zeroizing::new(base64(&self.bytes));
        let header = format!(
            "Content-Type: application/pkcs7-mime{smime_type}; name=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        );
        let lines = encoded.len() / BASE64_LINE + 1;
        let capacity = header.len() + encoded.len() + 2 * lines;
        let mut text = Zeroizing::new(Vec::with_capacity(capacity));
        text.extend_from_slice(header.as_bytes());
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(rest.len().min(BASE64_LINE));
            text.extend_from_slice(line.as_bytes());
            text.extend_from_slice(b"\r\n");
            rest = behind;
        }
        Ok(Self {
            bytes: Bytes::plain(text),
            ..self
        })
    }

    fn behind(index: usize, layer: &LayerFacts, plain: Zeroizing<Vec<u8>>) -> Self {
        Self {
            bytes: Bytes::Plain(Rc::new(plain)),
            root: 0,
            inside: u32::try_from(index).ok(),
            prefix: layer.path.clone(),
        }
    }
}

/// The CMS structure in a part that holds one by itself.
fn cms_of<'t>(tree: &Tree<'t>, part: usize, limits: &Limits) -> Option<Cow<'t, [u8]>> {
    if !tree.parts.get(part)?.children.is_empty() {
        return None;
    }
    if part == 0 && transfer::looks_like_ber(tree.bytes) && cms::read(tree.bytes, limits).is_ok() {
        return Some(Cow::Borrowed(tree.bytes));
    }
    Some(transfer::cms_bytes(tree, part).bytes)
}

/// An entity without its layers.
pub(super) struct Peeled<'m> {
    /// What is inside.
    pub entity: Entity<'m>,
    /// Layers that were taken off, outermost first: indices into the facts.
    pub removed: Vec<usize>,
    /// Of the outermost CMS structure.
    pub cms_sha256: Sha256,
    /// Header blocks of what is gone, outermost first, but for that of the entity itself.
    pub lost: Vec<Zeroizing<Vec<u8>>>,
}

/// What the plaintexts are taken from.
pub(super) struct Peeler<'f> {
    pub facts: &'f MessageFacts,
    pub opened: Vec<Staged>,
    pub release: Release,
    pub unwrap_signed: bool,
    pub limits: &'f Limits,
}

impl Peeler<'_> {
    /// Takes off all layers down to the innermost encrypted one, and compressed ones that then are outermost. A signature inside
    /// stays; one that has encrypted content inside goes with the encryption, for it is over ciphertext.
    ///
    /// # Errors
    /// Why not: a layer that can't be opened, which leaves those around it where they are; None where nothing encrypted is the whole
    /// of the entity.
    pub fn peel<'m>(&mut self, entity: &Entity<'m>) -> Result<Peeled<'m>, Option<Kept>> {
        let mut at = entity.clone();
        let mut peeled: Option<Entity<'m>> = None;
        let mut removed = Vec::new();
        // Those that go only if something encrypted is inside.
        let mut waiting: Vec<usize> = Vec::new();
        let mut lost: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let mut going: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let mut is_first = true;
        let mut cms_sha256 = None;
        loop {
            let bytes = at.bytes.clone();
            let tree = Tree::read(&bytes, self.limits);
            let Some((index, part)) = at.whole_layer(&tree, self.facts) else {
                break;
            };
            let Some(layer) = self.facts.layers.get(index) else {
                break;
            };
            waiting.push(index);
            going.extend(headers(&tree, at.root, part, std::mem::take(&mut is_first)));
            let next = match layer.kind {
                LayerKind::Encrypted | LayerKind::AuthEncrypted => {
                    let cms = cms_of(&tree, part, self.limits).ok_or(None)?;
                    let plain = self.plaintext(index, layer)?;
                    if cms_sha256.is_none() {
                        cms_sha256 = Some(sha256(&cms));
                    }
                    let next = Entity::behind(index, layer, plain);
                    removed.append(&mut waiting);
                    lost.append(&mut going);
                    peeled = Some(next.clone());
                    Some(next)
                }
                LayerKind::Compressed => self.inflated(&tree, part, index, layer),
                LayerKind::Signed | LayerKind::Opaque => {
                    at.signed(&tree, part, (index, layer), self.limits)
                }
                LayerKind::CertsOnly
                | LayerKind::Timestamp
                | LayerKind::Digested
                | LayerKind::Authenticated
                | LayerKind::Unknown => None,
            };
            let Some(next) = next else { break };
            // Compressed is no protection that a signature inside would need, so it goes with the encryption around it.
            let bare = waiting.iter().all(|waits| self.may_go(*waits));
            if peeled.is_some() && bare {
                removed.append(&mut waiting);
                lost.append(&mut going);
                peeled = Some(next.clone());
            }
            at = next;
        }
        match (peeled, cms_sha256) {
            (Some(entity), Some(cms_sha256)) => Ok(Peeled {
                entity,
                removed,
                cms_sha256,
                lost,
            }),
            _ => Err(None),
        }
    }

    /// A layer that goes too once the encryption around it went.
    fn may_go(&self, index: usize) -> bool {
        self.facts
            .layers
            .get(index)
            .is_some_and(|layer| match layer.kind {
                LayerKind::Compressed => true,
                LayerKind::Signed | LayerKind::Opaque => self.unwrap_signed && is_valid(layer),
                LayerKind::Encrypted
                | LayerKind::AuthEncrypted
                | LayerKind::CertsOnly
                | LayerKind::Timestamp
                | LayerKind::Digested
                | LayerKind::Authenticated
                | LayerKind::Unknown => false,
            })
    }

    fn plaintext(
        &mut self,
        index: usize,
        layer: &LayerFacts,
    ) -> Result<Zeroizing<Vec<u8>>, Option<Kept>> {
        let place = self
            .opened
            .iter()
            .position(|staged| usize::try_from(staged.layer) == Ok(index))
            .ok_or(Some(unopened(layer)))?;
        let staged = self.opened.swap_remove(place);
        staged
            .release(self.release)
            .map_err(|_| Some(Kept::NoIntegrity))
    }

    fn inflated<'m>(
        &self,
        tree: &Tree<'_>,
        part: usize,
        index: usize,
        layer: &LayerFacts,
    ) -> Option<Entity<'m>> {
        let cms = cms_of(tree, part, self.limits)?;
        let info = cms::read(&cms, self.limits).ok()?;
        let Layer::Compressed(data) = &info.layer else {
            return None;
        };
        let plain = inflate(data, self.limits).ok()?;
        Some(Entity::behind(index, layer, plain))
    }
}

/// The header blocks from `root`, or what is below it, down to `part`.
fn headers(tree: &Tree<'_>, root: usize, part: usize, below: bool) -> Vec<Zeroizing<Vec<u8>>> {
    // A CMS structure without MIME around it has none.
    if transfer::looks_like_ber(tree.bytes) {
        return Vec::new();
    }
    let mut parts: Vec<usize> = tree
        .ancestry(part)
        .take_while(|above| *above != root)
        .collect();
    if !below {
        parts.push(root);
    }
    let parts = parts.iter().rev().filter_map(|part| tree.parts.get(*part));
    parts
        .map(|part| Zeroizing::new(tree.slice(&part.header).to_vec()))
        .collect()
}

/// Why an encrypted layer has no plaintext.
pub(super) fn unopened(layer: &LayerFacts) -> Kept {
    let found = |code| layer.findings.contains(&code);
    match layer.encrypted.as_ref().map(|one| one.decryption) {
        Some(Decryption::NotTried | Decryption::Unsupported) if found(Finding::KdfLimit) => {
            Kept::KdfLimit
        }
        Some(Decryption::NoKey) if found(Finding::KeyLocked) => Kept::KeyLocked,
        Some(Decryption::NoKey) => Kept::NoKey,
        Some(Decryption::Failed) => Kept::DecryptFailed,
        Some(Decryption::Unsupported) => Kept::Unsupported,
        Some(Decryption::Decrypted | Decryption::NotTried) | None => Kept::Damaged,
    }
}

/// Something in it was encrypted, or is said to have been.
pub(super) fn is_encrypted(layer: &LayerFacts) -> bool {
    matches!(layer.kind, LayerKind::Encrypted | LayerKind::AuthEncrypted)
}

/// Every signature of the layer verifies, whoever made it.
pub(super) fn is_valid(layer: &LayerFacts) -> bool {
    let valid = layer.signatures.iter().all(|one| {
        let digest = match one.digest {
            Digest::Match | Digest::MatchCanonical | Digest::MatchAfterRepair => true,
            Digest::Mismatch | Digest::NotChecked => false,
        };
        digest && one.signature == Signature::Valid
    });
    valid && !layer.signatures.is_empty()
}
