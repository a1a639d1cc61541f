//! Timestamp tokens on a signature (RFC 3161, appendix A). Their chain is judged elsewhere.

use std::sync::Arc;

use crate::asn1::oid;
use crate::cms::attribute_rules::Role;
use crate::cms::{self, Layer, TstInfo};
use crate::crypto::digest::{DigestAlgorithm, digest, sha256};
use crate::facts::axis::{Digest, Signature, Structure, TimestampKind};
use crate::facts::certificates::{Known, Scratch};
use crate::facts::finding::Finding;
use crate::facts::readings::Readings;
use crate::facts::record::TimestampFacts;
use crate::facts::verify::Verifier;

/// The facts of one token over `value`, a signature value; None: over more than that, whose imprint is not computed.
pub(super) fn token(
    der: &[u8],
    value: Option<&[u8]>,
    verifier: &Verifier<'_>,
    scratch: &mut Scratch,
) -> TimestampFacts {
    let mut facts = TimestampFacts {
        kind: match value {
            Some(_) => TimestampKind::Signature,
            None => TimestampKind::Archive,
        },
        structure: Structure::Malformed,
        imprint: Digest::NotChecked,
        at: None,
        signature: None,
    };
    let Ok(info) = cms::read(der, verifier.limits) else {
        return facts;
    };
    let Layer::Signed(data) = &info.layer else {
        return facts;
    };
    // RFC 3161 §2.4.2: one signature, of the authority.
    let [signer] = data.signers.as_slice() else {
        facts.structure = Structure::NoSigners;
        return facts;
    };
    let Some((content, bytes)) = data
        .content
        .and_then(|content| Some((content, content.bytes().ok()?)))
    else {
        facts.structure = Structure::ContentMissing;
        return facts;
    };
    // RFC 3161 §2.4.2: what else an authority signed is no time.
    let info = TstInfo::read(&bytes).ok();
    let Some(info) = info.filter(|_| data.content_type == oid::TST_INFO) else {
        return facts;
    };
    facts.structure = Structure::Ok;
    facts.at = Some(info.time.0);
    let algorithm = DigestAlgorithm::from_algorithm(&info.imprint_algorithm);
    facts.imprint = match algorithm.zip(value) {
        Some((algorithm, value)) => match digest(algorithm, &[value]) {
            Ok(seen) if seen.matches(&info.imprint) => Digest::Match,
            Ok(_) => Digest::Mismatch,
            Err(_) => Digest::NotChecked,
        },
        None => Digest::NotChecked,
    };
    let certificates: Vec<Arc<Known>> = data
        .carried
        .certificates
        .iter()
        .filter_map(|der| scratch.certificate(sha256(der), der, verifier.limits))
        .collect();
    let mut readings = Readings::of_content(content, &bytes);
    let role = Role::Signer(data.content_type);
    let (signature, _) = verifier.one(signer, role, Some(&mut readings), &certificates, scratch);
    facts.signature = Some(Box::new(signature));
    facts
}

/// Its signature was not checked: the message has cost what one may.
pub(super) fn is_over_budget(facts: &TimestampFacts) -> bool {
    let signature = facts.signature.as_ref();
    signature.is_some_and(|one| one.findings.contains(&Finding::WorkBudget))
}

/// Imprint and signature are good, and a signed attribute names the authority's certificate (RFC 3161 §2.4.2, RFC 5816 §2.2.1).
/// Its chain has yet to be judged.
pub(crate) fn is_good(facts: &TimestampFacts) -> bool {
    facts.imprint == Digest::Match && is_signed(facts)
}

/// As [`is_good`], whatever the imprint.
pub(super) fn is_signed(facts: &TimestampFacts) -> bool {
    let signed = facts.signature.as_ref().is_some_and(|one| {
        one.signature == Signature::Valid
            && one.digest == Digest::Match
            && !one.findings.contains(&Finding::EssAbsent)
    });
    facts.structure == Structure::Ok && signed
}
