//! Finishes the signatures whose certificate was not in their message, once the pool holds all that was seen.

use std::sync::Arc;

use crate::asn1::Integer;
use crate::crypto::digest::{DigestAlgorithm, digest};
use crate::crypto::key::{KeyError, PublicKey};
use crate::error::RunError;
use crate::facts::Scratch;
use crate::facts::attributes::Named;
use crate::facts::axis::{Attributes, CertificateSource, Digest, Signature};
use crate::facts::certificates::Known;
use crate::facts::check::{Checked, Target, check, decoded, describe};
use crate::facts::finding::Finding;
use crate::facts::identity::identity;
use crate::facts::record::{
    Addresses, Identifier, LayerFacts, MessageFacts, Pending, SignatureFacts, Signed,
};
use crate::limits::Limits;
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::x509::Certificate;
use crate::pki::x509::Name;

/// Looks for the certificates that signatures lack, or that verify what the message's own does not, and verifies with what is
/// found. Facts stay as they are where nothing is.
///
/// Pure: equal facts and an equal pool give equal facts, whatever the order in which the pool was filled.
///
/// # Errors
/// Where the pool's spool can't be read.
pub fn complete(
    facts: &mut MessageFacts,
    pool: &Pool,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<(), RunError> {
    let nested: Vec<Addresses> = facts
        .nested
        .iter()
        .map(|message| message.sender.clone())
        .collect();
    for layer in &mut facts.layers {
        if !layer.signatures.iter().any(is_open) {
            continue;
        }
        let sender = sender_of(layer, &nested).unwrap_or(&facts.sender).clone();
        for signature in &mut layer.signatures {
            finish(signature, &sender, pool, limits, scratch)?;
            for counter in &mut signature.countersignatures {
                finish(counter, &sender, pool, limits, scratch)?;
            }
            for token in &mut signature.timestamps {
                if let Some(own) = &mut token.signature {
                    finish(own, &sender, pool, limits, scratch)?;
                }
            }
        }
    }
    Ok(())
}

fn is_open(signature: &SignatureFacts) -> bool {
    signature.pending.is_some()
        || signature.countersignatures.iter().any(is_open)
        || signature.timestamps.iter().any(|token| {
            token
                .signature
                .as_ref()
                .is_some_and(|own| own.pending.is_some())
        })
}

fn sender_of<'n>(layer: &LayerFacts, nested: &'n [Addresses]) -> Option<&'n Addresses> {
    nested.get(usize::try_from(layer.nested?).ok()?)
}

