//! What the walk notes down: layers, nested messages, findings, certificates and CRLs.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::cms::archival;
use crate::cms::references;
use crate::cms::references::Reference;
use crate::cms::{self, Carried as CarriedSets, Layer, SignedData};
use crate::crypto::digest;
use crate::crypto::digest::{DigestAlgorithm, sha256};
use crate::facts::axis::{LayerKind, Structure};
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::headers;
use crate::facts::part::{At, layer_path};
use crate::facts::record::{LayerFacts, NestedMessage, Sha256};
use crate::facts::walk::{Place, Walk};
use crate::mime::label::Label;
use crate::mime::{Finding as MimeFinding, Tree};

impl Walk<'_> {
    /// The nested message that a part is in, made known when first met.
    pub(super) fn nested_message(
        &mut self,
        tree: &Tree<'_>,
        part: usize,
        place: &Place,
    ) -> Option<u32> {
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

    pub(super) fn mime_findings(&mut self, tree: &Tree<'_>, prefix: &str) {
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
    pub(super) fn left_out(&mut self, path: String, place: &Place) {
        let known = self
            .facts
            .layers
            .iter()
            .any(|layer| layer.findings.contains(&Finding::TooManyLayers));
        if !known {
            self.unread(path, place, vec![Finding::TooManyLayers]);
        }
    }

    pub(super) fn unread(&mut self, path: String, place: &Place, findings: Vec<Finding>) {
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
    pub(super) fn list_footer(&self, at: &mut At) {
        let beside = !at.whole
            || at.findings.contains(&Finding::PreambleText)
            || at.findings.contains(&Finding::EpilogueText);
        if beside && self.is_list_mail && at.nested.is_none() {
            at.findings.push(Finding::ListFooter);
        }
    }

    /// Notes the certificates, CRLs and OCSP responses of a readable structure, and gives their names.
    pub(super) fn carried(&mut self, sets: &CarriedSets<'_>) -> (Vec<Sha256>, Vec<Sha256>) {
        let take = |der: &&[u8], all: &mut BTreeMap<Sha256, Vec<u8>>| {
            let name = sha256(der);
            all.entry(name).or_insert_with(|| der.to_vec());
            name
        };
        let certificates = sets.certificates.iter();
        let crls = sets.crls.iter().chain(&sets.ocsp_responses);
        (
            certificates
                .map(|der| take(der, &mut self.certificates))
                .collect(),
            crls.map(|der| take(der, &mut self.crls)).collect(),
        )
    }

    /// The same of a SignedData, and behind them of what its signatures have for archiving, and of the timestamp tokens on them. What the
    /// signatures only name is a finding.
    pub(super) fn carried_by(
        &mut self,
        data: &SignedData<'_>,
        at: &mut At,
    ) -> (Vec<Sha256>, Vec<Sha256>) {
        let (mut certificates, mut crls) = self.carried(&data.carried);
        for signer in &data.signers {
            let (more, lists) = self.carried(&archival::values(signer, self.limits));
            add_new(&mut certificates, more);
            add_new(&mut crls, lists);
        }
        let tokens = data
            .signers
            .iter()
            .flat_map(|one| one.timestamp_tokens().chain(one.archive_tokens()));
        for token in tokens {
            if let Ok(info) = cms::read(token, self.limits)
                && let Layer::Signed(token) = &info.layer
            {
                for signer in &token.signers {
                    let (more, lists) = self.carried(&archival::values(signer, self.limits));
                    add_new(&mut certificates, more);
                    add_new(&mut crls, lists);
                }
                let (more, lists) = self.carried(&token.carried);
                add_new(&mut certificates, more);
                add_new(&mut crls, lists);
            }
        }
        at.findings
            .extend(self.references(data, &certificates, &crls));
        (certificates, crls)
    }

    /// What the signatures name as their evidence, held against what is carried.
    fn references(
        &self,
        data: &SignedData<'_>,
        certificates: &[Sha256],
        crls: &[Sha256],
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for signer in &data.signers {
            let named = references::references(signer, self.limits);
            if !named.are_there {
                continue;
            }
            findings.push(Finding::CompleteReferences);
            let have =
                |names: &[Sha256], all: &BTreeMap<Sha256, Vec<u8>>, named: &[Reference<'_>]| {
                    let mut hashes: HashMap<DigestAlgorithm, HashSet<Vec<u8>>> = HashMap::new();
                    named.iter().all(|one| {
                        let algorithm = match &one.algorithm {
                            None => Some(DigestAlgorithm::Sha1),
                            Some(algorithm) => DigestAlgorithm::from_algorithm(algorithm),
                        };
                        algorithm.is_some_and(|algorithm| {
                            let known = hashes
                                .entry(algorithm)
                                .or_insert_with(|| hashes_of(algorithm, names, all));
                            known.contains(one.hash.as_ref())
                        })
                    })
                };
            if named.are_damaged
                || !have(certificates, &self.certificates, &named.certificates)
                || !have(crls, &self.crls, &named.crls)
            {
                findings.push(Finding::ReferenceNotCarried);
            }
        }
        findings
    }

    pub(super) fn innermost(&mut self, depth: usize, sha256: Option<Sha256>) {
        if sha256.is_some() && self.deepest.is_none_or(|deepest| depth > deepest) {
            self.deepest = Some(depth);
            self.facts.content_sha256 = sha256;
        }
    }

    pub(super) fn push(
        &mut self,
        at: At,
        kind: LayerKind,
        structure: Structure,
        place: &Place,
    ) -> usize {
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
            protected: None,
            findings,
        });
        self.facts.layers.len() - 1
    }

    pub(super) fn complete_layer(&mut self, index: usize, set: impl FnOnce(&mut LayerFacts)) {
        if let Some(layer) = self.facts.layers.get_mut(index) {
            set(layer);
        }
    }
}

fn hashes_of(
    algorithm: DigestAlgorithm,
    names: &[Sha256],
    all: &BTreeMap<Sha256, Vec<u8>>,
) -> HashSet<Vec<u8>> {
    let carried = names.iter().filter_map(|name| all.get(name));
    let hashes = carried.filter_map(|der| digest::digest(algorithm, &[der]).ok());
    hashes.map(|hash| hash.as_bytes().to_vec()).collect()
}

fn add_new(all: &mut Vec<Sha256>, more: Vec<Sha256>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}
