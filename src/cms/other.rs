//! The layers that mail rarely has: `DigestedData`, `EncryptedData`, `AuthenticatedData` (RFC 5652 §7 to §9).

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::cms::attribute_values::implicit_algorithm;
use crate::cms::attributes::Attributes;
use crate::cms::carried;
use crate::cms::carried::Carried;
use crate::cms::content;
use crate::cms::content::Content;
use crate::cms::content::EncryptedContent;
use crate::cms::recipient_info;
use crate::cms::recipient_info::Recipient;
use crate::limits::Limits;

/// `DigestedData` (RFC 5652 §7).
#[derive(Clone, Debug)]
pub struct DigestedData<'a> {
    /// 0 or 2; others are read too.
    pub version: u64,
    /// The digest's algorithm.
    pub digest_algorithm: AlgorithmIdentifier<'a>,
    /// What the content is.
    pub content_type: Oid<'a>,
    /// The content; None where it is detached.
    pub content: Option<Content<'a>>,
    /// The content's digest.
    pub digest: Cow<'a, [u8]>,
}

impl<'a> DigestedData<'a> {
    /// `DigestedData` (RFC 5652 §7).
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            let version = r.small_integer()?;
            let digest_algorithm = AlgorithmIdentifier::read(r)?;
            let (content_type, content) = content::encapsulated(r)?;
            Ok(Self {
                version,
                digest_algorithm,
                content_type,
                content,
                digest: r.octet_string()?.bytes()?,
            })
        })
    }
}

/// `EncryptedData` (RFC 5652 §8).
#[derive(Clone, Copy, Debug)]
pub struct EncryptedData<'a> {
    /// 0 or 2; others are read too.
    pub version: u64,
    /// The content.
    pub content: EncryptedContent<'a>,
    /// Attributes that nothing protects.
    pub unprotected_attributes: Option<Attributes<'a>>,
}

impl<'a> EncryptedData<'a> {
    /// `EncryptedData` (RFC 5652 §8).
    ///
    /// # Errors
    /// Where the next element is none, or has more attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                version: r.small_integer()?,
                content: EncryptedContent::read(r)?,
                unprotected_attributes: Attributes::optional(r, 1, limits)?,
            })
        })
    }
}

/// `AuthenticatedData` (RFC 5652 §9.1).
#[derive(Clone, Debug)]
pub struct AuthenticatedData<'a> {
    /// 0, 1 or 3; others are read too.
    pub version: u64,
    /// Certificates and revocation information of the sender.
    pub originator: Option<Carried<'a>>,
    /// Who can check it.
    pub recipients: Vec<Recipient<'a>>,
    /// The MAC's algorithm.
    pub mac_algorithm: AlgorithmIdentifier<'a>,
    /// The digest, where there are authenticated attributes.
    pub digest_algorithm: Option<AlgorithmIdentifier<'a>>,
    /// What the content is.
    pub content_type: Oid<'a>,
    /// The content; None where it is detached.
    pub content: Option<Content<'a>>,
    /// What the MAC is over, beside the content's digest.
    pub authenticated_attributes: Option<Attributes<'a>>,
    /// The MAC.
    pub mac: Cow<'a, [u8]>,
    /// Attributes that nothing protects.
    pub unauthenticated_attributes: Option<Attributes<'a>>,
}

impl<'a> AuthenticatedData<'a> {
    /// `AuthenticatedData` (RFC 5652 §9.1).
    ///
    /// # Errors
    /// Where the next element is none, or has more recipients, certificates, CRLs or attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            let version = r.small_integer()?;
            let originator = carried::originator(r, limits)?;
            let recipients = recipient_info::read_all(r, limits)?;
            let mac_algorithm = AlgorithmIdentifier::read(r)?;
            let digest_algorithm = implicit_algorithm(r, 1)?;
            let (content_type, content) = content::encapsulated(r)?;
            Ok(Self {
                version,
                originator,
                recipients,
                mac_algorithm,
                digest_algorithm,
                content_type,
                content,
                authenticated_attributes: Attributes::optional(r, 2, limits)?,
                mac: r.octet_string()?.bytes()?,
                unauthenticated_attributes: Attributes::optional(r, 3, limits)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Tag;
    use crate::asn1::oid;
    use crate::cms;
    use crate::cms::Layer;
    use crate::cms::build;
    use crate::cms::build::Form;

    const ALGORITHM: AlgorithmIdentifier<'static> = AlgorithmIdentifier {
        oid: oid::SHA256,
        parameters: None,
    };
    const FORMS: [Form; 2] = [Form::Der, Form::Ber { chunk_bytes: 3 }];

    fn layer(message: &[u8]) -> Layer<'_> {
        cms::read(message, &Limits::default()).unwrap().layer
    }

    #[test]
    fn digested_encrypted_and_compressed_data_are_read_as_they_were_built() {
        for form in FORMS {
            let content = build::Content::Octets(b"content");
            let digested = build::digested_data(ALGORITHM, oid::DATA, content, &[1, 2], form);
            let Layer::Digested(read) = layer(&digested) else {
                panic!("{form:?}")
            };
            assert_eq!(*read.digest, [1, 2]);
            assert_eq!(&*read.content.unwrap().bytes().unwrap(), b"content");

            let encrypted = build::encrypted_data(oid::DATA, ALGORITHM, b"ciphertext", form);
            let Layer::Encrypted(read) = layer(&encrypted) else {
                panic!("{form:?}")
            };
            let ciphertext = read.content.ciphertext.unwrap().bytes().unwrap();
            assert_eq!(&*ciphertext, b"ciphertext");

            let compressed = build::compressed_data(oid::SIGNED_DATA, b"zlib", form);
            let Layer::Compressed(read) = layer(&compressed) else {
                panic!("{form:?}")
            };
            assert_eq!(read.algorithm.oid, oid::ZLIB_COMPRESS);
            assert_eq!(read.content_type, oid::SIGNED_DATA);
            assert_eq!(&*read.content.unwrap().bytes().unwrap(), b"zlib");
        }
    }

    #[test]
    fn authenticated_data_is_read() {
        let message = build::content_info(oid::AUTHENTICATED_DATA, Form::Der, |w| {
            w.sequence(|w| {
                w.small_integer(0);
                w.set_of(vec![vec![0xa4, 5, 6, 1, 0x2a, 5, 0]]);
                w.algorithm(oid::HMAC_SHA256, None);
                w.constructed(Tag::context_constructed(1), |w| w.oid(oid::SHA256));
                w.sequence(|w| {
                    w.oid(oid::DATA);
                    w.explicit(0, |w| w.octet_string(b"content"));
                });
                build::AttributeList::new().message_digest(&[1]).write(w, 2);
                w.octet_string(&[7; 32]);
            });
        });
        let Layer::Authenticated(read) = layer(&message) else {
            panic!("another layer")
        };
        assert_eq!(read.recipients.len(), 1);
        assert_eq!(read.mac_algorithm.oid, oid::HMAC_SHA256);
        assert_eq!(read.digest_algorithm, Some(ALGORITHM));
        assert_eq!(&*read.content.unwrap().bytes().unwrap(), b"content");
        assert_eq!(read.authenticated_attributes.unwrap().count(), 1);
        assert_eq!(*read.mac, [7; 32]);
    }
}
