//! From layer to layer: finds the S/MIME parts of an entity, reads each, and goes on with what is inside.
//! `layers` has what it does with each kind of CMS structure, `notes` what it writes down.

use std::collections::BTreeMap;

use crate::asn1::BerErrorKind;
use crate::cms::{self, ContentInfo, Layer};
use crate::facts::axis::{LayerKind, Structure};
use crate::facts::certificates::Scratch;
use crate::facts::evidence::LayerEvidence;
use crate::facts::finding::Finding;
use crate::facts::harvest::{Harvest, Sighted};
use crate::facts::headers;
use crate::facts::part::{self, At, layer_path};
use crate::facts::readings::Readings;
use crate::facts::recipient::Opener;
use crate::facts::record::{Addresses, MessageFacts, Sha256};
use crate::facts::staged::Staged;
use crate::facts::unseen::{Unseen, unseen};
use crate::facts::{Carried, Collected, Settings};
use crate::limits::Limits;
use crate::mime::Tree;
use crate::mime::label::Label;
use crate::mime::message::Quoting;
use crate::mime::smime::{self, Candidate, Shape};
use crate::mime::transfer::{self, State};
use crate::pki::keyring::{KeyId, Keyring};

/// Collects the layers of one message.
pub(super) struct Walk<'w> {
    keys: &'w Keyring,
    limits: &'w Limits,
    no_legacy: bool,
    /// Certificates alone are wanted.
    harvest: Option<Harvest>,
    sighted: Sighted,
    /// Rounds of key derivations that the message may still cost.
    kdf_rounds: u64,
    scratch: &'w mut Scratch,
    facts: MessageFacts,
    certificates: BTreeMap<Sha256, Vec<u8>>,
    crls: BTreeMap<Sha256, Vec<u8>>,
    opened: Vec<Staged>,
    /// By layer, where it is asked for.
    pub(super) evidence: Option<Vec<LayerEvidence>>,
    /// The message has List-* fields.
    is_list_mail: bool,
    /// The message's own header.
    outer: Vec<u8>,
    /// Keys that answer to the encryption around what is read.
    opened_with: Vec<KeyId>,
    /// Depth of the layer that `content_sha256` is of.
    deepest: Option<usize>,
}

/// Where in the message an entity stands.
#[derive(Clone, Debug)]
struct Place {
    /// Layer path in front of the entity's own part numbers.
    prefix: String,
    /// The layer around it.
    inside: Option<u32>,
    /// Everything around it covers its whole parent.
    whole: bool,
    /// Parts beside what encloses it, at every level.
    uncovered: Vec<String>,
    /// The nested message that it is in.
    nested: Option<u32>,
    /// Layers around it.
    depth: usize,
    /// Quoting that the archive added; none inside a CMS structure.
    quoting: Quoting,
}

impl Place {
    /// The stored message itself.
    fn message(quoting: Quoting) -> Self {
        Self {
            prefix: String::new(),
            inside: None,
            whole: true,
            uncovered: Vec::new(),
            nested: None,
            depth: 0,
            quoting,
        }
    }

    /// Inside the layer at `at`.
    fn behind(&self, at: &At) -> Self {
        Self {
            prefix: at.path.clone(),
            inside: self.inside,
            whole: at.whole,
            uncovered: at.uncovered.clone(),
            nested: at.nested,
            depth: self.depth + 1,
            quoting: Quoting::None,
        }
    }
}

impl<'w> Walk<'w> {
    pub(super) fn new(keys: &'w Keyring, settings: &'w Settings, scratch: &'w mut Scratch) -> Self {
        Self {
            keys,
            limits: &settings.limits,
            no_legacy: settings.no_legacy,
            harvest: settings.harvest,
            sighted: Sighted::default(),
            kdf_rounds: settings.limits.message_kdf_rounds,
            scratch,
            facts: MessageFacts::default(),
            certificates: BTreeMap::new(),
            crls: BTreeMap::new(),
            opened: Vec::new(),
            evidence: None,
            is_list_mail: false,
            outer: Vec::new(),
            opened_with: Vec::new(),
            deepest: None,
        }
    }

