//! How signers and recipients are named: by issuer and serial number, or by subject key identifier.

use std::borrow::Cow;

use crate::asn1::BerError;
use crate::asn1::Integer;
use crate::asn1::Reader;
use crate::asn1::Tag;

/// `IssuerAndSerialNumber` (RFC 5652 §10.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerAndSerial<'a> {
    /// The issuer's `Name`, whole element as received, for comparison byte by byte.
    pub issuer: &'a [u8],
    /// The certificate's serial number.
    pub serial: Integer<'a>,
}

impl<'a> IssuerAndSerial<'a> {
    /// `IssuerAndSerialNumber` (RFC 5652 §10.2.4).
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(Self::read_fields)
    }

    /// The fields, where an IMPLICIT tag stands in place of the SEQUENCE.
    ///
    /// # Errors
    /// Where they are damaged.
    pub fn read_fields(r: &mut Reader<'a>) -> Result<Self, BerError> {
        Ok(Self {
            issuer: r.raw(Tag::SEQUENCE)?,
            serial: r.integer()?,
        })
    }
}

/// `SignerIdentifier` (RFC 5652 §5.3) and `RecipientIdentifier` (RFC 5652 §6.2.1), which are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EntityIdentifier<'a> {
    /// The certificate's issuer and serial number.
    IssuerAndSerial(IssuerAndSerial<'a>),
    /// The certificate's subject key identifier.
    SubjectKeyIdentifier(Cow<'a, [u8]>),
}

impl<'a> EntityIdentifier<'a> {
    /// `SignerIdentifier` or `RecipientIdentifier`.
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        match r.optional(Tag::context(0))? {
            Some(element) => Ok(Self::SubjectKeyIdentifier(
                element.as_octet_string().bytes()?,
            )),
            None => Ok(Self::IssuerAndSerial(IssuerAndSerial::read(r)?)),
        }
    }
}
