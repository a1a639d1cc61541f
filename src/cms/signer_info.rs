//! `SignerInfo` (RFC 5652 §5.3).

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Element;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::cms::attributes::Attributes;
use crate::cms::identifier::EntityIdentifier;
use crate::limits::Limits;

/// `SignerInfo` (RFC 5652 §5.3): a signature, and a countersignature too (RFC 5652 §11.4).
#[derive(Clone, Debug)]
pub struct SignerInfo<'a> {
    /// 1 or 3; others are read too.
    pub version: u64,
    /// Whose certificate verifies the signature.
    pub sid: EntityIdentifier<'a>,
    /// The digest over the content, and over the signed attributes.
    pub digest_algorithm: AlgorithmIdentifier<'a>,
    /// What is signed beside the content's digest; None where the content itself is signed.
    pub signed_attributes: Option<Attributes<'a>>,
    /// The signature algorithm; old programs write only the key's type.
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The signature value: what a countersignature or a timestamp is over.
    pub signature: Cow<'a, [u8]>,
    /// What anybody may have added.
    pub unsigned_attributes: Option<Attributes<'a>>,
    /// The whole element as received.
    pub raw: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    /// `SignerInfo` (RFC 5652 §5.3).
    ///
    /// # Errors
    /// Where the next element is none, or has more attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        let element = r.expect(Tag::SEQUENCE)?;
        let mut r = element.reader()?;
        let signer = Self {
            version: r.small_integer()?,
            sid: EntityIdentifier::read(&mut r)?,
            digest_algorithm: AlgorithmIdentifier::read(&mut r)?,
            signed_attributes: Attributes::optional(&mut r, 0, limits)?,
            signature_algorithm: AlgorithmIdentifier::read(&mut r)?,
            signature: r.octet_string()?.bytes()?,
            unsigned_attributes: Attributes::optional(&mut r, 1, limits)?,
            raw: element.raw,
        };
        r.finish()?;
        Ok(signer)
    }

    /// The countersignatures on this signature (RFC 5652 §11.4), in order. One that is damaged is an error of its own.
    pub fn countersignatures(
        &self,
        limits: &Limits,
    ) -> impl Iterator<Item = Result<SignerInfo<'a>, BerError>> {
        self.unsigned_values(oid::COUNTERSIGNATURE)
            .map(|value| SignerInfo::read(&mut value.as_reader(), limits))
    }

    /// The timestamp tokens over this signature (RFC 3161 appendix A), each a `ContentInfo` that is not yet read.
    pub fn timestamp_tokens(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.unsigned_values(oid::TIME_STAMP_TOKEN)
            .map(|value| value.raw)
    }

    /// The archive timestamp tokens beside it (RFC 5126 §6.4.1, ETSI EN 319 122-1 §5.5), each a `ContentInfo` that is not yet read.
    pub fn archive_tokens(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let first = self.unsigned_values(oid::ARCHIVE_TIME_STAMP);
        let second = self.unsigned_values(oid::ARCHIVE_TIME_STAMP_V2);
        let third = self.unsigned_values(oid::ARCHIVE_TIME_STAMP_V3);
        first.chain(second).chain(third).map(|value| value.raw)
    }

    fn unsigned_values(&self, oid: Oid<'static>) -> impl Iterator<Item = Element<'a>> + use<'a> {
        self.unsigned_attributes
            .into_iter()
            .flat_map(|attributes| attributes.iter())
            .filter(move |attribute| attribute.oid == oid)
            .flat_map(|attribute| attribute.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cms::build;
    use crate::cms::build::AttributeList;

    fn signer(unsigned_attributes: AttributeList) -> Vec<u8> {
        let algorithm = AlgorithmIdentifier {
            oid: oid::SHA256,
            parameters: None,
        };
        build::Signer {
            sid: EntityIdentifier::SubjectKeyIdentifier((&[9; 20]).into()),
            digest_algorithm: algorithm,
            signed_attributes: None,
            signature_algorithm: algorithm,
            signature: vec![1],
            unsigned_attributes,
        }
        .encode()
    }

    #[test]
    fn countersignatures_and_tokens_are_found_one_by_one() {
        let inner = signer(AttributeList::new());
        let middle = signer(AttributeList::new().countersignature(&inner));
        let outer = signer(
            AttributeList::new()
                .countersignature(&middle)
                .countersignature(&[5, 0])
                .values(oid::COUNTERSIGNATURE, &[&inner, &inner])
                .time_stamp_token(&[0x30, 0])
                .time_stamp_token(&[0x30, 1, 0]),
        );
        let limits = Limits::default();
        let read = SignerInfo::read(&mut Reader::new(&outer), &limits).unwrap();
        let all: Vec<_> = read.countersignatures(&limits).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all.iter().filter(|one| one.is_err()).count(), 1);
        let raw: Vec<_> = all.iter().flatten().map(|one| one.raw).collect();
        assert!(raw.contains(&middle.as_slice()) && raw.contains(&inner.as_slice()));
        let with_inner = all.iter().flatten().find(|one| one.raw == middle).unwrap();
        assert_eq!(with_inner.countersignatures(&limits).count(), 1);
        let tokens: Vec<_> = read.timestamp_tokens().collect();
        assert_eq!(tokens, [&[0x30, 0][..], &[0x30, 1, 0]]);
    }
}
