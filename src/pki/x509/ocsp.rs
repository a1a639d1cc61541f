//! `OCSPResponse` and `BasicOCSPResponse` (RFC 6960 §4.2), owned: a signed statement about single certificates at a time.

use std::sync::Arc;

use crate::asn1::algorithm::AlgorithmIdentifier;
use crate::asn1::oid;
use crate::asn1::oid::Oid;
use crate::asn1::reader::{BerError, BerErrorKind, BitString, Element, Reader};
use crate::asn1::tag::Tag;
use crate::asn1::time::Time;
use crate::crypto::digest;
use crate::crypto::digest::{DigestAlgorithm, DigestUnavailable, DigestValue};
use crate::pki::x509::certificate::{Certificate, read_element};
use crate::pki::x509::crl::{CrlEntry, RevocationReason};
use crate::pki::x509::extensions::Extensions;
use crate::pki::x509::name::Name;

/// A response that answers (`responseStatus` successful, `id-pkix-ocsp-basic`).
#[derive(Clone, Debug)]
pub struct Ocsp {
    /// All octets as received.
    der: Vec<u8>,
    sha256: [u8; 32],
    tbs: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    responder: Responder,
    produced_at: Time,
    certificates: Vec<Arc<[u8]>>,
    answers: Vec<OcspAnswer>,
}

/// `ResponderID` (RFC 6960 §4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
enum Responder {
    /// The subject's Name, DER as received.
    Name(Vec<u8>),
    /// SHA-1 of the key's octets.
    Key(Vec<u8>),
}

/// `SingleResponse` (RFC 6960 §4.2.1): what is said of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// `hashAlgorithm`; None where it is not known.
    algorithm: Option<DigestAlgorithm>,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    /// Minimal octets.
    serial: Vec<u8>,
    /// What it says.
    pub status: OcspStatus,
    /// When that was known to be right.
    pub this_update: Time,
    /// When newer information will be there.
    pub next_update: Option<Time>,
    /// `archiveCutoff` (RFC 6960 §4.4.4): certificates that expired since then are answered for.
    pub archive_cutoff: Option<Time>,
    /// Everything in it was understood: it may say that a certificate is good.
    pub understood: bool,
}

/// `CertStatus` (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked, as an entry of a CRL would say it.
    Revoked(CrlEntry),
    /// The responder does not know it.
    Unknown,
}

impl Ocsp {
    /// An `OCSPResponse`, or the `BasicOCSPResponse` in it, the whole of `der`.
    ///
    /// # Errors
    /// Where it is neither, or one without an answer: `responseStatus` tells an error, or the type is not `id-pkix-ocsp-basic`.
    pub fn read(der: &[u8]) -> Result<Self, BerError> {
        let mut r = Reader::new(der);
        let outer = r.expect(Tag::SEQUENCE)?;
        r.finish()?;
        let mut inside = outer.reader()?;
        let mut response = if inside.peek() == Some(Tag::ENUMERATED) {
            let status = inside.expect(Tag::ENUMERATED)?;
            if status.as_integer()?.to_u64() != Some(SUCCESSFUL) {
                return Err(status.error(BerErrorKind::Value));
            }
            let bytes = inside.expect(Tag::context_constructed(0))?;
            inside.finish()?;
            let basic = read_element(&bytes, |r| {
                r.sequence(|r| {
                    let element = r.expect(Tag::OID)?;
                    if element.as_oid()? != oid::OCSP_BASIC {
                        return Err(element.error(BerErrorKind::Value));
                    }
                    r.octet_string()?.bytes()
                })
            })?;
            let mut r = Reader::new(&basic);
            let response = r.sequence(Self::read_basic)?;
            r.finish()?;
            response
        } else {
            read_element(&outer, Self::read_basic)?
        };
        response.sha256 = digest::sha256(der);
        response.der = der.to_vec();
        Ok(response)
    }

    fn read_basic(r: &mut Reader<'_>) -> Result<Self, BerError> {
        let tbs = r.expect(Tag::SEQUENCE)?;
        let algorithm = r.expect(Tag::SEQUENCE)?;
        let signature = r.expect(Tag::BIT_STRING)?;
        signature.as_bit_string()?;
        let mut response = read_element(&tbs, Self::read_data)?;
        if let Some(element) = r.optional(Tag::context_constructed(0))? {
            read_element(&element, |r| {
                r.sequence(|r| {
                    while !r.is_empty() {
                        let certificate = r.raw(Tag::SEQUENCE)?;
                        response.certificates.push(Arc::from(certificate));
                    }
                    Ok(())
                })
            })?;
        }
        response.tbs = tbs.raw.to_vec();
        response.algorithm = algorithm.raw.to_vec();
        response.signature = signature.raw.to_vec();
        Ok(response)
    }

