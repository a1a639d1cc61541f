//! What only the rules look into: policy qualifiers, access descriptions, the numbers of an RSA key.

use crate::asn1::oid;
use crate::asn1::{BerError, Element, Integer, Oid, Reader, Tag};
use crate::pki::lint::view::Part;
use crate::pki::x509::Certificate;
use crate::pki::x509::extensions::Extensions;
use crate::pki::x509::general_name::GeneralName;

/// `PolicyInformation` (RFC 5280 §4.2.1.4).
#[derive(Debug)]
pub(super) struct Policy<'a> {
    /// The policy.
    pub identifier: Oid<'a>,
    /// What is said about it.
    pub qualifiers: Vec<Qualifier<'a>>,
}

/// `PolicyQualifierInfo` (RFC 5280 §4.2.1.4).
#[derive(Debug)]
pub(super) enum Qualifier<'a> {
    /// A pointer to the practice statement.
    Cps(&'a [u8]),
    /// A text for people.
    Notice {
        /// It refers to a numbered statement.
        reference: bool,
        /// The text.
        text: Option<Element<'a>>,
    },
    /// Another one.
    Other,
}

/// `AccessDescription` (RFC 5280 §4.2.2.1).
#[derive(Debug)]
pub(super) struct AccessDescription<'a> {
    /// What is there.
    pub method: Oid<'a>,
    /// Where.
    pub location: GeneralName<'a>,
}

/// `RSAPublicKey` (RFC 8017 §A.1.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct RsaKey<'a> {
    /// n
    pub modulus: Integer<'a>,
    /// e
    pub exponent: Integer<'a>,
}

/// `CertificatePolicies` with qualifiers.
pub(super) fn policies<'a>(extensions: &Extensions<'a>) -> Part<Vec<Policy<'a>>> {
    value(extensions, oid::CERTIFICATE_POLICIES, |r| list(r, policy))
}

/// `AuthorityInfoAccessSyntax` (RFC 5280 §4.2.2.1).
pub(super) fn access<'a>(extensions: &Extensions<'a>) -> Part<Vec<AccessDescription<'a>>> {
    value(extensions, oid::AUTHORITY_INFO_ACCESS, |r| {
        list(r, |r| {
            r.sequence(|r| {
                Ok(AccessDescription {
                    method: r.oid()?,
                    location: GeneralName::read(r)?,
                })
            })
        })
    })
}

/// The RSA key of a certificate; None where it is no RSA key or can't be read.
pub(super) fn rsa_key<'a>(certificate: &Certificate<'a>) -> Option<RsaKey<'a>> {
    let key = certificate.key.ok()?;
    if ![oid::RSA_ENCRYPTION, oid::RSASSA_PSS, oid::X500_RSA].contains(&key.algorithm.oid) {
        return None;
    }
    let read = Reader::new(key.bits.bytes).sequence(|r| {
        Ok(RsaKey {
            modulus: r.integer()?,
            exponent: r.integer()?,
        })
    });
    read.ok()
}

/// An extension's value through `read`, which must use all of it.
fn value<'a, T>(
    extensions: &Extensions<'a>,
    wanted: Oid<'_>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
) -> Part<T> {
    let Some(extension) = extensions.find(wanted)? else {
        return Ok(None);
    };
    let mut r = Reader::at_offset(extension.value, extension.at);
    let value = read(&mut r)?;
    r.finish()?;
    Ok(Some(value))
}

fn list<'a, T>(
    r: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, BerError>,
) -> Result<Vec<T>, BerError> {
    r.sequence(|r| {
        let mut all = Vec::new();
        while !r.is_empty() {
            all.push(read(r)?);
        }
        Ok(all)
    })
}

fn policy<'a>(r: &mut Reader<'a>) -> Result<Policy<'a>, BerError> {
    r.sequence(|r| {
        let identifier = r.oid()?;
        let qualifiers = if r.is_empty() {
            Vec::new()
        } else {
            list(r, qualifier)?
        };
        Ok(Policy {
            identifier,
            qualifiers,
        })
    })
}

fn qualifier<'a>(r: &mut Reader<'a>) -> Result<Qualifier<'a>, BerError> {
    r.sequence(|r| match r.oid()? {
        oid::CPS_QUALIFIER => Ok(Qualifier::Cps(r.element()?.content)),
        oid::USER_NOTICE_QUALIFIER => r.sequence(|r| {
            let reference = r.optional(Tag::SEQUENCE)?.is_some();
            let text = if r.is_empty() {
                None
            } else {
                Some(r.element()?)
            };
            Ok(Qualifier::Notice { reference, text })
        }),
        _ => {
            r.element()?;
            Ok(Qualifier::Other)
        }
    })
}
