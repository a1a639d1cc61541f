//! The mathematics of one signature value with one key, and what must be kept to do it later.

use crate::asn1::{AlgorithmIdentifier, Reader, Writer};
use crate::cms::SignerInfo;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key::{KeyError, PublicKey};
use crate::crypto::signature::{self, Outcome, Signed as Over, VerifyContext};
use crate::crypto::signature_scheme::{SignatureScheme, SignatureUnsupported};
use crate::facts::axis::{Digest, Signature};
use crate::facts::finding::Finding;
use crate::facts::readings::Readings;
use crate::facts::record::{Algorithms, Pending, Signed};
use crate::facts::work::{byte_units, public_units};
use crate::limits::Budget;

/// What verifying gave.
#[derive(Debug)]
pub(super) struct Checked {
    pub signature: Signature,
    /// Without signed attributes: which reading the signature is over.
    pub reading: Option<usize>,
    /// Without signed attributes: what that means for the digest axis.
    pub digest: Option<Digest>,
    pub findings: Vec<Finding>,
    pub scheme: Option<SignatureScheme>,
}

impl Checked {
    fn only(signature: Signature) -> Self {
        Self {
            signature,
            reading: None,
            digest: None,
            findings: Vec::new(),
            scheme: None,
        }
    }

    /// Not begun: the message has cost what one may.
    fn over_budget() -> Self {
        let mut checked = Self::only(Signature::NotChecked);
        checked.findings.push(Finding::WorkBudget);
        checked
    }

    pub fn is_over_budget(&self) -> bool {
        self.findings.contains(&Finding::WorkBudget)
    }
}