    /// What opening a layer needs.
    fn opener(&mut self) -> Opener<'_> {
        Opener {
            keys: self.keys,
            limits: self.limits,
            no_legacy: self.no_legacy,
            kdf_rounds: &mut self.kdf_rounds,
            scratch: self.scratch,
        }
    }

    /// A message whose candidates were found. `unseen`: where more of it may be. `sender`: what signers
    /// are compared with.
    pub(super) fn message(
        &mut self,
        tree: &Tree<'_>,
        candidates: Vec<Candidate>,
        quoting: Quoting,
        unseen: Option<Unseen>,
        sender: Addresses,
    ) {
        let place = Place::message(quoting);
        self.facts.sender = sender;
        self.is_list_mail = headers::is_list_mail(&tree.header(0));
        if let Some(message) = tree.parts.first() {
            self.outer = tree.slice(&message.header).to_vec();
        }
        self.candidates(tree, candidates, &place, unseen.is_some());
        if let Some(unseen) = unseen {
            self.unread(tree.number(unseen.part), &place, unseen.findings);
        }
        self.attachments(tree);
    }

    /// A CMS file without mail around it, DER or PEM.
    pub(super) fn bare(&mut self, bytes: &[u8]) {
        // A header-less entity: the transfer decoder finds PEM, base64 or DER by itself.
        let armoured = [b"\n", bytes].concat();
        let tree = Tree::read(&armoured, self.limits);
        let place = Place::message(Quoting::None);
        let decoded = transfer::cms_bytes(&tree, 0);
        let at = At {
            path: "1".to_owned(),
            label: Label::default(),
            findings: Vec::new(),
            whole: true,
            uncovered: Vec::new(),
            nested: None,
        };
        self.cms(&decoded.bytes, at, &place);
    }

    pub(super) fn finish(self) -> Collected {
        Collected {
            facts: Some(Box::new(self.facts)),
            certificates: carried_list(self.certificates),
            crls: carried_list(self.crls),
            opened: self.opened,
            sighted: self.sighted,
            evidence: self.evidence.unwrap_or_default(),
        }
    }

    /// An entity from inside a layer. Gives the indices of the layers that are its root.
    fn entity(&mut self, bytes: &[u8], place: &Place) -> Vec<usize> {
        let tree = Tree::read(bytes, self.limits);
        let candidates = smime::find(&tree);
        let bare = candidates.is_empty()
            && transfer::looks_like_ber(bytes)
            && cms::read(bytes, self.limits).is_ok();
        if place.depth >= self.limits.layer_depth && (bare || !candidates.is_empty()) {
            self.left_out(layer_path(&place.prefix, "1"), place);
            return Vec::new();
        }
        if bare {
            // A ContentInfo without MIME around it, as some gateways encrypt it.
            let at = At {
                path: layer_path(&place.prefix, "1"),
                label: Label::default(),
                findings: Vec::new(),
                whole: place.whole,
                uncovered: place.uncovered.clone(),
                nested: place.nested,
            };
            return self.cms(bytes, at, place).into_iter().collect();
        }
        let unseen = unseen(&tree, &candidates, self.limits);
        let roots = self.candidates(&tree, candidates, place, unseen.is_some());
        if let Some(unseen) = unseen {
            let path = layer_path(&place.prefix, &tree.number(unseen.part));
            self.unread(path, place, unseen.findings);
        }
        self.attachments(&tree);
        roots
    }

    fn candidates(
        &mut self,
        tree: &Tree<'_>,
        candidates: Vec<Candidate>,
        place: &Place,
        has_unseen: bool,
    ) -> Vec<usize> {
        if candidates.is_empty() && !has_unseen {
            return Vec::new();
        }
        self.mime_findings(tree, &place.prefix);
        // Content parts of detached signatures met so far, with the layer and the signature part that goes with them.
        let mut signed: Vec<(usize, usize, usize)> = Vec::new();
        let mut roots = Vec::new();
        for candidate in candidates {
            if self.facts.layers.len() >= self.limits.layers {
                self.left_out(
                    layer_path(&place.prefix, &tree.number(candidate.part())),
                    place,
                );
                break;
            }
            let part = candidate.part();
            // The part may itself be what a signature around it is over.
            let around = tree.ancestry(part).find_map(|above| {
                signed
                    .iter()
                    .find(|(content, _, _)| *content == above)
                    .copied()
            });
            let covered = match candidate.shape {
                Shape::Detached { content, .. } => content,
                Shape::Opaque { part } | Shape::Loose { part, .. } => part,
                Shape::Incomplete { multipart } => multipart,
            };
            let nested = self.nested_message(tree, covered, place);
            // A signature part is no content: neither its own nor one that is around the part.
            let mut signatures: Vec<usize> =
                signed.iter().map(|(_, signature, _)| *signature).collect();
            if let Shape::Detached { signature, .. } = candidate.shape {
                signatures.push(signature);
            }
            let beside: Vec<String> = tree
                .uncovered(covered)
                .into_iter()
                .filter(|part| !signatures.contains(part))
                .map(|part| layer_path(&place.prefix, &tree.number(part)))
                .collect();
            let whole = place.whole && beside.is_empty() && tree.enclosing_message(covered) == 0;
            let mut uncovered = place.uncovered.clone();
            uncovered.extend(beside);
            let mut inner = place.clone();
            let number = tree.number(part);
            let path = match around {
                Some((_, _, layer)) => {
                    inner.inside = u32::try_from(layer).ok();
                    inner.depth += 1;
                    let outer = self.facts.layers.get(layer).map_or("", |layer| &layer.path);
                    format!("{outer}/{number}")
                }
                None => layer_path(&place.prefix, &number),
            };
            let mut findings = part::oddities(&candidate.findings);
            findings.extend(part::text_around(tree, covered));
            let at = At {
                path,
                findings,
                label: candidate.label,
                whole,
                uncovered,
                nested,
            };
            let layer = match candidate.shape {
                Shape::Detached {
                    content, signature, ..
                } => {
                    let layer = self.detached(tree, (part, content, signature), at, &inner);
                    if let Some(layer) =
                        layer.filter(|layer| self.is_of_kind(*layer, LayerKind::Signed))
                    {
                        signed.push((content, signature, layer));
                    }
                    layer
                }
                Shape::Opaque { part } => self.part(tree, part, at, &inner),
                Shape::Loose { part, .. } => self.part(tree, part, at, &inner),
                Shape::Incomplete { .. } => {
                    let mut at = at;
                    at.findings.push(Finding::SignaturePartMissing);
                    Some(self.push(at, LayerKind::Signed, Structure::NoSigners, &inner))
                }
            };
            if part == 0 {
                roots.extend(layer);
            }
        }
        roots
    }

    /// A multipart/signed: (multipart, content, signature).
    fn detached(
        &mut self,
        tree: &Tree<'_>,
        parts: (usize, usize, usize),
        at: At,
        place: &Place,
    ) -> Option<usize> {
        let (multipart, content, signature) = parts;
        let entity = tree
            .parts
            .get(content)
            .map_or(&[][..], |part| tree.slice(&part.entity));
        let decoded = transfer::cms_bytes(tree, signature);
        let mut at = at;
        part::transfer_findings(&decoded, &mut at.findings);
        let Some(info) = self.read(&decoded.bytes, decoded.state, &mut at) else {
            self.damaged(&decoded.bytes);
            return Some(self.push(at, LayerKind::Signed, Structure::Malformed, place));
        };
        let Layer::Signed(data) = &info.layer else {
            // Something else than a signature where one was announced: what is in it says nothing about the part beside it.
            at.findings.push(Finding::TypeMismatch);
            at.whole = false;
            at.uncovered
                .push(layer_path(&place.prefix, &tree.number(content)));
            let index = self.layer(&info, at, place);
            if let Some(index) = index {
                self.keep_cms(index, &decoded.bytes);
            }
            return index;
        };
        part::layer_findings(&info, &data.carried, &mut at.findings);
        let structure = if data.signers.is_empty() {
            Structure::NoSigners
        } else {
            Structure::Ok
        };
        if self.harvest.is_some() {
            let carried = self.gather(data, &at);
            let index = self.push(at, LayerKind::Signed, structure, place);
            self.complete_layer(index, |layer| layer.certificates = carried);
            return Some(index);
        }
        if let Some(own) = &data.content
            && let Ok(own) = own.bytes()
        {
            at.findings.push(part::econtent(&own, entity));
        }
        if !data.signers.is_empty() && part::micalg_differs(tree, multipart, data) {
            at.findings.push(Finding::MicalgMismatch);
        }
        let mut readings = Readings::of_part(entity, place.quoting);
        let header = part::protected_header(tree, content);
        let coverage = at.coverage(header.is_some());
        let protected = self.protected((tree, content), header.as_ref(), &mut at);
        let (carried, crls) = self.carried_by(data, &mut at);
        let (signatures, used) = self.signatures(
            data,
            &carried,
            Some(&mut readings),
            (coverage, protected.as_ref()),
            &at,
        );
        self.list_footer(&mut at);
        let depth = place.depth;
        let findings_of_quoting = readings.quoting_ambiguous;
        let sha256 = readings.content_sha256(used.unwrap_or(0));
        if findings_of_quoting {
            at.findings.push(Finding::MboxQuotingAmbiguous);
        }
        self.innermost(depth, sha256);
        let index = self.push(at, LayerKind::Signed, structure, place);
        self.keep_cms(index, &decoded.bytes);
        self.keep_readings(index, data, &signatures, Some(&mut readings), used);
        self.complete_layer(index, |layer| {
            layer.signatures = signatures;
            layer.certificates = carried;
            layer.crls = crls;
            layer.protected = protected;
        });
        Some(index)
    }

    /// A part that holds a CMS structure by itself.
    fn part(&mut self, tree: &Tree<'_>, part: usize, at: At, place: &Place) -> Option<usize> {
        let decoded = transfer::cms_bytes(tree, part);
        let mut at = at;
        part::transfer_findings(&decoded, &mut at.findings);
        if decoded.state == State::Malformed {
            self.damaged(&decoded.bytes);
            let kind = at.announced();
            return Some(self.push(at, kind, Structure::Malformed, place));
        }
        self.cms(&decoded.bytes, at, place)
    }

    fn cms(&mut self, bytes: &[u8], at: At, place: &Place) -> Option<usize> {
        let mut at = at;
        match self.read(bytes, State::Regular, &mut at) {
            Some(info) => {
                let index = self.layer(&info, at, place)?;
                self.keep_cms(index, bytes);
                Some(index)
            }
            None => {
                let kind = at.announced();
                // application/octet-stream with a name of S/MIME's that holds none of it is an attachment like any other.
                let claimed = at.label.declared.is_some()
                    || transfer::looks_like_ber(bytes)
                    || at.label == Label::default();
                if claimed {
                    self.damaged(bytes);
                }
                claimed.then(|| self.push(at, kind, Structure::Malformed, place))
            }
        }
    }

    fn read<'b>(&self, bytes: &'b [u8], state: State, at: &mut At) -> Option<ContentInfo<'b>> {
        if state == State::Malformed {
            return None;
        }
        match cms::read(bytes, self.limits) {
            Ok(info) => Some(info),
            Err(error) => {
                match error.kind {
                    BerErrorKind::TooMany => at.findings.push(Finding::TooManyElements),
                    BerErrorKind::TooDeep => at.findings.push(Finding::CmsTooDeep),
                    BerErrorKind::Truncated
                    | BerErrorKind::Length
                    | BerErrorKind::TagNumber
                    | BerErrorKind::UnexpectedTag
                    | BerErrorKind::TrailingData
                    | BerErrorKind::Value => {}
                }
                None
            }
        }
    }
}

fn carried_list(map: BTreeMap<Sha256, Vec<u8>>) -> Vec<Carried> {
    map.into_iter()
        .map(|(sha256, der)| Carried { sha256, der })
        .collect()
}

mod harvest;

mod layers;

mod notes;

#[cfg(test)]
mod tests;