    /// `ResponseData` (RFC 6960 §4.2.1).
    fn read_data(r: &mut Reader<'_>) -> Result<Self, BerError> {
        if let Some(version) = r.optional(Tag::context_constructed(0))? {
            read_element(&version, Reader::small_integer)?;
        }
        let element = r.element()?;
        let responder = if element.tag == Tag::context_constructed(1) {
            Responder::Name(read_element(&element, |r| r.raw(Tag::SEQUENCE))?.to_vec())
        } else if element.tag == Tag::context_constructed(2) {
            let hash = read_element(&element, |r| r.octet_string()?.bytes())?;
            Responder::Key(hash.into_owned())
        } else {
            return Err(element.error(BerErrorKind::UnexpectedTag));
        };
        let (produced_at, _) = r.time()?;
        let list = r.expect(Tag::SEQUENCE)?;
        // Extensions that are not understood may restrict what is said, but can't take a revocation back.
        let understood = match r.optional(Tag::context_constructed(1))? {
            Some(element) => are_understood(&read_extensions(&element)?, &[]),
            None => true,
        };
        let mut inside = list.reader()?;
        let mut answers = Vec::new();
        while !inside.is_empty() {
            let mut answer = inside.sequence(OcspAnswer::read)?;
            answer.understood &= understood;
            answers.push(answer);
        }
        Ok(Self {
            der: Vec::new(),
            sha256: [0; 32],
            tbs: Vec::new(),
            algorithm: Vec::new(),
            signature: Vec::new(),
            responder,
            produced_at,
            certificates: Vec::new(),
            answers,
        })
    }

    /// All octets as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of all octets as received.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// `tbsResponseData`, all octets: what the signature is over.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// `signatureAlgorithm`.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn signature_algorithm(&self) -> Result<AlgorithmIdentifier<'_>, BerError> {
        AlgorithmIdentifier::read(&mut Reader::new(&self.algorithm))
    }

    /// `signature`.
    ///
    /// # Errors
    /// Never for a response that could be read.
    pub fn signature(&self) -> Result<BitString<'_>, BerError> {
        Reader::new(&self.signature).bit_string()
    }

    /// When the response was signed.
    #[must_use]
    pub fn produced_at(&self) -> Time {
        self.produced_at
    }

    /// Certificates that help to verify it: the delegated responder's.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    /// What is said, in the order of the response.
    #[must_use]
    pub fn answers(&self) -> &[OcspAnswer] {
        &self.answers
    }

    /// The responder names itself as this certificate's subject, or by its key.
    #[must_use]
    pub fn is_by(&self, certificate: &Certificate<'_>) -> bool {
        match &self.responder {
            Responder::Name(name) => Name::new(name).matches(certificate.subject),
            Responder::Key(hash) => certificate
                .computed_key_identifier()
                .is_some_and(|own| own == hash[..]),
        }
    }

    /// The name by which the responder names itself, if it does so by a name.
    #[must_use]
    pub fn responder_name(&self) -> Option<Name<'_>> {
        match &self.responder {
            Responder::Name(name) => Some(Name::new(name)),
            Responder::Key(_) => None,
        }
    }

    /// SHA-1 of the octets of the responder's key, if it names itself by that.
    #[must_use]
    pub fn responder_key(&self) -> Option<&[u8]> {
        match &self.responder {
            Responder::Name(_) => None,
            Responder::Key(hash) => Some(hash),
        }
    }
}

impl OcspAnswer {
    fn read(r: &mut Reader<'_>) -> Result<Self, BerError> {
        let (algorithm, name_hash, key_hash, serial) = r.sequence(|r| {
            let algorithm = AlgorithmIdentifier::read(r)?;
            Ok((
                DigestAlgorithm::from_algorithm(&algorithm),
                r.octet_string()?.bytes()?.into_owned(),
                r.octet_string()?.bytes()?.into_owned(),
                r.integer()?.minimal().to_vec(),
            ))
        })?;
        let status = r.element()?;
        let (this_update, _) = r.time()?;
        let next_update = match r.optional(Tag::context_constructed(0))? {
            Some(element) => Some(read_element(&element, Reader::time)?.0),
            None => None,
        };
        let mut answer = Self {
            algorithm,
            name_hash,
            key_hash,
            serial,
            status: read_status(&status)?,
            this_update,
            next_update,
            archive_cutoff: None,
            understood: true,
        };
        if let Some(element) = r.optional(Tag::context_constructed(1))? {
            let extensions = read_extensions(&element)?;
            answer.understood = are_understood(&extensions, HANDLED);
            let time = |oid| extensions.value(oid, |r| Ok(r.time()?.0));
            answer.archive_cutoff = time(oid::OCSP_ARCHIVE_CUTOFF).unwrap_or(None);
            if let OcspStatus::Revoked(entry) = &mut answer.status {
                // RFC 6960 §4.4.5: those of a CRL's entry may stand here.
                entry.invalid = time(oid::INVALIDITY_DATE).unwrap_or(None);
            }
        }
        Ok(answer)
    }

