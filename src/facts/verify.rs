//! The steps of a signature, one by one, so that each axis has its own answer (RFC 5652 §5.4, §5.6).

use std::sync::Arc;

use crate::asn1::oid;
use crate::asn1::time::TimeForm;
use crate::cms::attribute_rules::Role;
use crate::cms::attributes::looks_like_signed_attributes;
use crate::cms::{EntityIdentifier, SignedData, SignerInfo};
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key::KeyError;
use crate::facts::attributes::{Named, ess, names, rules, signatures_stripped};
use crate::facts::axis::{Attributes, CertificateSource, Coverage, Digest, Signature};
use crate::facts::certificates::{Known, Scratch};
use crate::facts::check::{Checked, Target, check, describe, pending};
use crate::facts::finding::Finding;
use crate::facts::identity::identity_in_both;
use crate::facts::readings::Readings;
use crate::facts::record::{Addresses, Algorithms, Identifier, Sha256, SignatureFacts, Signed};
use crate::facts::timestamp;
use crate::limits::Limits;

/// What all signers of a layer have in common.
pub(super) struct Verifier<'v> {
    pub limits: &'v Limits,
    pub sender: &'v Addresses,
    /// See [`LayerFacts::protected`](crate::facts::record::LayerFacts::protected).
    pub protected: Option<&'v Addresses>,
    pub coverage: Coverage,
    pub uncovered: &'v [String],
}

