//! From layer to layer: finds the S/MIME parts of an entity, reads each, and goes on with what is inside.
//!
//! Over 600 lines because every kind of layer is opened here and all of them share the one state of the walk.

use std::collections::BTreeMap;

use crate::asn1::{BerErrorKind, oid};
use crate::cms::{self, Carried as CarriedSets, CompressedData, ContentInfo, Layer, SignedData};
use crate::crypto::digest::{DigestAlgorithm, Hasher, sha256};
use crate::facts::axis::{Coverage, Digest, Integrity, LayerKind, Signature, Structure};
use crate::facts::certificates::Scratch;
use crate::facts::decrypt::{self, Opened};
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::headers;
use crate::facts::inflate::inflate;
use crate::facts::part::{self, At, layer_path};
use crate::facts::readings::Readings;
use crate::facts::recipient::Opener;
use crate::facts::record::{
    Addresses, LayerFacts, MessageFacts, NestedMessage, Sha256, SignatureFacts,
};
use crate::facts::staged::Staged;
use crate::facts::verify::Verifier;
use crate::facts::{Carried, Collected, Settings};
use crate::limits::Limits;
use crate::mime::canonical::{LineEnds, Unquote, feed};
use crate::mime::label::Label;
use crate::mime::message::Quoting;
use crate::mime::smime::{self, Candidate, Shape};
use crate::mime::transfer::{self, State};
use crate::mime::{Finding as MimeFinding, Tree};
use crate::pki::keyring::Keyring;

