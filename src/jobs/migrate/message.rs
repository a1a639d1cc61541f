//! One message: from what is stored and what was decrypted to the bytes that take its place.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::asn1::Time;
use crate::facts::axis::{Decryption, Integrity, LayerKind, axis};
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::record::{LayerFacts, MessageFacts, Sha256, SignatureFacts};
use crate::facts::staged::Release;
use crate::facts::{Carried, Collected, Scratch, has_panicked};
use crate::jobs::migrate::authorities::Authorities;
use crate::jobs::migrate::header::{Change, split};
use crate::jobs::migrate::line_ends::{LineEnd, append, converts, is_binary};
use crate::jobs::migrate::partial::splice;
use crate::jobs::migrate::peel::{Bytes, Entity, Peeler, is_encrypted, unopened};
use crate::jobs::migrate::protected::{self, Kind};
use crate::jobs::migrate::provenance;
use crate::jobs::migrate::read_back::{Expected, is_expected};
use crate::jobs::migrate::removed::removed;
use crate::judge::{Policy, cipher_finding};
use crate::limits::Limits;
use crate::mime::header::Header;
use crate::mime::message::{Form, Message};
use crate::mime::{Finding as MimeFinding, Tree};

pub use crate::jobs::migrate::removed::{RemovedEncryption, RemovedLayer};

/// A line of two bytes, `A` and its end, becomes thirteen times as long as the value of a field that says it was none.
pub(super) const FIELD_GROWTH: usize = 16;
/// Room for the provenance field, and for a line end or two.
const PROVENANCE_BYTES: usize = 4 << 10;

/// How messages are migrated.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Whose signers may give a message another From (`--ca`, `--certs`). Without them nobody may.
    pub authorities: Option<Arc<Authorities>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            release: Release::Any,
            allow_partial: false,
            keep_outer_headers: false,
            unwrap_signed: false,
            provenance: ProvenancePlace::Header,
            authorities: None,
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
        /// None, but the key file that a certificate says is a recipient's did not open.
        KeyLocked = "key_locked",
        /// It is under a password, and the rest of the passwords would cost more than a message may.
        KdfLimit = "kdf_limit",
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
    /// header, and so are the body's but where `line_ends_kept` was found. The last line has an end only if the plaintext's has.
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
    scratch: &mut Scratch,
) -> Migrated {
    let Some(facts) = collected.facts else {
        return Migrated::Copied(Kept::NotEncrypted);
    };
    if has_panicked(&facts) {
        return Migrated::Copied(Kept::Damaged);
    }
    if !facts.layers.iter().any(is_encrypted) {
        // A structure that could not be read, or not be reached, may be anything.
        let unread =
            |layer: &LayerFacts| layer.kind == LayerKind::Unknown && layer.content_type.is_none();
        let kept = if facts.layers.iter().any(unread) {
            Kept::Damaged
        } else {
            Kept::NotEncrypted
        };
        return Migrated::Copied(kept);
    }
    let mut peeler = Peeler {
        facts: &facts,
        opened: collected.opened,
        release: options.release,
        unwrap_signed: options.unwrap_signed,
        limits,
    };
    let job = Job {
        message,
        facts: &facts,
        carried: &collected.certificates,
        options,
        limits,
    };
    match job.run(&mut peeler, scratch) {
        Ok(decrypted) => Migrated::Decrypted(Box::new(decrypted)),
        Err(kept) => Migrated::Copied(kept),
    }
}

struct Job<'j, 'm> {
    message: &'j Message<'m>,
    facts: &'j MessageFacts,
    carried: &'j [Carried],
    options: &'j Options,
    limits: &'j Limits,
}

/// What the message is made of.
struct Content<'m> {
    /// What takes the place of the body; the stored message itself, with parts replaced, if only parts were encrypted.
    entity: Entity<'m>,
    payload: Option<protected::Payload>,
    removed: Vec<usize>,
    cms_sha256: Sha256,
    line_ends_kept: bool,
    /// Header blocks of layers that are gone.
    lost: Vec<Zeroizing<Vec<u8>>>,
    /// A part's header had a line that is no field.
    stray: Option<Finding>,
    whole: bool,
}