    /// Its serial number, minimal octets.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }
}

/// The hashes by which a `CertID` names an issuer (RFC 6960 §4.1.1), each computed when it is first asked for.
pub struct IssuerHashes<'a> {
    /// The issuer's name may be spelt in two ways (RFC 5280 §7.1): in its own certificate and in those it issued.
    names: [Name<'a>; 2],
    /// The octets in the BIT STRING.
    key: &'a [u8],
    known: Vec<(DigestAlgorithm, Option<Hashes>)>,
}

/// Of both names, and of the key.
struct Hashes {
    names: [DigestValue; 2],
    key: DigestValue,
}

impl<'a> IssuerHashes<'a> {
    /// Of an issuer with these names (as DER) and this key (the octets in its BIT STRING). Computes nothing yet.
    #[must_use]
    pub fn new(names: [Name<'a>; 2], key: &'a [u8]) -> Self {
        Self {
            names,
            key,
            known: Vec::new(),
        }
    }

    /// The answer is about a certificate of this issuer. Its serial number is not looked at.
    pub fn are_in(&mut self, answer: &OcspAnswer) -> bool {
        let Some(algorithm) = answer.algorithm else {
            return false;
        };
        if !self.known.iter().any(|(known, _)| *known == algorithm) {
            let hashes = self.compute(algorithm).ok();
            self.known.push((algorithm, hashes));
        }
        let known = self.known.iter().find(|(known, _)| *known == algorithm);
        known
            .and_then(|(_, hashes)| hashes.as_ref())
            .is_some_and(|hashes| {
                hashes.key.matches(&answer.key_hash)
                    && hashes
                        .names
                        .iter()
                        .any(|name| name.matches(&answer.name_hash))
            })
    }

    fn compute(&self, algorithm: DigestAlgorithm) -> Result<Hashes, DigestUnavailable> {
        let [one, other] = self.names;
        let hash = |octets: &[u8]| digest::digest(algorithm, &[octets]);
        Ok(Hashes {
            names: [hash(one.raw())?, hash(other.raw())?],
            key: hash(self.key)?,
        })
    }
}

/// `OCSPResponseStatus` (RFC 6960 §4.2.1).
const SUCCESSFUL: u64 = 0;

/// Extensions of a single answer whose meaning is acted on.
const HANDLED: &[Oid<'static>] = &[oid::OCSP_ARCHIVE_CUTOFF, oid::INVALIDITY_DATE];

fn read_status(element: &Element<'_>) -> Result<OcspStatus, BerError> {
    if element.tag.same_type(Tag::context(0)) {
        return Ok(OcspStatus::Good);
    }
    if element.tag.same_type(Tag::context(2)) {
        return Ok(OcspStatus::Unknown);
    }
    if element.tag != Tag::context_constructed(1) {
        return Err(element.error(BerErrorKind::UnexpectedTag));
    }
    read_element(element, |r| {
        let (revoked, _) = r.time()?;
        let reason = match r.optional(Tag::context_constructed(0))? {
            // A reason that can't be read is not taken for an absent one.
            Some(element) => read_element(&element, |r| r.expect(Tag::ENUMERATED)?.as_integer())
                .map_or(RevocationReason::Unknown, RevocationReason::of),
            None => RevocationReason::Unspecified,
        };
        Ok(OcspStatus::Revoked(CrlEntry {
            revoked,
            reason,
            invalid: None,
        }))
    })
}

fn read_extensions<'a>(element: &Element<'a>) -> Result<Extensions<'a>, BerError> {
    let mut inside = element.reader()?;
    let extensions = Extensions::read(&mut inside);
    inside.finish()?;
    Ok(extensions)
}

fn are_understood(extensions: &Extensions<'_>, known: &[Oid<'static>]) -> bool {
    extensions.end.is_ok()
        && !extensions
            .list
            .iter()
            .any(|extension| extension.critical && !known.contains(&extension.oid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_refused() {
        // malformedRequest (1) has no responseBytes.
        let error = Ocsp::read(&[0x30, 3, 0x0a, 1, 1]).unwrap_err();
        assert_eq!(error.kind, BerErrorKind::Value);
        for der in [&[][..], &[0x30, 0], &[0x30, 3, 0x0a, 1, 0], &[4, 0]] {
            assert!(Ocsp::read(der).is_err(), "{der:?}");
        }
    }
}