/// Collects the layers of one message.
pub(super) struct Walk<'w> {
    keys: &'w Keyring,
    limits: &'w Limits,
    no_legacy: bool,
    /// Rounds of key derivations that the message may still cost.
    kdf_rounds: u64,
    scratch: &'w mut Scratch,
    facts: MessageFacts,
    certificates: BTreeMap<Sha256, Vec<u8>>,
    crls: BTreeMap<Sha256, Vec<u8>>,
    opened: Vec<Staged>,
    /// The message has List-* fields.
    is_list_mail: bool,
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
            kdf_rounds: settings.limits.message_kdf_rounds,
            scratch,
            facts: MessageFacts::default(),
            certificates: BTreeMap::new(),
            crls: BTreeMap::new(),
            opened: Vec::new(),
            is_list_mail: false,
            deepest: None,
        }
    }

    /// A message whose candidates were found. `may_hold_more`: parts that a limit cut off may be S/MIME too. `sender`: what signers
    /// are compared with.
    pub(super) fn message(
        &mut self,
        tree: &Tree<'_>,
        candidates: Vec<Candidate>,
        quoting: Quoting,
        may_hold_more: bool,
        sender: Addresses,
    ) {
        let place = Place::message(quoting);
        self.facts.sender = sender;
        self.is_list_mail = headers::is_list_mail(&tree.header(0));
        self.candidates(tree, candidates, &place);
        if may_hold_more {
            self.unread(tree.number(0), &place, Vec::new());
        }
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
        let roots = self.candidates(&tree, candidates, place);
        if is_cut(&tree) {
            self.unread(
                layer_path(&place.prefix, &tree.number(0)),
                place,
                Vec::new(),
            );
        }
        roots
    }

    fn candidates(
        &mut self,
        tree: &Tree<'_>,
        candidates: Vec<Candidate>,
        place: &Place,
    ) -> Vec<usize> {
        if candidates.is_empty() && !is_cut(tree) {
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
            let at = At {
                path,
                findings: part::oddities(&candidate.findings),
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
            return Some(self.push(at, LayerKind::Signed, Structure::Malformed, place));
        };
        let Layer::Signed(data) = &info.layer else {
            // Something else than a signature where one was announced: what is in it says nothing about the part beside it.
            at.findings.push(Finding::TypeMismatch);
            at.whole = false;
            at.uncovered
                .push(layer_path(&place.prefix, &tree.number(content)));
            return self.layer(&info, at, place);
        };
        part::layer_findings(&info, &data.carried, &mut at.findings);
        let structure = if data.signers.is_empty() {
            Structure::NoSigners
        } else {
            Structure::Ok
        };
        if let Some(own) = &data.content
            && let Ok(own) = own.bytes()
        {
            at.findings.push(part::econtent(&own, entity));
        }
        if !data.signers.is_empty() && part::micalg_differs(tree, multipart, data) {
            at.findings.push(Finding::MicalgMismatch);
        }
        let mut readings = Readings::of_part(entity, place.quoting);
        let protected = tree
            .parts
            .get(content)
            .is_some_and(|part| part::protects_headers(&part.media));
        let coverage = at.coverage(protected);
        let (carried, crls) = self.carried_by(data);
        let (signatures, used) =
            self.signatures(data, &carried, Some(&mut readings), coverage, &at);
        self.list_footer(&mut at);
        let depth = place.depth;
        let findings_of_quoting = readings.quoting_ambiguous;
        let sha256 = readings.content_sha256(used.unwrap_or(0));
        if findings_of_quoting {
            at.findings.push(Finding::MboxQuotingAmbiguous);
        }
        self.innermost(depth, sha256);
        let index = self.push(at, LayerKind::Signed, structure, place);
        self.complete_layer(index, |layer| {
            layer.signatures = signatures;
            layer.certificates = carried;
            layer.crls = crls;
        });
        Some(index)
    }

    /// A part that holds a CMS structure by itself.
    fn part(&mut self, tree: &Tree<'_>, part: usize, at: At, place: &Place) -> Option<usize> {
        let decoded = transfer::cms_bytes(tree, part);
        let mut at = at;
        part::transfer_findings(&decoded, &mut at.findings);
        if decoded.state == State::Malformed {
            let kind = at.announced();
            return Some(self.push(at, kind, Structure::Malformed, place));
        }
        self.cms(&decoded.bytes, at, place)
    }

    fn cms(&mut self, bytes: &[u8], at: At, place: &Place) -> Option<usize> {
        let mut at = at;
        match self.read(bytes, State::Regular, &mut at) {
            Some(info) => self.layer(&info, at, place),
            None => {
                let kind = at.announced();
                // application/octet-stream with a name of S/MIME's that holds none of it is an attachment like any other.
                let claimed = at.label.declared.is_some()
                    || transfer::looks_like_ber(bytes)
                    || at.label == Label::default();
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

    /// A CMS structure that stands by itself.
    fn layer(&mut self, info: &ContentInfo<'_>, at: At, place: &Place) -> Option<usize> {
        let mut at = at;
        if at.contradicts(&info.layer) {
            at.findings.push(Finding::TypeMismatch);
        }
        match &info.layer {
            Layer::Signed(data) => Some(self.opaque(info, data, at, place)),
            Layer::Enveloped(_) | Layer::AuthEnveloped(_) | Layer::Encrypted(_) => {
                Some(self.encrypted(info, at, place))
            }
            Layer::Compressed(data) => Some(self.compressed(info, data, at, place)),
            Layer::Digested(_) => Some(self.other(info, LayerKind::Digested, at, place)),
            Layer::Authenticated(_) => Some(self.other(info, LayerKind::Authenticated, at, place)),
            Layer::Data(_) | Layer::Other(_) => {
                Some(self.other(info, LayerKind::Unknown, at, place))
            }
        }
    }

    fn opaque(
        &mut self,
        info: &ContentInfo<'_>,
        data: &SignedData<'_>,
        at: At,
        place: &Place,
    ) -> usize {
        let mut at = at;
        part::layer_findings(info, &data.carried, &mut at.findings);
        let content = data
            .content
            .as_ref()
            .and_then(|content| Some((*content, content.bytes().ok()?)));
        let (kind, structure) = match (&content, data.signers.is_empty()) {
            (None, true) if at.says_signed() && data.carried.is_empty() => {
                (LayerKind::Opaque, Structure::NoSigners)
            }
            (None, true) => (LayerKind::CertsOnly, Structure::CertsOnly),
            (None, false) => (LayerKind::Opaque, Structure::ContentMissing),
            (Some(_), true) => (LayerKind::Opaque, Structure::NoSigners),
            (Some(_), false) if data.content_type == oid::TST_INFO => {
                (LayerKind::Timestamp, Structure::Ok)
            }
            (Some(_), false) => (LayerKind::Opaque, Structure::Ok),
        };
        let mut readings = content
            .as_ref()
            .map(|(content, bytes)| Readings::of_content(*content, bytes));
        let coverage = at.coverage(
            content
                .as_ref()
                .is_some_and(|(_, bytes)| part::protects_entity(bytes, self.limits)),
        );
        let (carried, crls) = self.carried_by(data);
        let (signatures, used) = self.signatures(data, &carried, readings.as_mut(), coverage, &at);
        self.list_footer(&mut at);
        let sha256 = readings
            .as_mut()
            .and_then(|readings| readings.content_sha256(used.unwrap_or(0)));
        let is_mail = part::is_mail(data);
        if !is_mail && kind == LayerKind::Opaque {
            at.findings.push(Finding::ContentTypeOdd);
        }
        if is_mail {
            self.innermost(place.depth, sha256);
        }
        let inner = place.behind(&at);
        let index = self.push(at, kind, structure, place);
        self.complete_layer(index, |layer| {
            layer.signatures = signatures;
            layer.certificates = carried;
            layer.crls = crls;
            if !is_mail {
                layer.content_type = Some(data.content_type.label());
            }
        });
        if let Some((_, bytes)) = content.filter(|_| is_mail) {
            self.inside(index, &bytes, inner);
        }
        index
    }

    fn encrypted(&mut self, info: &ContentInfo<'_>, at: At, place: &Place) -> usize {
        let mut at = at;
        let kind = if let Layer::AuthEnveloped(_) = info.layer {
            LayerKind::AuthEncrypted
        } else {
            LayerKind::Encrypted
        };
        let Some(Opened {
            facts,
            plaintext,
            findings,
            malformed,
            originator,
        }) = decrypt::open(&info.layer, &mut self.opener())
        else {
            return self.other(info, LayerKind::Unknown, at, place);
        };
        at.findings.extend(findings);
        if let Some(sets) = originator {
            part::layer_findings(info, sets, &mut at.findings);
        } else {
            part::ber_findings(info, &mut at.findings);
        }
        if !at.whole {
            at.findings.push(Finding::EncryptedSubpart);
        }
        let structure = if malformed {
            Structure::Malformed
        } else {
            Structure::Ok
        };
        let (carried, crls) = originator
            .map(|sets| self.carried(sets))
            .unwrap_or_default();
        let inner = place.behind(&at);
        let index = self.push(at, kind, structure, place);
        self.complete_layer(index, |layer| {
            layer.encrypted = Some(facts);
            layer.certificates = carried;
            layer.crls = crls;
        });
        let Some(plaintext) = plaintext else {
            return index;
        };
        self.innermost(place.depth, canonical_sha256(&plaintext));
        let roots = self.inside(index, &plaintext, inner);
        let integrity = if kind == LayerKind::AuthEncrypted {
            Integrity::Aead
        } else if self.is_signed(&roots) {
            Integrity::InnerSignature
        } else {
            Integrity::None
        };
        self.complete_layer(index, |layer| {
            if let Some(encrypted) = &mut layer.encrypted {
                encrypted.integrity = Some(integrity);
            }
            if integrity == Integrity::None {
                layer.findings.push(Finding::IntegrityNone);
                layer.findings.sort_unstable();
            }
        });
        self.opened
            .push(Staged::new(count(index), plaintext, integrity));
        index
    }

    fn compressed(
        &mut self,
        info: &ContentInfo<'_>,
        data: &CompressedData<'_>,
        at: At,
        place: &Place,
    ) -> usize {
        let mut at = at;
        part::ber_findings(info, &mut at.findings);
        let (plain, structure) = match inflate(data, self.limits) {
            Ok(plain) => (Some(plain), Structure::Ok),
            Err(finding) => {
                at.findings.extend(finding);
                (
                    None,
                    if finding.is_some() {
                        Structure::ContentMissing
                    } else {
                        Structure::Malformed
                    },
                )
            }
        };
        let inner = place.behind(&at);
        let index = self.push(at, LayerKind::Compressed, structure, place);
        if let Some(plain) = plain {
            self.inside(index, &plain, inner);
        }
        index
    }

    fn other(&mut self, info: &ContentInfo<'_>, kind: LayerKind, at: At, place: &Place) -> usize {
        let mut at = at;
        part::ber_findings(info, &mut at.findings);
        let carried = match &info.layer {
            Layer::Authenticated(data) => data.originator.as_ref(),
            Layer::Signed(_)
            | Layer::Enveloped(_)
            | Layer::AuthEnveloped(_)
            | Layer::Encrypted(_)
            | Layer::Compressed(_)
            | Layer::Digested(_)
            | Layer::Data(_)
            | Layer::Other(_) => None,
        };
        let (carried, crls) = carried.map(|sets| self.carried(sets)).unwrap_or_default();
        let index = self.push(at, kind, Structure::Ok, place);
        self.complete_layer(index, |layer| {
            layer.content_type = Some(info.content_type.label());
            layer.certificates = carried;
            layer.crls = crls;
        });
        index
    }

    /// Goes on inside layer `index`. Gives the layers that are the root of `bytes`.
    fn inside(&mut self, index: usize, bytes: &[u8], inner: Place) -> Vec<usize> {
        let mut inner = inner;
        inner.inside = u32::try_from(index).ok();
        self.entity(bytes, &inner)
    }

    /// Verifies all signers. `names`: those of the certificates carried, in the order in which they stand.
    fn signatures(
        &mut self,
        data: &SignedData<'_>,
        names: &[Sha256],
        readings: Option<&mut Readings<'_>>,
        coverage: Coverage,
        at: &At,
    ) -> (Vec<SignatureFacts>, Option<usize>) {
        let sender = match at
            .nested
            .and_then(|index| self.facts.nested.get(usize::try_from(index).ok()?))
        {
            Some(message) => message.sender.clone(),
            None => self.facts.sender.clone(),
        };
        let verifier = Verifier {
            limits: self.limits,
            sender: &sender,
            coverage,
            uncovered: &at.uncovered,
        };
        verifier.all(data, names, readings, self.scratch)
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

    fn is_of_kind(&self, layer: usize, kind: LayerKind) -> bool {
        self.facts
            .layers
            .get(layer)
            .is_some_and(|layer| layer.kind == kind)
    }

    /// Is one of these layers signed, with its digest matching and its signature valid?
    fn is_signed(&self, layers: &[usize]) -> bool {
        layers
            .iter()
            .filter_map(|index| self.facts.layers.get(*index))
            .filter(|layer| {
                // What stands beside the signed part is not authenticated by it.
                ![
                    Finding::ExtraParts,
                    Finding::PreambleText,
                    Finding::EpilogueText,
                ]
                .iter()
                .any(|beside| layer.findings.contains(beside))
            })
            .flat_map(|layer| &layer.signatures)
            .any(|one| {
                one.signature == Signature::Valid
                    && match one.digest {
                        Digest::Match | Digest::MatchCanonical | Digest::MatchAfterRepair => true,
                        Digest::Mismatch | Digest::NotChecked => false,
                    }
            })
    }

    /// The nested message that a part is in, made known when first met.
    fn nested_message(&mut self, tree: &Tree<'_>, part: usize, place: &Place) -> Option<u32> {
        let root = tree.enclosing_message(part);
        if root == 0 {
            return place.nested;
        }
        let holder = tree
            .parts
            .get(root)
            .and_then(|part| part.parent)
            .unwrap_or(root);
        let path = layer_path(&place.prefix, &tree.number(holder));
        if let Some(known) = self
            .facts
            .nested
            .iter()
            .position(|message| message.path == path)
        {
            return u32::try_from(known).ok();
        }
        let header = tree.header(root);
        let shown = headers::headers(&header);
        self.facts.nested.push(NestedMessage {
            path,
            sender: headers::addresses(&header, self.limits).0,
            times: headers::times(&header, shown.date_utc, None),
            headers: shown,
        });
        u32::try_from(self.facts.nested.len() - 1).ok()
    }

    fn mime_findings(&mut self, tree: &Tree<'_>, prefix: &str) {
        for found in &tree.findings {
            let code = match found.finding {
                MimeFinding::HeaderTooLarge => Finding::HeaderTooLarge,
                MimeFinding::MimeTooDeep => Finding::MimeTooDeep,
                MimeFinding::TooManyParts => Finding::TooManyParts,
                MimeFinding::MimeAmbiguous => Finding::MimeAmbiguous,
                MimeFinding::BoundaryMissing => Finding::BoundaryMissing,
                MimeFinding::DelimiterMissing => Finding::DelimiterMissing,
                MimeFinding::CloseDelimiterMissing => Finding::CloseDelimiterMissing,
                MimeFinding::MessageEncoded => Finding::MessageEncoded,
                MimeFinding::MultipartEncoded => Finding::MultipartEncoded,
                MimeFinding::TransferEncodingUnknown => Finding::TransferEncodingUnknown,
            };
            let place = layer_path(prefix, &tree.number(found.part));
            self.facts.findings.push(FindingAt { place, code });
        }
    }

    /// A limit was reached: the rest stands as one layer that was not read, so that no message looks better for it.
    fn left_out(&mut self, path: String, place: &Place) {
        let known = self
            .facts
            .layers
            .iter()
            .any(|layer| layer.findings.contains(&Finding::TooManyLayers));
        if !known {
            self.unread(path, place, vec![Finding::TooManyLayers]);
        }
    }

    fn unread(&mut self, path: String, place: &Place, findings: Vec<Finding>) {
        let at = At {
            path,
            label: Label::default(),
            findings,
            whole: place.whole,
            uncovered: place.uncovered.clone(),
            nested: place.nested,
        };
        self.push(at, LayerKind::Unknown, Structure::Ok, place);
    }

    /// What a mailing list does to signed mail (catalogue row B-10).
    fn list_footer(&self, at: &mut At) {
        let beside = !at.whole
            || at.findings.contains(&Finding::PreambleText)
            || at.findings.contains(&Finding::EpilogueText);
        if beside && self.is_list_mail && at.nested.is_none() {
            at.findings.push(Finding::ListFooter);
        }
    }

    /// Notes the certificates and CRLs of a readable structure, and gives their names.
    fn carried(&mut self, sets: &CarriedSets<'_>) -> (Vec<Sha256>, Vec<Sha256>) {
        let take = |der: &&[u8], all: &mut BTreeMap<Sha256, Vec<u8>>| {
            let name = sha256(der);
            all.entry(name).or_insert_with(|| der.to_vec());
            name
        };
        let certificates = sets.certificates.iter();
        let crls = sets.crls.iter();
        (
            certificates
                .map(|der| take(der, &mut self.certificates))
                .collect(),
            crls.map(|der| take(der, &mut self.crls)).collect(),
        )
    }

    /// The same of a SignedData, and behind them of the timestamp tokens on its signatures.
    fn carried_by(&mut self, data: &SignedData<'_>) -> (Vec<Sha256>, Vec<Sha256>) {
        let (mut certificates, mut crls) = self.carried(&data.carried);
        for token in data.signers.iter().flat_map(|one| one.timestamp_tokens()) {
            if let Ok(info) = cms::read(token, self.limits)
                && let Layer::Signed(token) = &info.layer
            {
                let (more, lists) = self.carried(&token.carried);
                add_new(&mut certificates, more);
                add_new(&mut crls, lists);
            }
        }
        (certificates, crls)
    }

    fn innermost(&mut self, depth: usize, sha256: Option<Sha256>) {
        if sha256.is_some() && self.deepest.is_none_or(|deepest| depth > deepest) {
            self.deepest = Some(depth);
            self.facts.content_sha256 = sha256;
        }
    }

    fn push(&mut self, at: At, kind: LayerKind, structure: Structure, place: &Place) -> usize {
        let mut findings = at.findings;
        findings.sort_unstable();
        findings.dedup();
        self.facts.layers.push(LayerFacts {
            path: at.path,
            kind,
            structure,
            inside: place.inside,
            nested: at.nested,
            content_type: None,
            signatures: Vec::new(),
            encrypted: None,
            certificates: Vec::new(),
            crls: Vec::new(),
            findings,
        });
        self.facts.layers.len() - 1
    }

    fn complete_layer(&mut self, index: usize, set: impl FnOnce(&mut LayerFacts)) {
        if let Some(layer) = self.facts.layers.get_mut(index) {
            set(layer);
        }
    }
}

/// A limit left parts unopened, or a part's type unread: what is in them was not seen.
pub(super) fn is_cut(tree: &Tree<'_>) -> bool {
    [
        MimeFinding::MimeTooDeep,
        MimeFinding::TooManyParts,
        MimeFinding::HeaderTooLarge,
    ]
    .into_iter()
    .any(|finding| tree.has(finding))
}

fn add_new(all: &mut Vec<Sha256>, more: Vec<Sha256>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

fn carried_list(map: BTreeMap<Sha256, Vec<u8>>) -> Vec<Carried> {
    map.into_iter()
        .map(|(sha256, der)| Carried { sha256, der })
        .collect()
}

fn canonical_sha256(bytes: &[u8]) -> Option<Sha256> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256).ok()?;
    feed(bytes, LineEnds::CrLf, Unquote::None, |piece| {
        hasher.update(piece)
    });
    hasher.finish().as_bytes().try_into().ok()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