impl Job<'_, '_> {
    fn run(&self, peeler: &mut Peeler<'_>, scratch: &mut Scratch) -> Result<Decrypted, Kept> {
        let stored = match self.message.form {
            Form::Mail => Entity::message(self.message.bytes),
            Form::Cms => Entity::bare(self.message.bytes),
        };
        let outer = Tree::read(&stored.bytes, self.limits);
        let cut = outer
            .findings
            .iter()
            .any(|found| found.part == 0 && found.finding == MimeFinding::HeaderTooLarge);
        if cut {
            return Err(Kept::Damaged);
        }
        let content = self.content(&stored, &outer.header(0), peeler)?;
        let mut decrypted = match self.message.form {
            Form::Mail => self.written(&outer, &content, scratch)?,
            Form::Cms => self.bare(&content)?,
        };
        self.notes(&content, &mut decrypted);
        Ok(decrypted)
    }

    /// Takes the layers off.
    fn content<'e>(
        &self,
        stored: &Entity<'e>,
        outer: &Header<'_>,
        peeler: &mut Peeler<'_>,
    ) -> Result<Content<'e>, Kept> {
        let peeled = match peeler.peel(stored) {
            Ok(peeled) => Some(peeled),
            Err(Some(kept)) => return Err(kept),
            Err(None) => None,
        };
        let removed = peeled.as_ref().map_or(&[][..], |peeled| &peeled.removed);
        let rest: Vec<&LayerFacts> = self
            .facts
            .layers
            .iter()
            .enumerate()
            .filter(|(index, layer)| is_encrypted(layer) && !removed.contains(index))
            .map(|(_, layer)| layer)
            .collect();
        if let Some(first) = rest.first()
            && !self.options.allow_partial
        {
            let opened = rest.iter().any(|layer| is_opened(layer));
            return Err(if opened {
                Kept::EncryptedSubpart
            } else {
                unopened(first)
            });
        }
        let quoting = self.message.origin.quoting;
        let Some(peeled) = peeled else {
            let spliced = splice(peeler, stored, quoting)?;
            return Ok(Content {
                entity: Entity {
                    bytes: Bytes::plain(spliced.bytes),
                    ..stored.clone()
                },
                payload: None,
                removed: spliced.removed,
                cms_sha256: spliced.cms_sha256,
                line_ends_kept: spliced.line_ends_kept,
                lost: Vec::new(),
                stray: spliced.stray,
                whole: false,
            });
        };
        let entity = peeled.entity.into_mime(self.facts, self.limits)?;
        let mut payload = protected::payload(&entity, self.facts, outer, self.limits);
        payload.unwrapped = peeled
            .removed
            .iter()
            .rev()
            .copied()
            .take_while(|index| !self.is_encrypted(*index))
            .collect();
        let mut content = Content {
            entity,
            payload: Some(payload),
            removed: peeled.removed,
            cms_sha256: peeled.cms_sha256,
            line_ends_kept: false,
            lost: peeled.lost,
            stray: None,
            whole: rest.is_empty(),
        };
        // Parts in it that can't be opened, or must not be changed, stay as they are.
        if !rest.is_empty()
            && let Ok(spliced) = splice(peeler, &content.entity, Default::default())
        {
            content.entity.bytes = Bytes::plain(spliced.bytes);
            content.entity.root = 0;
            content.removed.extend(spliced.removed);
            content.line_ends_kept = spliced.line_ends_kept;
            content.stray = spliced.stray;
        }
        Ok(content)
    }

    /// The message with the store's line ends; as decrypted where they would change it.
    fn written(
        &self,
        outer: &Tree<'_>,
        content: &Content<'_>,
        scratch: &mut Scratch,
    ) -> Result<Decrypted, Kept> {
        let header = outer.parts.first().ok_or(Kept::Damaged)?.header.clone();
        let end = LineEnd::of(outer.slice(&header));
        let tree = Tree::read(&content.entity.bytes, self.limits);
        let mut root = content.entity.root;
        let mut wrapper = root;
        let restore = !self.options.keep_outer_headers;
        if let Some(payload) = &content.payload
            && payload.kind == Kind::Wrapped
            && payload.signed_by.is_empty()
            && restore
            && let Some(child) = protected::wrapped(&tree, root, &outer.header(0))
        {
            wrapper = root;
            root = child;
        }
        let entity = tree.parts.get(root).ok_or(Kept::Damaged)?;
        let body = tree.slice(&entity.body);
        let converting = content.whole_is_plain() && converts(body, end, is_binary(&tree, root));
        let lines = match end {
            LineEnd::Lf => 0,
            LineEnd::CrLf => memchr::memchr_iter(b'\n', body).count(),
        };
        let protected = content.payload.as_ref().map_or(0, |one| one.header.len());
        let mut gone: Vec<&[u8]> = content.lost.iter().map(|lost| lost.as_slice()).collect();
        if wrapper != root {
            gone.extend(tree.parts.get(wrapper).map(|part| tree.slice(&part.header)));
        }
        let lost: usize = gone.iter().map(|block| block.len()).sum();
        let fields = header.len() + entity.header.len() + protected + lost;
        for convert in [true, false] {
            if convert && !converting {
                continue;
            }
            let mut decrypted = self.empty(
                content,
                body.len() + lines + FIELD_GROWTH * fields + PROVENANCE_BYTES,
            );
            self.header(
                outer,
                content,
                (tree.slice(&entity.header), &gone),
                end,
                &mut decrypted,
            );
            if convert {
                append(&mut decrypted.bytes, body, end);
            } else {
                decrypted.bytes.extend_from_slice(body);
                if content.whole_is_plain() {
                    note(&mut decrypted, "", Finding::LineEndsKept);
                }
            }
            let expected = Expected {
                facts: self.facts,
                removed: &content.removed,
                body,
                body_at: decrypted.body_at,
                whole: content.whole,
            };
            if is_expected(&decrypted.bytes, &expected, self.limits, scratch) {
                return Ok(decrypted);
            }
        }
        Err(Kept::ReadBackDiffers)
    }

    /// Writes the header and the empty line behind it. `entity` is the header block of the entity, and those of what is gone around it.
    fn header(
        &self,
        outer: &Tree<'_>,
        content: &Content<'_>,
        (entity, gone): (&[u8], &[&[u8]]),
        end: LineEnd,
        decrypted: &mut Decrypted,
    ) {
        let block = outer.header(0);
        let restore = !self.options.keep_outer_headers;
        let mut change = Change {
            end,
            entity: content.payload.as_ref().map(|_| split(entity).0),
            of_message: true,
            restored: Vec::new(),
            added: Vec::new(),
        };
        let mut beside: Vec<&[u8]> = gone.to_vec();
        if let Some(payload) = &content.payload {
            let trust = |signature: &SignatureFacts| {
                let authorities = self.options.authorities.as_ref();
                authorities.is_some_and(|all| all.trust(signature, self.carried, self.limits))
            };
            let covers = |header: &Header<'_>| {
                protected::is_sender_signed(payload, header, self.facts, self.limits, &trust)
            };
            let fields = protected::fields(payload, &block, restore, self.limits, &covers);
            for (field, finding) in fields.findings {
                note(decrypted, &field, finding);
            }
            change.restored = fields.restored;
            change.added = fields.added;
            if !payload.signed_by.is_empty() || (payload.kind == Kind::Wrapped && !restore) {
                // Around a signature or a wrapper nothing protects them, and nothing else keeps them.
                beside.push(entity);
            }
        }
        for lost in beside {
            let (lines, finding) = protected::beside(lost, &block);
            change.added.extend(lines);
            if let Some(finding) = finding {
                note(decrypted, "", finding);
            }
        }
        let items = provenance::items(
            self.facts.sha256.unwrap_or_default(),
            &decrypted.layers,
            decrypted.integrity,
            &block,
        );
        decrypted.provenance = items.join("; ");
        match self.options.provenance {
            ProvenancePlace::Header => {
                let field = provenance::field(&items, end);
                change.added.push(Zeroizing::new(field));
            }
            ProvenancePlace::Sidecar => {}
        }
        let Some(root) = outer.parts.first() else {
            return;
        };
        if change.apply(outer.slice(&root.header), &mut decrypted.bytes) {
            note(decrypted, "", Finding::ProvenanceInSource);
        }
        let empty = outer.slice(&(root.header.end..root.body.start));
        let empty = if empty.is_empty() { end.bytes() } else { empty };
        decrypted.bytes.extend_from_slice(empty);
        decrypted.body_at = decrypted.bytes.len();
    }

    /// What was in a CMS file: the entity as decrypted.
    fn bare(&self, content: &Content<'_>) -> Result<Decrypted, Kept> {
        let tree = Tree::read(&content.entity.bytes, self.limits);
        let root = tree.parts.get(content.entity.root).ok_or(Kept::Damaged)?;
        let mut decrypted = self.empty(content, content.entity.bytes.len());
        decrypted.bytes.extend_from_slice(tree.slice(&root.entity));
        decrypted.body_at = root.body.start.saturating_sub(root.entity.start);
        let items = provenance::items(
            self.facts.sha256.unwrap_or_default(),
            &decrypted.layers,
            decrypted.integrity,
            &Header::new(&[]),
        );
        decrypted.provenance = items.join("; ");
        Ok(decrypted)
    }

    /// `capacity`: as long as the message will be at least, so that a buffer that grows leaves no half of it behind.
    fn empty(&self, content: &Content<'_>, capacity: usize) -> Decrypted {
        let layers: Vec<RemovedLayer> = content
            .removed
            .iter()
            .filter_map(|index| self.facts.layers.get(*index))
            .map(removed)
            .collect();
        let encrypted = || layers.iter().filter_map(|layer| layer.encrypted.as_ref());
        let integrity = if encrypted().any(|one| one.integrity == Integrity::None) {
            Integrity::None
        } else if encrypted().any(|one| one.integrity == Integrity::InnerSignature) {
            Integrity::InnerSignature
        } else {
            Integrity::Aead
        };
        Decrypted {
            bytes: Zeroizing::new(Vec::with_capacity(capacity)),
            body_at: 0,
            entity_sha256: encrypted()
                .next_back()
                .map_or_else(Default::default, |one| one.plaintext_sha256),
            integrity,
            cms_sha256: content.cms_sha256,
            findings: Vec::new(),
            provenance: String::new(),
            layers,
        }
    }

    fn notes(&self, content: &Content<'_>, decrypted: &mut Decrypted) {
        for index in content
            .removed
            .iter()
            .filter(|one| self.is_encrypted(**one))
        {
            for outer in self.around(*index) {
                let Some(layer) = self.facts.layers.get(outer) else {
                    continue;
                };
                if matches!(layer.kind, LayerKind::Signed | LayerKind::Opaque) {
                    note(decrypted, &layer.path, Finding::OuterSignatureRemoved);
                }
            }
        }
        // What these are about is nowhere in what is written.
        for layer in content
            .removed
            .iter()
            .filter_map(|index| self.facts.layers.get(*index))
        {
            if let Some(encrypted) = &layer.encrypted {
                // No rule about ciphers has a date that is to come, so it is the same at any time.
                let (name, bits) = (&encrypted.cipher, encrypted.key_bits);
                let policy = Policy::default();
                if let Some(code) = cipher_finding(name, bits, &policy, Time::midnight(9999, 1, 1))
                {
                    note(decrypted, &layer.path, code);
                }
            }
            for code in [Finding::Base64Irregular, Finding::TrailingData] {
                if layer.findings.contains(&code) {
                    note(decrypted, &layer.path, code);
                }
            }
        }
        for (index, layer) in (0..).zip(&self.facts.layers) {
            if is_encrypted(layer) && !content.removed.contains(&index) {
                note(decrypted, &layer.path, Finding::EncryptedSubpart);
            }
        }
        if content.line_ends_kept {
            note(decrypted, "", Finding::LineEndsKept);
        }
        if let Some(stray) = content.stray {
            note(decrypted, "", stray);
        }
        decrypted.findings.sort();
        decrypted.findings.dedup();
    }
}

impl Job<'_, '_> {
    fn is_encrypted(&self, index: usize) -> bool {
        self.facts.layers.get(index).is_some_and(is_encrypted)
    }

    /// The layers around one, from the inside out.
    fn around(&self, index: usize) -> impl Iterator<Item = usize> {
        let outer = |index: &usize| {
            let inside = self.facts.layers.get(*index)?.inside?;
            usize::try_from(inside).ok()
        };
        std::iter::successors(outer(&index), move |index| outer(index))
    }
}

impl Content<'_> {
    /// The body is all plaintext; else it is the stored one with parts replaced, and they have their line ends already.
    fn whole_is_plain(&self) -> bool {
        self.payload.is_some()
    }
}

fn note(decrypted: &mut Decrypted, place: &str, code: Finding) {
    decrypted.findings.push(FindingAt {
        place: place.to_owned(),
        code,
    });
}

fn is_opened(layer: &LayerFacts) -> bool {
    layer
        .encrypted
        .as_ref()
        .is_some_and(|one| one.decryption == Decryption::Decrypted)
}
