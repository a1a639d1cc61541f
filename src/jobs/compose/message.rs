//! One message: from what is stored to the messages that are sent in its place, or to why there is none.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::archive::write::mbox::body_at;
use crate::asn1::Time;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::crypto::digest::sha256;
use crate::facts::axis::LayerKind;
use crate::facts::headers::addresses;
use crate::facts::record::{LayerFacts, MessageFacts, Sha256};
use crate::facts::{Collected, Scratch, has_panicked};
use crate::jobs::compose::header::with_entity;
use crate::jobs::compose::read_back::{Expected, is_expected};
use crate::jobs::compose::recipients::{Named, Recipient, Recipients};
use crate::jobs::compose::refusal::{Problem, Refused, Role};
use crate::jobs::compose::signed::{Form, Protected, pkcs7_mime, signed};
use crate::jobs::compose::signers::{Signer, Signers};
use crate::jobs::envelope::{Addressee, choose, encrypt};
use crate::judge::recipient::{Hindrance, Rules};
use crate::limits::Limits;
use crate::mime::canonical::{LineEnds, Unquote, feed};
use crate::mime::header::Header;
use crate::mime::message::{Form as Stored, Message, Quoting};
use crate::mime::write::protect::{HeaderProtection, Outside, protect};
use crate::mime::{Finding, Tree, write};
use crate::pki::keyring::Keyring;

/// What is done to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// It is signed.
    #[default]
    Sign,
    /// It is encrypted.
    Encrypt,
    /// It is signed, and that is encrypted.
    SignEncrypt,
    /// It is signed, that is encrypted, and that is signed (RFC 2634 §1.1).
    Triple,
}

impl Task {
    /// Somebody signs.
    #[must_use]
    pub fn signs(self) -> bool {
        self != Self::Encrypt
    }

    /// Somebody is encrypted to.
    #[must_use]
    pub fn encrypts(self) -> bool {
        self != Self::Sign
    }
}

/// How messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is done.
    pub task: Task,
    /// Where the content of a signature stands.
    pub form: Form,
    /// The signing time, and the time at which everything must be valid.
    pub at: Time,
    /// Nothing is used without an answer about revocation.
    pub require_revocation: bool,
    /// What the operator allows.
    pub allowed: Vec<Hindrance>,
    /// The sender can read what was encrypted, too.
    pub to_self: bool,
    /// The content cipher that the operator names; without it the best that all recipients read.
    pub cipher: Option<CipherAlgorithm>,
    /// Header fields stand inside, too (RFC 9788).
    pub protection: Option<HeaderProtection>,
}

impl Options {
    /// The rules that certificates are chosen by.
    #[must_use]
    pub fn rules(&self) -> Rules<'_> {
        Rules {
            at: self.at,
            require_revocation: self.require_revocation,
            allowed: &self.allowed,
        }
    }
}

