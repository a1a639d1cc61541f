//! What the signed attributes say about themselves, the algorithms and the certificate.

use crate::asn1::{AlgorithmIdentifier, BerError};
use crate::cms::attribute_rules::{self, AttributeProblem, Role};
use crate::cms::ess::{EssCertId, SigningCertificate};
use crate::cms::{Attributes as SignedAttributes, SignerInfo};
use crate::crypto::digest::{DigestAlgorithm, digest};
use crate::facts::axis::Attributes;
use crate::facts::finding::Finding;

/// The attributes against RFC 5652 §5.3 and §11, and against the algorithms that were used (RFC 6211).
pub(super) fn rules(
    signer: &SignerInfo<'_>,
    role: Role<'_>,
    findings: &mut Vec<Finding>,
) -> Attributes {
    let Some(attributes) = &signer.signed_attributes else {
        return Attributes::Absent;
    };
    let mut value = Attributes::Ok;
    for problem in attribute_rules::check(attributes, role) {
        let finding = match problem {
            AttributeProblem::ContentTypeMissing
            | AttributeProblem::ContentTypeDiffers
            | AttributeProblem::ContentTypeForbidden => Finding::AttributeContentType,
            AttributeProblem::MessageDigestMissing => Finding::AttributeMessageDigest,
            AttributeProblem::Duplicate(_) | AttributeProblem::NotOneValue(_) => {
                Finding::AttributeRepeated
            }
            AttributeProblem::BadValue(_) | AttributeProblem::Misplaced(_) => {
                Finding::AttributeMalformed
            }
        };
        findings.push(finding);
        value = Attributes::Malformed;
    }
    if is_unreadable(attributes) {
        findings.push(Finding::AttributeMalformed);
        value = Attributes::Malformed;
    }
    if value == Attributes::Ok && protection_differs(signer, attributes) {
        value = Attributes::AlgorithmMismatch;
    }
    value
}

/// An attribute that is interpreted is there and can't be: a time that is none, a certificate's name that is none or names nobody
/// (RFC 5035 §5: the first of `certs` names the signer's). It is not absent.
fn is_unreadable(attributes: &SignedAttributes<'_>) -> bool {
    let names_nobody = |read: Result<Option<SigningCertificate<'_>>, BerError>| match read {
        Ok(Some(read)) => read.certificates.is_empty(),
        Ok(None) => false,
        Err(_) => true,
    };
    attributes.signing_time().is_err()
        || names_nobody(attributes.signing_certificate())
        || names_nobody(attributes.signing_certificate_v2())
        || attributes.multiple_signatures().is_err()
}

/// The algorithms that the attribute protects are not those used (RFC 6211 §2).
fn protection_differs(signer: &SignerInfo<'_>, attributes: &SignedAttributes<'_>) -> bool {
    match attributes.algorithm_protection() {
        Ok(None) => false,
        Ok(Some(protected)) => {
            let signature = protected
                .signature_algorithm
                .is_none_or(|algorithm| !same(&algorithm, &signer.signature_algorithm));
            signature || !same(&protected.digest_algorithm, &signer.digest_algorithm)
        }
        Err(_) => true,
    }
}

/// Equal, absent and NULL parameters alike (RFC 5754 §2).
fn same(one: &AlgorithmIdentifier<'_>, other: &AlgorithmIdentifier<'_>) -> bool {
    let bare = one.without_parameters() && other.without_parameters();
    one.oid == other.oid && (bare || one.parameters == other.parameters)
}

/// Which certificate the attributes name (RFC 5035 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// Another one.
    Other,
    /// None.
    Nobody,
    /// This one.
    This,
}

/// Do the ESS attributes name the certificate with this DER?
pub(super) fn names(signer: &SignerInfo<'_>, der: &[u8]) -> Named {
    let hashes = ess(signer);
    if hashes.is_empty() {
        return Named::Nobody;
    }
    // The first of each attribute names the signer's certificate, the others its issuers.
    let all = hashes.iter().all(|(algorithm, hash)| match algorithm {
        Some(algorithm) => digest(*algorithm, &[der]).is_ok_and(|value| value.matches(hash)),
        None => true, // a digest that is not known can't speak against the certificate
    });
    if all { Named::This } else { Named::Other }
}

/// The signer's certificate's hash in each ESS attribute, with its digest where that is known.
pub(super) fn ess(signer: &SignerInfo<'_>) -> Vec<(Option<DigestAlgorithm>, Vec<u8>)> {
    let Some(attributes) = &signer.signed_attributes else {
        return Vec::new();
    };
    let first = |id: Option<&EssCertId<'_>>| {
        let id = id?;
        let algorithm = DigestAlgorithm::from_algorithm(&id.hash_algorithm);
        Some((algorithm, id.certificate_hash.to_vec()))
    };
    let v1 = attributes.signing_certificate().ok().flatten();
    let v2 = attributes.signing_certificate_v2().ok().flatten();
    [v1, v2]
        .iter()
        .flatten()
        .filter_map(|attribute| first(attribute.certificates.first()))
        .collect()
}

/// The multiple-signatures attribute names signatures that are not there (RFC 5752 §3): one was stripped.
pub(super) fn signatures_stripped(signer: &SignerInfo<'_>, signers: usize) -> bool {
    let named = signer
        .signed_attributes
        .as_ref()
        .and_then(|attributes| attributes.multiple_signatures().ok())
        .map_or(0, |list| list.len());
    named > 0 && named + 1 > signers
}
