//! One message: from what is stored to the messages that are sent in its place, or to why there is none.

use zeroize::Zeroizing;

use crate::archive::write::mbox::body_at;
use crate::asn1::Time;
use crate::facts::axis::LayerKind;
use crate::facts::headers::addresses;
use crate::facts::record::{LayerFacts, MessageFacts, Sha256};
use crate::facts::{Collected, Scratch, has_panicked};
use crate::jobs::compose::header::with_entity;
use crate::jobs::compose::read_back::{Expected, is_expected};
use crate::jobs::compose::refusal::{Problem, Refused, Role};
use crate::jobs::compose::signed::{Form, signed_entity};
use crate::jobs::compose::signers::{Signer, Signers};
use crate::judge::recipient::{Hindrance, Rules};
use crate::limits::Limits;
use crate::mime::canonical::{LineEnds, Unquote, feed};
use crate::mime::header::Header;
use crate::mime::message::{Form as Stored, Message, Quoting};
use crate::mime::{Finding, Tree, write};

/// How messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the content of a signature stands.
    pub form: Form,
    /// The signing time, and the time at which everything must be valid.
    pub at: Time,
    /// Nothing is used without an answer about revocation.
    pub require_revocation: bool,
    /// What the operator allows.
    pub allowed: Vec<Hindrance>,
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
    /// Of the entity that was signed or encrypted, canonical.
    pub entity_sha256: Sha256,
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
        let signer = self.signer(&header).map_err(|refused| vec![refused])?;
        let entity = write::entity(tree).map_err(|error| message(error.into()))?;
        let form = self.options.form;
        let signed = signed_entity(&entity, signer, form, self.options.at)
            .map_err(|_| message(Problem::KeyUnusable))?;
        let outer = tree
            .parts
            .first()
            .map_or(&[][..], |root| tree.slice(&root.header));
        let (bytes, body_at) = with_entity(outer, &signed, &[]);
        let expected = Expected {
            entity: &entity,
            signer: Some(signer.sha256),
            form,
        };
        let entity_sha256 = is_expected(&bytes, &expected, self.limits, scratch)
            .ok_or_else(|| message(Problem::ReadBackDiffers))?;
        Ok(vec![Sent {
            bytes,
            body_at,
            signer: Some(signer.sha256),
            entity_sha256,
        }])
    }

    fn signer(&self, header: &Header<'_>) -> Result<&Signer, Refused> {
        let (from, _) = addresses(header, self.limits);
        let address = match (from.from_fields, from.from.as_slice()) {
            (1, [address]) if !address.is_empty() => address,
            (0, _) | (_, []) => return Err(about_signer(Problem::NoSender)),
            _ => return Err(about_signer(Problem::SeveralSenders)),
        };
        self.signers.of(address, self.options.rules())
    }
}

fn about_signer(problem: Problem) -> Refused {
    Refused {
        role: Role::Signer,
        ..Refused::message(problem)
    }
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