/// What messages are sent with. One for all workers.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// Who signs.
    pub signers: &'a Signers,
    /// To whom is encrypted; needed where something is.
    pub recipients: Option<&'a Recipients<'a>>,
    /// Own keys, to read what was encrypted.
    pub keys: &'a Keyring,
    /// How.
    pub options: &'a Options,
    /// The bounds.
    pub limits: &'a Limits,
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Composed {
    /// It is signed or encrypted already: with which layers, as in a report.
    Skipped(Vec<&'static str>),
    /// Nothing is sent.
    Refused(Vec<Refused>),
    /// These are sent.
    Sent(Vec<Sent>),
}

/// A message to be sent.
#[derive(Debug)]
pub struct Sent {
    /// The whole message, without mbox separator. Its line ends are those of the stored header.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Where its body begins, in bytes.
    pub body_at: usize,
    /// SHA-256 of the signer's certificate.
    pub signer: Option<Sha256>,
    /// Of the entity that was signed or encrypted first, canonical.
    pub entity_sha256: Sha256,
    /// To whom it is to be delivered.
    pub envelope: Vec<String>,
    /// The recipients' certificates.
    pub recipients: Vec<Arc<Recipient>>,
    /// The content cipher.
    pub cipher: Option<CipherAlgorithm>,
    /// What was encrypted is signed once more.
    pub is_triple: bool,
    /// It is for one recipient of Bcc.
    pub is_blind: bool,
}

impl Means<'_> {
    /// What becomes of `message`, of which `collected` was collected. Never fails.
    #[must_use]
    pub fn compose(
        &self,
        message: &Message<'_>,
        collected: &Collected,
        scratch: &mut Scratch,
    ) -> Composed {
        let facts = collected.facts.as_deref();
        if facts.is_some_and(has_panicked) {
            return Composed::Refused(vec![Refused::message(Problem::Panic)]);
        }
        if message.form == Stored::Cms {
            return Composed::Skipped(layers(facts));
        }
        let bytes = unquoted(message);
        let tree = Tree::read(&bytes, self.limits);
        if is_protected(&tree, facts) {
            return Composed::Skipped(layers(facts));
        }
        match self.sent(&tree, scratch) {
            Ok(sent) => Composed::Sent(sent),
            Err(refused) => Composed::Refused(refused),
        }
    }

    fn sent(&self, tree: &Tree<'_>, scratch: &mut Scratch) -> Result<Vec<Sent>, Vec<Refused>> {
        let message = |problem| vec![Refused::message(problem)];
        if tree.has(Finding::HeaderTooLarge) {
            return Err(message(Problem::HeaderTooLarge));
        }
        let header = tree.header(0);
        let task = self.options.task;
        let mut refused = Vec::new();
        let signer = match task.signs() {
            true => self.signer(&header).map_err(|one| refused.push(one)).ok(),
            false => None,
        };
        let letters = self.letters(&header).unwrap_or_else(|reasons| {
            refused.extend(reasons);
            Vec::new()
        });
        if !refused.is_empty() {
            return Err(refused);
        }
        let outer = tree
            .parts
            .first()
            .map_or(&[][..], |root| tree.slice(&root.header));
        let entity = write::entity(tree).map_err(|error| message(error.into()))?;
        let payload = match self.options.protection {
            Some(protection) => protect(outer, &entity, protection, self.limits)
                .map_err(|error| message(error.into()))?,
            None => entity,
        };
        let inner = match signer {
            Some(signer) => Some(self.signed(&payload, signer).map_err(message)?),
            None => None,
        };
        let made = Made {
            outer,
            payload: &payload,
            inner: inner.as_ref(),
            signer,
        };
        letters
            .into_iter()
            .map(|letter| self.letter(&made, letter, scratch).map_err(message))
            .collect()
    }

    /// Who gets a message of their own: all of To and Cc together, and each of Bcc.
    fn letters(&self, header: &Header<'_>) -> Result<Vec<Letter>, Vec<Refused>> {
        let named = Named::read(header, self.limits);
        let Some(recipients) = self.recipients.filter(|_| self.options.task.encrypts()) else {
            // What is only signed goes to everybody as it is, and whoever can't be read is not left out: nobody is chosen here.
            let named = named.unwrap_or_default();
            return Ok(vec![Letter {
                envelope: [named.open, named.blind].concat(),
                ..Letter::default()
            }]);
        };
        let named = named.map_err(|one| vec![one])?;
        let mut refused = Vec::new();
        let mut find = |address: &str, role| {
            let found = recipients.of(address, role, Some(self.signers));
            found.map_err(|one| refused.push(one)).ok()
        };
        let mut open: Vec<Arc<Recipient>> = named
            .open
            .iter()
            .filter_map(|address| find(address, Role::Recipient))
            .collect();
        let blind: Vec<Arc<Recipient>> = named
            .blind
            .iter()
            .filter_map(|address| find(address, Role::Recipient))
            .collect();
        if self.options.to_self {
            match self.sender(header) {
                Ok(address) => open.extend(find(&address, Role::Myself)),
                Err(problem) => refused.push(about(Role::Myself, problem)),
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        if named.open.is_empty() && named.blind.is_empty() {
            return Err(vec![about(Role::Recipient, Problem::NoRecipient)]);
        }
        let mut letters = Vec::with_capacity(1 + blind.len());
        if !open.is_empty() {
            letters.push(Letter {
                envelope: named.open,
                to: each_once(open),
                is_blind: false,
            });
        }
        letters.extend(blind.into_iter().map(|one| Letter {
            envelope: vec![one.address.clone()],
            to: vec![one],
            is_blind: true,
        }));
        Ok(letters)
    }

    /// Encrypts, signs what was encrypted where that is asked for, puts the header around it, and reads it all again.
    fn letter(
        &self,
        made: &Made<'_>,
        letter: Letter,
        scratch: &mut Scratch,
    ) -> Result<Sent, Problem> {
        let task = self.options.task;
        let to: Vec<&Recipient> = letter.to.iter().map(Arc::as_ref).collect();
        let content = made.inner.map_or(made.payload, |inner| &inner.entity);
        let cipher = self
            .options
            .cipher
            .unwrap_or_else(|| choose(to.iter().map(|recipient| recipient.addressee.announced())));
        let encrypted = match task.encrypts() {
            true => Some(encrypted(content, &to, cipher)?),
            false => None,
        };
        let outermost = match (&encrypted, made.signer) {
            (Some(encrypted), Some(signer)) if task == Task::Triple => {
                Some(self.signed(&encrypted.entity, signer)?)
            }
            _ => None,
        };
        let mut layers = Vec::new();
        let form = self.options.form;
        if let (Some(outermost), Some(encrypted), Some(signer)) =
            (&outermost, &encrypted, made.signer)
        {
            layers.push(Expected::Signed {
                form,
                signer: signer.sha256,
                content: &encrypted.entity,
                cms: &outermost.cms,
            });
        }
        if let Some(encrypted) = &encrypted {
            layers.push(Expected::Encrypted {
                to: &to,
                content,
                cms: &encrypted.cms,
                opens: to.iter().any(|one| self.has_key(one)),
            });
        }
        if let (Some(inner), Some(signer)) = (made.inner, made.signer) {
            layers.push(Expected::Signed {
                form,
                signer: signer.sha256,
                content: made.payload,
                cms: &inner.cms,
            });
        }
        let entity = [outermost.as_ref(), encrypted.as_ref(), made.inner]
            .into_iter()
            .flatten()
            .next()
            .ok_or(Problem::NotEncrypted)?;
        let (bytes, body_at) = with_entity(made.outer, &entity.entity, |name| self.outside(name));
        if !is_expected(&bytes, &layers, self.keys, self.limits, scratch) {
            return Err(Problem::ReadBackDiffers);
        }
        Ok(Sent {
            bytes,
            body_at,
            signer: made.signer.map(|signer| signer.sha256),
            entity_sha256: sha256(made.payload),
            envelope: letter.envelope,
            recipients: letter.to,
            cipher: encrypted.is_some().then_some(cipher),
            is_triple: outermost.is_some(),
            is_blind: letter.is_blind,
        })
    }

    fn signed(&self, entity: &[u8], signer: &Signer) -> Result<Protected, Problem> {
        let (form, at) = (self.options.form, self.options.at);
        signed(entity, signer, form, at).map_err(|_| Problem::KeyUnusable)
    }

    /// A field outside. Bcc leaves in no case.
    fn outside(&self, name: &str) -> Outside {
        match self.options.protection {
            Some(protection) => protection.outside(name),
            None if name == "bcc" || name == "resent-bcc" => Outside::Removed,
            None => Outside::Kept,
        }
    }

    fn has_key(&self, recipient: &Recipient) -> bool {
        let (issuer, serial) = &recipient.identifier;
        self.keys
            .by_issuer_serial(issuer, serial)
            .is_some_and(|key| self.keys.private_key(key).is_ok())
    }

    fn signer(&self, header: &Header<'_>) -> Result<&Signer, Refused> {
        let address = self
            .sender(header)
            .map_err(|problem| about(Role::Signer, problem))?;
        self.signers.of(&address, self.options.rules())
    }

    /// The one address in From.
    fn sender(&self, header: &Header<'_>) -> Result<String, Problem> {
        let (from, _) = addresses(header, self.limits);
        match (from.from_fields, from.from.as_slice()) {
            (1, [address]) if !address.is_empty() => Ok(address.clone()),
            (0, _) | (_, []) => Err(Problem::NoSender),
            _ => Err(Problem::SeveralSenders),
        }
    }
}

/// What all messages made of one have in common.
struct Made<'m> {
    outer: &'m [u8],
    payload: &'m [u8],
    inner: Option<&'m Protected>,
    signer: Option<&'m Signer>,
}

/// One message to be made, and for whom.
#[derive(Debug, Default)]
struct Letter {
    envelope: Vec<String>,
    to: Vec<Arc<Recipient>>,
    is_blind: bool,
}

fn about(role: Role, problem: Problem) -> Refused {
    Refused {
        role,
        ..Refused::message(problem)
    }
}

/// Who has two addresses in one certificate gets the content key once.
fn each_once(all: Vec<Arc<Recipient>>) -> Vec<Arc<Recipient>> {
    let mut once: Vec<Arc<Recipient>> = Vec::with_capacity(all.len());
    for one in all {
        if once.iter().all(|other| other.sha256 != one.sha256) {
            once.push(one);
        }
    }
    once
}

fn encrypted(
    content: &[u8],
    to: &[&Recipient],
    cipher: CipherAlgorithm,
) -> Result<Protected, Problem> {
    let addressees: Vec<&Addressee> = to.iter().map(|one| &one.addressee).collect();
    let enveloped = encrypt(&[content], &addressees, cipher).map_err(|_| Problem::NotEncrypted)?;
    Ok(Protected {
        entity: pkcs7_mime(enveloped.smime_type(), &enveloped.der),
        cms: enveloped.der,
    })
}

/// The message as it was before an mbox quoted it. Where the file does not tell which way, it is mboxrd's, as on writing.
fn unquoted(message: &Message<'_>) -> Zeroizing<Vec<u8>> {
    let unquote = match message.origin.quoting {
        Quoting::None => Unquote::None,
        Quoting::Mboxo => Unquote::O,
        Quoting::Mboxrd | Quoting::Ambiguous => Unquote::Rd,
    };
    let at = body_at(message.bytes);
    let (header, body) = message
        .bytes
        .split_at_checked(at)
        .unwrap_or((message.bytes, &[]));
    let mut bytes = Zeroizing::new(Vec::with_capacity(message.bytes.len()));
    bytes.extend_from_slice(header);
    feed(body, LineEnds::AsStored, unquote, |piece| {
        bytes.extend_from_slice(piece);
    });
    bytes
}

/// The message as a whole is signed or encrypted, with S/MIME or otherwise (RFC 1847). One that holds such a part beside others is not.
fn is_protected(tree: &Tree<'_>, facts: Option<&MessageFacts>) -> bool {
    let Some(root) = tree.parts.first() else {
        return false;
    };
    let is_rfc_1847 =
        ["multipart/signed", "multipart/encrypted"].contains(&root.media.essence.as_str());
    let has_layers = facts.is_some_and(|facts| {
        facts
            .layers
            .iter()
            .any(|layer| layer.inside.is_none() && layer.nested.is_none())
    });
    is_rfc_1847 || (has_layers && root.multipart.is_none())
}

fn layers(facts: Option<&MessageFacts>) -> Vec<&'static str> {
    let kind = |layer: &LayerFacts| layer.kind.as_str();
    let layers: Vec<_> = facts
        .iter()
        .flat_map(|facts| &facts.layers)
        .map(kind)
        .collect();
    match layers.is_empty() {
        true => vec![LayerKind::Unknown.as_str()],
        false => layers,
    }
}
