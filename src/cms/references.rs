//! Complete references: what a signer, or whoever validated the signature, names as the evidence that it was validated with, by hashes
//! (CAdES, RFC 5126 §6.2.1, §6.2.2). The things themselves may be elsewhere; `archival` reads those that are here.

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Element;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::cms::archival;
use crate::cms::list;
use crate::cms::signer_info::SignerInfo;
use crate::limits::Limits;

/// `OtherHash` (RFC 5126 §5.7.3.3): one certificate, list or response, by a hash of all its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// `hashAlgorithm`; None is SHA-1.
    pub algorithm: Option<AlgorithmIdentifier<'a>>,
    /// `hashValue`.
    pub hash: Cow<'a, [u8]>,
}

/// What the attributes of a signer name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References<'a> {
    /// Of authorities on the signer's path (`CompleteCertificateRefs`).
    pub certificates: Vec<Reference<'a>>,
    /// CRLs (`CompleteRevocationRefs`). OCSP responses are not here: whether the hash is over the OCSPResponse or the BasicOCSPResponse in
    /// it is told nowhere.
    pub crls: Vec<Reference<'a>>,
    /// One of the attributes is there, whether it could be read or not.
    pub are_there: bool,
    /// An attribute can't be read, or names more than [`Limits::certificates`] or [`Limits::crls`]: what stands before that is given.
    pub are_damaged: bool,
}

/// The references in the attributes of `signer`. Never fails: see [`References::are_damaged`].
#[must_use]
pub fn references<'a>(signer: &SignerInfo<'a>, limits: &Limits) -> References<'a> {
    let mut found = References::default();
    for value in archival::all(signer, oid::CERTIFICATE_REFERENCES) {
        found.are_there = true;
        let target = &mut found.certificates;
        let read = list::for_each(&value, limits.certificates, |r: &mut Reader<'a>| {
            r.sequence(|r| {
                target.push(Reference::read(r)?);
                rest(r)
            })
        });
        found.are_damaged |= value.tag != Tag::SEQUENCE || read.is_err();
    }
    for value in archival::all(signer, oid::REVOCATION_REFERENCES) {
        found.are_there = true;
        let target = &mut found.crls;
        let read = list::for_each(&value, limits.crls, |r: &mut Reader<'a>| {
            r.sequence(|r| {
                if let Some(explicit) = r.optional(Tag::context_constructed(0))? {
                    lists(&explicit, limits, target)?;
                }
                rest(r)
            })
        });
        found.are_damaged |= value.tag != Tag::SEQUENCE || read.is_err();
    }
    found
}

/// `CRLListID`: a SEQUENCE of a SEQUENCE OF `CrlValidatedID`, each beginning with `crlHash`.
fn lists<'a>(
    explicit: &Element<'a>,
    limits: &Limits,
    target: &mut Vec<Reference<'a>>,
) -> Result<(), BerError> {
    explicit.reader()?.sequence(|r| {
        let crls = r.expect(Tag::SEQUENCE)?;
        list::for_each(&crls, limits.crls, |r: &mut Reader<'a>| {
            r.sequence(|r| {
                target.push(Reference::read(r)?);
                rest(r)
            })
        })?;
        rest(r)
    })
}

/// What stands behind identifies the same thing in other ways.
fn rest(r: &mut Reader<'_>) -> Result<(), BerError> {
    while !r.is_empty() {
        r.element()?;
    }
    Ok(())
}

impl<'a> Reference<'a> {
    /// `OtherHash`: `sha1Hash`, or `otherHash` with its algorithm.
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        if r.peek() != Some(Tag::SEQUENCE) {
            let hash = r.octet_string()?.bytes()?;
            let algorithm = None;
            return Ok(Self { algorithm, hash });
        }
        r.sequence(|r| {
            Ok(Self {
                algorithm: Some(AlgorithmIdentifier::read(r)?),
                hash: r.octet_string()?.bytes()?,
            })
        })
    }
}