/// What a signature value is over, as the verifying needs it.
pub(super) enum Target<'t, 'a> {
    /// The signed attributes as received, tagged as SET OF, in pieces; and in DER order where that differs.
    Attributes {
        received: [&'t [u8]; 2],
        sorted: Option<&'t [u8]>,
    },
    /// The content.
    Content(&'t mut Readings<'a>),
    /// Digests of the readings of a content that is not at hand.
    Digests(&'t [(Digest, Vec<u8>)]),
}

/// Verifies a signature value.
pub(super) fn check(
    algorithms: (&AlgorithmIdentifier<'_>, &AlgorithmIdentifier<'_>),
    value: &[u8],
    target: Target<'_, '_>,
    key: &Result<PublicKey, KeyError>,
    work: (&mut VerifyContext, &mut Budget),
) -> Checked {
    let (context, budget) = work;
    let key = match key {
        Ok(key) => key,
        Err(KeyError::OutOfPolicy | KeyError::ParametersMissing) => {
            return Checked::only(Signature::NotChecked);
        }
        Err(KeyError::Malformed | KeyError::Unsupported) => {
            return Checked::only(Signature::UnsupportedAlgorithm);
        }
    };
    let (signature_algorithm, digest_algorithm) = algorithms;
    let scheme = match SignatureScheme::from_cms(signature_algorithm, digest_algorithm, key) {
        Ok(scheme) => scheme,
        // All is known, and no signature of this algorithm can be the key's.
        Err(SignatureUnsupported::KeyDoesNotFit) => return Checked::only(Signature::Invalid),
        Err(reason) => {
            let mut checked = Checked::only(Signature::UnsupportedAlgorithm);
            if reason == SignatureUnsupported::DigestDisagrees {
                checked.findings.push(Finding::DigestAlgorithmConflict);
            }
            return checked;
        }
    };
    let units = public_units(key);
    let mut checked = match target {
        Target::Attributes { received, sorted } => {
            if !budget.spend(units) {
                return Checked::over_budget();
            }
            let mut checked = Checked::only(outcome(signature::verify(
                &scheme,
                key,
                Over::Message(&received),
                value,
                context,
            )));
            if let (Signature::Invalid, Some(sorted)) = (checked.signature, sorted)
                && budget.spend(units)
                && signature::verify(&scheme, key, Over::Message(&[sorted]), value, context)
                    == Outcome::Valid
            {
                checked.signature = Signature::Valid;
                checked.findings.push(Finding::AttributesResorted);
            }
            checked
        }
        Target::Content(readings) => over_content(&scheme, key, readings, value, (context, budget)),
        Target::Digests(digests) => over_digests(&scheme, key, digests, value, (context, budget)),
    };
    checked.scheme = Some(scheme);
    checked
}

fn over_content(
    scheme: &SignatureScheme,
    key: &PublicKey,
    readings: &mut Readings<'_>,
    value: &[u8],
    work: (&mut VerifyContext, &mut Budget),
) -> Checked {
    let (context, budget) = work;
    let units = public_units(key);
    let mut checked = Checked::only(Signature::Invalid);
    for index in 0..readings.count() {
        if !budget.spend(units) {
            return Checked::over_budget();
        }
        let result = match scheme.digest() {
            Some(digest) => match readings.digest(index, digest) {
                Some(digest) => {
                    signature::verify(scheme, key, Over::Digest(digest.as_bytes()), value, context)
                }
                None => return Checked::only(Signature::UnsupportedAlgorithm),
            },
            None => {
                let bytes = readings.bytes(index);
                if !budget.spend(byte_units(bytes.len())) {
                    return Checked::over_budget();
                }
                signature::verify(scheme, key, Over::Message(&[&bytes]), value, context)
            }
        };
        checked.signature = outcome(result);
        if result == Outcome::Valid {
            checked.reading = Some(index);
            checked.digest = Some(readings.value(index));
            return checked;
        }
    }
    if budget.spend(units) {
        tell_mismatch(&mut checked, scheme, key, value, context);
    }
    checked
}

fn over_digests(
    scheme: &SignatureScheme,
    key: &PublicKey,
    digests: &[(Digest, Vec<u8>)],
    value: &[u8],
    work: (&mut VerifyContext, &mut Budget),
) -> Checked {
    let (context, budget) = work;
    let units = public_units(key);
    let mut checked = Checked::only(Signature::Invalid);
    if scheme.digest().is_none() {
        return Checked::only(Signature::NotChecked);
    }
    for (meaning, digest) in digests {
        if !budget.spend(units) {
            return Checked::over_budget();
        }
        let result = signature::verify(scheme, key, Over::Digest(digest), value, context);
        checked.signature = outcome(result);
        if result == Outcome::Valid {
            checked.digest = Some(*meaning);
            return checked;
        }
    }
    if budget.spend(units) {
        tell_mismatch(&mut checked, scheme, key, value, context);
    }
    checked
}

/// RSA with PKCS #1 v1.5 shows which digest was signed: if it shows one, the signature is the key's and the content another.
fn tell_mismatch(
    checked: &mut Checked,
    scheme: &SignatureScheme,
    key: &PublicKey,
    value: &[u8],
    context: &mut VerifyContext,
) {
    if checked.signature == Signature::Invalid
        && matches!(scheme, SignatureScheme::RsaV15(_))
        && signature::recovered_digest(key, value, context).is_some()
    {
        checked.signature = Signature::Valid;
        checked.digest = Some(Digest::Mismatch);
    }
}

fn outcome(outcome: Outcome) -> Signature {
    match outcome {
        Outcome::Valid => Signature::Valid,
        Outcome::Invalid => Signature::Invalid,
        Outcome::Unsupported(_) => Signature::UnsupportedAlgorithm,
    }
}

/// What finishing a signature later will need.
pub(super) fn pending(
    signer: &SignerInfo<'_>,
    algorithm: Option<DigestAlgorithm>,
    readings: Option<&mut Readings<'_>>,
    ess: Vec<(String, Vec<u8>)>,
) -> Pending {
    let signed = match (&signer.signed_attributes, algorithm, readings) {
        (Some(attributes), _, _) => Signed::Attributes {
            received: attributes.to_digest().to_vec(),
            sorted: attributes.to_digest_sorted().map(|sorted| sorted.to_vec()),
        },
        (None, _, _) if SignatureScheme::signs_the_message(&signer.signature_algorithm) => {
            Signed::NeedsContent
        }
        (None, Some(algorithm), Some(readings)) => Signed::Content(
            (0..readings.count())
                .filter_map(|index| {
                    let digest = readings.digest(index, algorithm)?;
                    Some((readings.value(index), digest.as_bytes().to_vec()))
                })
                .collect(),
        ),
        (None, _, _) => Signed::NeedsContent,
    };
    Pending {
        digest_algorithm: encoded(&signer.digest_algorithm),
        signature_algorithm: encoded(&signer.signature_algorithm),
        value: signer.signature.to_vec(),
        signed,
        ess,
    }
}

/// DER of an algorithm; its parameters as received.
fn encoded(algorithm: &AlgorithmIdentifier<'_>) -> Vec<u8> {
    Writer::encode(|w| w.algorithm(algorithm.oid, algorithm.parameters))
}

/// The algorithm that [`encoded`] wrote.
pub(super) fn decoded(der: &[u8]) -> Option<AlgorithmIdentifier<'_>> {
    AlgorithmIdentifier::read(&mut Reader::new(der)).ok()
}

/// PSS parameters, as `mgf1-sha256/32`.
fn padding(scheme: &SignatureScheme) -> Option<String> {
    match scheme {
        SignatureScheme::RsaPss {
            mgf_digest,
            salt_bytes,
            ..
        } => Some(format!("mgf1-{}/{salt_bytes}", mgf_digest.name())),
        SignatureScheme::RsaV15(_)
        | SignatureScheme::Ecdsa(_)
        | SignatureScheme::Dsa(_)
        | SignatureScheme::Ed25519
        | SignatureScheme::Ed448
        | SignatureScheme::MlDsa44
        | SignatureScheme::MlDsa65
        | SignatureScheme::MlDsa87 => None,
    }
}

/// Names a scheme and a key for the report.
pub(super) fn describe(
    algorithms: &mut Algorithms,
    scheme: Option<&SignatureScheme>,
    key: &Result<PublicKey, KeyError>,
) {
    if let Some(scheme) = scheme {
        scheme.name().clone_into(&mut algorithms.signature);
        algorithms.padding = padding(scheme);
    }
    if let Ok(key) = key {
        let kind = key.algorithm();
        let name = kind.curve().map_or(kind.name(), |curve| curve.name());
        name.clone_into(&mut algorithms.key);
        algorithms.key_bits = Some(key.bits());
        algorithms.exponent = key.rsa_exponent().filter(|exponent| *exponent < u64::MAX);
    }
}
