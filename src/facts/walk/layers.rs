//! What the walk does with a CMS structure, kind by kind.

use crate::asn1::oid;
use crate::cms::{CompressedData, ContentInfo, Layer, SignedData};
use crate::crypto::digest::{DigestAlgorithm, Hasher};
use crate::facts::axis::{Coverage, Digest, Integrity, LayerKind, Signature, Structure};
use crate::facts::decrypt::{self, Opened};
use crate::facts::finding::Finding;
use crate::facts::identity::same_from;
use crate::facts::inflate::inflate;
use crate::facts::part::{self, At};
use crate::facts::protection::{self, Scheme};
use crate::facts::readings::Readings;
use crate::facts::record::{Addresses, Sha256, SignatureFacts};
use crate::facts::staged::Staged;
use crate::facts::verify::Verifier;
use crate::facts::walk::{Place, Walk};
use crate::mime::Tree;
use crate::mime::canonical::{LineEnds, Unquote, feed};
use crate::mime::header::Header;
use crate::pki::x509::Certificate;
use crate::pki::x509::address::CertificateAddresses;

impl Walk<'_> {
    /// A CMS structure that stands by itself.
    pub(super) fn layer(&mut self, info: &ContentInfo<'_>, at: At, place: &Place) -> Option<usize> {
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

    pub(super) fn opaque(
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
        let is_mail = part::is_mail(data);
        if self.harvest.is_some() {
            let carried = self.gather(data, &at);
            let inner = place.behind(&at);
            let index = self.push(at, kind, structure, place);
            self.complete_layer(index, |layer| layer.certificates = carried);
            if let Some((_, bytes)) = content.filter(|_| is_mail) {
                self.inside(index, &bytes, inner);
            }
            return index;
        }
        let mut readings = content
            .as_ref()
            .map(|(content, bytes)| Readings::of_content(*content, bytes));
        let tree = content
            .as_ref()
            .map(|(_, bytes)| Tree::read(bytes, self.limits));
        let header = tree
            .as_ref()
            .and_then(|tree| part::protected_header(tree, 0));
        let coverage = at.coverage(header.is_some());
        let protected = tree
            .as_ref()
            .and_then(|tree| self.protected((tree, 0), header.as_ref(), &mut at));
        let (carried, crls) = self.carried_by(data, &mut at);
        let (signatures, used) = self.signatures(
            data,
            &carried,
            readings.as_mut(),
            (coverage, protected.as_ref()),
            &at,
        );
        self.list_footer(&mut at);
        let sha256 = readings
            .as_mut()
            .and_then(|readings| readings.content_sha256(used.unwrap_or(0)));
        if !is_mail && kind == LayerKind::Opaque {
            at.findings.push(Finding::ContentTypeOdd);
        }
        if is_mail {
            self.innermost(place.depth, sha256);
        }
        let inner = place.behind(&at);
        let index = self.push(at, kind, structure, place);
        self.keep_readings(index, data, &signatures, readings.as_mut(), used);
        self.complete_layer(index, |layer| {
            layer.signatures = signatures;
            layer.certificates = carried;
            layer.crls = crls;
            layer.protected = protected;
            if !is_mail {
                layer.content_type = Some(data.content_type.label());
            }
        });
        if let Some((_, bytes)) = content.filter(|_| is_mail) {
            self.inside(index, &bytes, inner);
        }
        index
    }

    pub(super) fn encrypted(&mut self, info: &ContentInfo<'_>, at: At, place: &Place) -> usize {
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
            keys,
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
        if self.harvest.is_none() {
            self.innermost(place.depth, canonical_sha256(&plaintext));
        }
        let around = std::mem::replace(&mut self.opened_with, keys);
        let roots = self.inside(index, &plaintext, inner);
        self.opened_with = around;
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

    pub(super) fn compressed(
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

    pub(super) fn other(
        &mut self,
        info: &ContentInfo<'_>,
        kind: LayerKind,
        at: At,
        place: &Place,
    ) -> usize {
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
    pub(super) fn inside(&mut self, index: usize, bytes: &[u8], inner: Place) -> Vec<usize> {
        let mut inner = inner;
        inner.inside = u32::try_from(index).ok();
        self.entity(bytes, &inner)
    }

    /// Of the message that the part stands in.
    fn sender_of(&self, at: &At) -> &Addresses {
        let nested = at
            .nested
            .and_then(|index| self.facts.nested.get(usize::try_from(index).ok()?));
        nested.map_or(&self.facts.sender, |message| &message.sender)
    }

    /// The sender whom the header says that a signed part protects. Only the header of what is the whole of its message speaks for it.
    pub(super) fn protected(
        &self,
        (tree, part): (&Tree<'_>, usize),
        header: Option<&Header<'_>>,
        at: &mut At,
    ) -> Option<Addresses> {
        let header = header.filter(|_| at.whole)?;
        if let Some(part) = tree.parts.get(part).filter(|_| at.nested.is_none()) {
            let (scheme, outer) = (Scheme::of(&part.media), Header::new(&self.outer));
            let opened_by = self.opened_by();
            let found = protection::findings(scheme, header, &outer, &opened_by, self.limits);
            at.findings.extend(found);
        }
        let protected = part::protected_sender(header, self.limits)?;
        if !same_from(&protected, self.sender_of(at)) {
            at.findings.push(Finding::ProtectedFromDiffers);
        }
        Some(protected)
    }

    /// The addresses of the certificates whose keys answer to the encryption around what is read.
    fn opened_by(&self) -> Vec<String> {
        let certificates = self
            .opened_with
            .iter()
            .flat_map(|key| self.keys.certificates_of(*key));
        certificates
            .filter_map(|der| Certificate::read(der).ok())
            .flat_map(|certificate| CertificateAddresses::read(&certificate).list)
            .map(|address| address.text)
            .collect()
    }

    /// Verifies all signers. `names`: those of the certificates carried, in the order in which they stand.
    pub(super) fn signatures(
        &mut self,
        data: &SignedData<'_>,
        names: &[Sha256],
        readings: Option<&mut Readings<'_>>,
        (coverage, protected): (Coverage, Option<&Addresses>),
        at: &At,
    ) -> (Vec<SignatureFacts>, Option<usize>) {
        let sender = self.sender_of(at).clone();
        let verifier = Verifier {
            limits: self.limits,
            sender: &sender,
            protected,
            coverage,
            uncovered: &at.uncovered,
        };
        verifier.all(data, names, readings, self.scratch)
    }

    pub(super) fn is_of_kind(&self, layer: usize, kind: LayerKind) -> bool {
        self.facts
            .layers
            .get(layer)
            .is_some_and(|layer| layer.kind == kind)
    }

    /// Is one of these layers signed, with its digest matching and its signature valid?
    pub(super) fn is_signed(&self, layers: &[usize]) -> bool {
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