fn finish(
    facts: &mut SignatureFacts,
    sender: &Addresses,
    pool: &Pool,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<(), RunError> {
    let Some(pending) = facts.pending.take() else {
        return Ok(());
    };
    let (Some(signature_algorithm), Some(digest_algorithm)) = (
        decoded(&pending.signature_algorithm),
        decoded(&pending.digest_algorithm),
    ) else {
        return Ok(());
    };
    // The message's own certificate does not verify it: the same name may stand for another one (catalogue row B-15).
    let again = facts.signature == Signature::Invalid;
    if again && pending.signed == Signed::NeedsContent {
        return Ok(());
    }
    let mut best: Option<((bool, Named), Checked, Found)> = None;
    let candidates = candidates(facts, again, pool)?;
    let several = candidates.len() > 1;
    for id in candidates {
        let der = pool.der(id)?;
        let Some(known) = scratch.certificate(&der, limits) else {
            continue;
        };
        for key in keys(&known, pool, limits)? {
            let target = match &pending.signed {
                Signed::Attributes { received, sorted } => Target::Attributes {
                    received: [received, &[]],
                    sorted: sorted.as_deref(),
                },
                Signed::Content(digests) => Target::Digests(digests),
                Signed::NeedsContent => Target::Digests(&[]),
            };
            let algorithms = (&signature_algorithm, &digest_algorithm);
            let checked = check(
                algorithms,
                &pending.value,
                target,
                &key,
                &mut scratch.verify,
            );
            let rank = (
                checked.signature == Signature::Valid,
                named(&pending, &known.der),
            );
            if best.as_ref().is_none_or(|(other, _, _)| rank > *other) {
                let known = Arc::clone(&known);
                best = Some((rank, checked, Found { id, known, key }));
            }
        }
    }
    let Some(((valid, named), checked, found)) = best else {
        facts.pending = Some(pending);
        return Ok(());
    };
    if again && !valid {
        return Ok(());
    }
    if again && facts.attributes == Attributes::CertificateMismatch {
        facts.attributes = Attributes::Ok;
    }
    if again || facts.certificate.is_none() {
        let origins = pool.origins(found.id);
        facts.certificate_source = if origins.message {
            CertificateSource::OtherMessage
        } else {
            CertificateSource::Given
        };
        facts.findings.extend_from_slice(&found.known.findings);
        match named {
            Named::Other if facts.attributes == Attributes::Ok => {
                facts.attributes = Attributes::CertificateMismatch
            }
            Named::Nobody if facts.attributes != Attributes::Absent => {
                facts.findings.push(Finding::EssAbsent)
            }
            Named::Other | Named::Nobody | Named::This => {}
        }
    }
    if several && matches!(facts.identifier, Identifier::IssuerSerial { .. }) {
        facts.findings.push(Finding::IssuerSerialCollision);
    }
    facts.certificate = Some(found.known.sha256);
    facts.addresses.clone_from(&found.known.addresses);
    facts.identity = identity(sender, &found.known.addresses);
    facts.signature = checked.signature;
    if let Signed::Content(_) = pending.signed {
        facts.digest = checked.digest.unwrap_or(Digest::NotChecked);
    }
    describe(&mut facts.algorithms, checked.scheme.as_ref(), &found.key);
    facts.findings.extend(checked.findings);
    facts.findings.sort_unstable();
    facts.findings.dedup();
    Ok(())
}

/// A certificate that a signature was tried with.
struct Found {
    id: CertificateId,
    known: Arc<Known>,
    key: Result<PublicKey, KeyError>,
}

fn candidates(
    facts: &SignatureFacts,
    again: bool,
    pool: &Pool,
) -> Result<Vec<CertificateId>, RunError> {
    if let Some(sha256) = facts.certificate.as_ref().filter(|_| !again) {
        return Ok(pool.find(sha256).into_iter().collect());
    }
    match &facts.identifier {
        Identifier::IssuerSerial { issuer, serial } => {
            pool.find_by_issuer_serial(Name::new(issuer), Integer(serial))
        }
        Identifier::Ski(id) => pool.find_by_ski(id),
        Identifier::None => Ok(Vec::new()),
    }
}

/// The certificate's key; where it inherits DSA parameters (RFC 3279 §2.3.2), one key for each issuer that it may have them from.
fn keys(
    known: &Known,
    pool: &Pool,
    limits: &Limits,
) -> Result<Vec<Result<PublicKey, KeyError>>, RunError> {
    let (Err(KeyError::ParametersMissing), Ok(certificate)) =
        (&known.key, Certificate::read(&known.der))
    else {
        return Ok(vec![known.key.clone()]);
    };
    let mut keys = Vec::new();
    for issuer in pool.by_subject(certificate.issuer)? {
        let der = pool.der(issuer)?;
        if let Ok(issuer) = Certificate::read(&der) {
            keys.push(PublicKey::from_spki_with_issuer(
                certificate.spki,
                issuer.spki,
                limits,
            ));
        }
    }
    keys.retain(Result::is_ok);
    keys.truncate(limits.issuer_candidates);
    Ok(keys)
}

/// Do the kept ESS hashes name this certificate (RFC 5035 §5)?
fn named(pending: &Pending, der: &[u8]) -> Named {
    if pending.ess.is_empty() {
        return Named::Nobody;
    }
    let all = pending.ess.iter().all(|(name, hash)| {
        let algorithm = DigestAlgorithm::ALL
            .iter()
            .find(|algorithm| algorithm.name() == name);
        algorithm.is_none_or(|algorithm| {
            digest(*algorithm, &[der]).is_ok_and(|value| value.matches(hash))
        })
    });
    if all { Named::This } else { Named::Other }
}