impl Verifier<'_> {
    /// Every signer of a layer; and which reading of the content the first that matched is over. Without readings the content
    /// is not there. `names` begins with the SHA-256 of every certificate carried, in the order in which they stand.
    pub fn all(
        &self,
        data: &SignedData<'_>,
        names: &[Sha256],
        mut readings: Option<&mut Readings<'_>>,
        scratch: &mut Scratch,
    ) -> (Vec<SignatureFacts>, Option<usize>) {
        let certificates: Vec<Arc<Known>> = data
            .carried
            .certificates
            .iter()
            .zip(names)
            .filter_map(|(der, name)| scratch.certificate(*name, der, self.limits))
            .collect();
        let malformed = certificates.len() < data.carried.certificates.len();
        // A detached signature can carry them, and hold over them, while the part beside it is shown (catalogue row B-02).
        let bare = |signer: &SignerInfo<'_>| signer.signed_attributes.is_none();
        let carries_attributes = data.signers.iter().any(bare)
            && data
                .content
                .and_then(|content| content.bytes().ok())
                .is_some_and(|own| looks_like_signed_attributes(&own, self.limits));
        let mut used = None;
        let mut all = Vec::with_capacity(data.signers.len());
        for (index, signer) in data.signers.iter().enumerate() {
            let role = Role::Signer(data.content_type);
            let (mut facts, reading) = self.one(
                signer,
                role,
                readings.as_deref_mut(),
                &certificates,
                scratch,
            );
            facts.index = u32::try_from(index).unwrap_or(u32::MAX);
            used = used.or(reading);
            if bare(signer) && carries_attributes {
                facts.attributes = Attributes::Ambiguous;
            }
            if malformed {
                facts.findings.push(Finding::CertificateMalformed);
            }
            if signatures_stripped(signer, data.signers.len()) {
                facts.findings.push(Finding::MultipleSignaturesIncomplete);
            }
            self.countersignatures(signer, &mut facts, &certificates, scratch);
            self.timestamps(signer, &mut facts, scratch);
            facts.findings.sort_unstable();
            facts.findings.dedup();
            all.push(facts);
        }
        (all, used)
    }

    /// One SignerInfo, and the reading that it is over.
    pub fn one(
        &self,
        signer: &SignerInfo<'_>,
        role: Role<'_>,
        mut readings: Option<&mut Readings<'_>>,
        certificates: &[Arc<Known>],
        scratch: &mut Scratch,
    ) -> (SignatureFacts, Option<usize>) {
        let mut facts = self.blank(signer);
        let algorithm = DigestAlgorithm::from_algorithm(&signer.digest_algorithm)
            .filter(|known| known.is_available());
        let mut reading = None;
        facts.attributes = rules(signer, role, &mut facts.findings);
        if let Some(attributes) = &signer.signed_attributes {
            let wanted = attributes.message_digest().ok().flatten();
            if let (Some(algorithm), Some(wanted), Some(readings)) =
                (algorithm, &wanted, readings.as_deref_mut())
            {
                reading = readings.find(algorithm, wanted);
                facts.digest = reading.map_or(Digest::Mismatch, |index| readings.value(index));
            }
            signing_time(signer, &mut facts);
        } else {
            facts.attributes = self.without_attributes(role, readings.as_deref_mut());
        }
        let candidates: Vec<&Arc<Known>> = certificates
            .iter()
            .filter(|known| known.answers_to(&signer.sid))
            .collect();
        if let ([first, rest @ ..], EntityIdentifier::IssuerAndSerial(_)) =
            (candidates.as_slice(), &signer.sid)
            && rest.iter().any(|other| other.sha256 != first.sha256)
        {
            facts.findings.push(Finding::IssuerSerialCollision);
        }
        // Several certificates may answer (catalogue row B-15): key and ESS hash decide, not the order.
        let mut over_budget = false;
        let mut best: Option<((bool, Named), Checked, &Arc<Known>)> = None;
        for known in candidates {
            let checked = check_with(signer, readings.as_deref_mut(), known, scratch);
            over_budget = checked.is_over_budget();
            let rank = (
                checked.signature == Signature::Valid,
                names(signer, &known.der),
            );
            if best.as_ref().is_none_or(|(other, _, _)| rank > *other) {
                best = Some((rank, checked, known));
            }
            if over_budget {
                break;
            }
        }
        let content_there = readings.is_some();
        match best {
            Some(((_, named), checked, known)) => {
                self.signed_by(known, named, signer, &mut facts);
                facts.signature = checked.signature;
                if signer.signed_attributes.is_none() {
                    facts.digest = checked.digest.unwrap_or(Digest::NotChecked);
                    reading = checked.reading;
                }
                describe(&mut facts.algorithms, checked.scheme.as_ref(), &known.key);
                facts.findings.extend(checked.findings);
                // With the issuer's parameters, or another message's certificate, it may verify after all.
                let parameters_missing = matches!(known.key, Err(KeyError::ParametersMissing));
                if parameters_missing || checked.signature == Signature::Invalid {
                    let left = pending(
                        signer,
                        algorithm,
                        readings.as_deref_mut(),
                        pending_ess(signer),
                    );
                    facts.pending = Some(Box::new(left));
                }
            }
            None => {
                let left = pending(signer, algorithm, readings, pending_ess(signer));
                facts.signature = Signature::CertificateMissing;
                if left.signed == Signed::NeedsContent && content_there {
                    facts.signature = Signature::NotChecked;
                    facts.findings.push(Finding::NeedsContent);
                } else {
                    facts.pending = Some(Box::new(left));
                }
            }
        }
        // Those that were not tried may be the signer's.
        if over_budget && facts.signature != Signature::Valid {
            facts.signature = Signature::NotChecked;
            facts.findings.push(Finding::WorkBudget);
            facts.pending = None;
        }
        if algorithm.is_none() {
            facts.signature = Signature::UnsupportedAlgorithm;
            facts.pending = None;
        }
        if !content_there && signer.signed_attributes.is_none() {
            facts.signature = Signature::NotChecked;
            facts.pending = None;
        }
        facts.findings.sort_unstable();
        facts.findings.dedup();
        (facts, reading)
    }

    fn blank(&self, signer: &SignerInfo<'_>) -> SignatureFacts {
        SignatureFacts {
            index: 0,
            certificate: None,
            identifier: identifier(&signer.sid),
            addresses: Vec::new(),
            digest: Digest::NotChecked,
            attributes: Attributes::Absent,
            signature: Signature::NotChecked,
            certificate_source: CertificateSource::None,
            identity: identity_in_both(self.sender, self.protected, &[]),
            coverage: self.coverage,
            uncovered: self.uncovered.to_vec(),
            algorithms: Algorithms {
                digest: signer.digest_algorithm.oid.label(),
                signature: signer.signature_algorithm.oid.label(),
                ..Algorithms::default()
            },
            signing_time: None,
            pending: None,
            countersignatures: Vec::new(),
            timestamps: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Attributes may be absent only if the content is id-data (RFC 5652 §5.3); and content that parses as attributes may be
    /// another signature's (draft-ietf-lamps-cms-euf-cma-signeddata).
    fn without_attributes(
        &self,
        role: Role<'_>,
        readings: Option<&mut Readings<'_>>,
    ) -> Attributes {
        let ambiguous = readings.is_some_and(|readings| {
            readings.any(|bytes| looks_like_signed_attributes(bytes, self.limits))
        });
        match role {
            _ if ambiguous => Attributes::Ambiguous,
            Role::Signer(content_type) if content_type != oid::DATA => Attributes::Malformed,
            Role::Signer(_) | Role::Countersigner => Attributes::Absent,
        }
    }

    fn signed_by(
        &self,
        known: &Known,
        named: Named,
        signer: &SignerInfo<'_>,
        facts: &mut SignatureFacts,
    ) {
        facts.certificate = Some(known.sha256);
        facts.certificate_source = CertificateSource::Message;
        facts.addresses.clone_from(&known.addresses);
        facts.identity = identity_in_both(self.sender, self.protected, &known.addresses);
        facts.findings.extend_from_slice(&known.findings);
        match named {
            Named::Other if facts.attributes == Attributes::Ok => {
                facts.attributes = Attributes::CertificateMismatch
            }
            Named::Nobody if signer.signed_attributes.is_some() => {
                facts.findings.push(Finding::EssAbsent)
            }
            Named::Other | Named::Nobody | Named::This => {}
        }
    }

    fn countersignatures(
        &self,
        signer: &SignerInfo<'_>,
        facts: &mut SignatureFacts,
        certificates: &[Arc<Known>],
        scratch: &mut Scratch,
    ) {
        for counter in signer.countersignatures(self.limits) {
            let Ok(counter) = counter else {
                facts.findings.push(Finding::CountersignatureInvalid);
                continue;
            };
            let mut readings = Readings::of_value(&signer.signature);
            let (mut one, _) = self.one(
                &counter,
                Role::Countersigner,
                Some(&mut readings),
                certificates,
                scratch,
            );
            one.index = u32::try_from(facts.countersignatures.len()).unwrap_or(u32::MAX);
            let good = one.signature == Signature::Valid && one.digest == Digest::Match;
            let unknown = one.signature == Signature::CertificateMissing
                || one.findings.contains(&Finding::WorkBudget);
            if !good && !unknown {
                facts.findings.push(Finding::CountersignatureInvalid);
            }
            facts.countersignatures.push(one);
        }
    }

    fn timestamps(
        &self,
        signer: &SignerInfo<'_>,
        facts: &mut SignatureFacts,
        scratch: &mut Scratch,
    ) {
        for token in signer.timestamp_tokens() {
            let token = timestamp::token(token, Some(&signer.signature), self, scratch);
            if timestamp::is_over_budget(&token) {
                facts.findings.push(Finding::WorkBudget);
            } else if !timestamp::is_good(&token) {
                facts.findings.push(Finding::TimestampInvalid);
            }
            facts.timestamps.push(token);
        }
        for token in signer.archive_tokens() {
            let token = timestamp::token(token, None, self, scratch);
            if timestamp::is_over_budget(&token) {
                facts.findings.push(Finding::WorkBudget);
            } else if !timestamp::is_signed(&token) {
                facts.findings.push(Finding::TimestampInvalid);
            }
            facts.timestamps.push(token);
        }
    }
}

fn check_with(
    signer: &SignerInfo<'_>,
    readings: Option<&mut Readings<'_>>,
    known: &Known,
    scratch: &mut Scratch,
) -> Checked {
    let algorithms = (&signer.signature_algorithm, &signer.digest_algorithm);
    let work = (&mut scratch.verify, &mut scratch.budget);
    match (&signer.signed_attributes, readings) {
        (Some(attributes), _) => {
            let received = attributes.to_digest();
            let sorted = attributes.to_digest_sorted().map(|sorted| sorted.to_vec());
            let target = Target::Attributes {
                received: received.pieces(),
                sorted: sorted.as_deref(),
            };
            check(algorithms, &signer.signature, target, &known.key, work)
        }
        (None, Some(readings)) => check(
            algorithms,
            &signer.signature,
            Target::Content(readings),
            &known.key,
            work,
        ),
        (None, None) => check(
            algorithms,
            &signer.signature,
            Target::Digests(&[]),
            &known.key,
            work,
        ),
    }
}

fn signing_time(signer: &SignerInfo<'_>, facts: &mut SignatureFacts) {
    let time = signer
        .signed_attributes
        .as_ref()
        .map(|attributes| attributes.signing_time());
    match time {
        Some(Ok(Some((at, form)))) => {
            facts.signing_time = Some(at);
            if form == TimeForm::Deviating {
                facts.findings.push(Finding::MalformedTime);
            }
        }
        Some(Err(_)) => facts.findings.push(Finding::MalformedTime),
        Some(Ok(None)) | None => {}
    }
}

fn pending_ess(signer: &SignerInfo<'_>) -> Vec<(String, Vec<u8>)> {
    ess(signer)
        .into_iter()
        .filter_map(|(algorithm, hash)| Some((algorithm?.name().to_owned(), hash)))
        .collect()
}

/// Whom an identifier names, for the facts.
pub(super) fn identifier(sid: &EntityIdentifier<'_>) -> Identifier {
    match sid {
        EntityIdentifier::IssuerAndSerial(named) => Identifier::IssuerSerial {
            issuer: named.issuer.to_vec(),
            serial: named.serial.minimal().to_vec(),
        },
        EntityIdentifier::SubjectKeyIdentifier(id) => Identifier::Ski(id.to_vec()),
    }
}
