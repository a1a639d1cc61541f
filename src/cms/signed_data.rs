//! `SignedData` (RFC 5652 §5.1).

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::cms::carried::Carried;
use crate::cms::content;
use crate::cms::content::Content;
use crate::cms::list;
use crate::cms::signer_info::SignerInfo;
use crate::limits::Limits;

/// `SignedData` (RFC 5652 §5.1; PKCS#7 v1.5 §9.1).
#[derive(Clone, Debug)]
pub struct SignedData<'a> {
    /// 1, 3, 4 or 5; others are read too.
    pub version: u64,
    /// The digest algorithms announced for one pass over the content. Signers may use others.
    pub digest_algorithms: DigestAlgorithms<'a>,
    /// `eContentType`: what the signed content is.
    pub content_type: Oid<'a>,
    /// `eContent`; None where the content is detached, or where there is none.
    pub content: Option<Content<'a>>,
    /// Certificates and revocation information.
    pub carried: Carried<'a>,
    /// The signers in the order of the message. Empty in a certs-only message, and in an attack.
    pub signers: Vec<SignerInfo<'a>>,
}

impl<'a> SignedData<'a> {
    /// `SignedData` (RFC 5652 §5.1).
    ///
    /// # Errors
    /// Where the next element is none, or has more certificates, CRLs, signers or attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            let version = r.small_integer()?;
            let digest_algorithms = DigestAlgorithms::read(r)?;
            let (content_type, content) = content::encapsulated(r)?;
            let carried = Carried::read(r, limits)?;
            let signers = list::read(&r.expect(Tag::SET)?, limits.signers, |r| {
                SignerInfo::read(r, limits)
            })?;
            Ok(Self {
                version,
                digest_algorithms,
                content_type,
                content,
                carried,
                signers,
            })
        })
    }
}

/// `DigestAlgorithmIdentifiers` (RFC 5652 §5.1), known to be in order and read again when asked.
#[derive(Clone, Copy, Debug)]
pub struct DigestAlgorithms<'a> {
    inside: Reader<'a>,
}

impl<'a> DigestAlgorithms<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let inside = r.expect(Tag::SET)?.reader()?;
        let mut copy = inside;
        while !copy.is_empty() {
            AlgorithmIdentifier::read(&mut copy)?;
        }
        Ok(Self { inside })
    }

    /// The algorithms in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = AlgorithmIdentifier<'a>> + use<'a> {
        let mut inside = self.inside;
        std::iter::from_fn(move || AlgorithmIdentifier::read(&mut inside).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::BerErrorKind;
    use crate::asn1::Integer;
    use crate::asn1::Writer;
    use crate::asn1::oid;
    use crate::cms;
    use crate::cms::Layer;
    use crate::cms::build;
    use crate::cms::build::AttributeList;
    use crate::cms::build::Form;
    use crate::cms::identifier::EntityIdentifier;
    use crate::cms::identifier::IssuerAndSerial;

    const NAME: &[u8] = &[0x30, 0];
    const SHA256: AlgorithmIdentifier<'static> = AlgorithmIdentifier {
        oid: oid::SHA256,
        parameters: None,
    };
    const RSA: AlgorithmIdentifier<'static> = AlgorithmIdentifier {
        oid: oid::RSA_ENCRYPTION,
        parameters: Some(&[5, 0]),
    };
    const FORMS: [Form; 3] = [
        Form::Der,
        Form::Ber { chunk_bytes: 1 },
        Form::Ber { chunk_bytes: 1000 },
    ];

    fn signer(sid: EntityIdentifier<'static>) -> build::Signer<'static> {
        build::Signer {
            sid,
            digest_algorithm: SHA256,
            signed_attributes: Some(
                AttributeList::new()
                    .content_type(oid::DATA)
                    .message_digest(&[7; 32]),
            ),
            signature_algorithm: RSA,
            signature: vec![1, 2, 3],
            unsigned_attributes: AttributeList::new(),
        }
    }

    fn by_serial() -> build::Signer<'static> {
        signer(EntityIdentifier::IssuerAndSerial(IssuerAndSerial {
            issuer: NAME,
            serial: Integer(&[5]),
        }))
    }

    fn by_key() -> build::Signer<'static> {
        signer(EntityIdentifier::SubjectKeyIdentifier((&[9; 20]).into()))
    }

    fn read<'a>(message: &'a [u8], limits: &Limits) -> Result<SignedData<'a>, BerError> {
        match cms::read(message, limits)?.layer {
            Layer::Signed(signed) => Ok(signed),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_built_is_read_back() {
        for form in FORMS {
            let built = build::SignedData {
                certificates: vec![&[0x30, 1, 0xff], &[0xa3, 0], &[0xa2, 0]],
                crls: vec![&[0x30, 2, 4, 9], &[0xa1, 3, 6, 1, 0x2a]],
                signers: vec![by_serial(), by_key()],
                form,
                ..build::SignedData::new(build::Content::Octets(b"the content"))
            };
            let good = build::SignedData {
                crls: vec![&[0x30, 2, 4, 9], &[0xa1, 5, 6, 1, 0x2a, 5, 0]],
                ..built.clone()
            };
            let limits = Limits::default();
            assert!(
                read(&built.encode(), &limits).is_err(),
                "revocation information without a value"
            );
            let message = good.encode();
            let signed = read(&message, &limits).unwrap();
            assert_eq!(signed.version, 5);
            assert_eq!(signed.content_type, oid::DATA);
            let content = signed.content.unwrap();
            assert_eq!(&*content.bytes().unwrap(), b"the content");
            // Damaged inside, and raw all the same: whether it is a certificate is not this module's question.
            assert_eq!(signed.carried.certificates, [&[0x30, 1, 0xff]]);
            assert_eq!(signed.carried.other_certificates, 2);
            assert_eq!(signed.carried.crls, [&[0x30, 2, 4, 9]]);
            assert_eq!(signed.carried.other_revocations, 1);
            let digests: Vec<_> = signed.digest_algorithms.iter().collect();
            assert_eq!(digests, [SHA256]);
            let mut sids: Vec<_> = signed.signers.iter().map(|s| s.sid.clone()).collect();
            sids.sort_by_key(|sid| matches!(sid, EntityIdentifier::SubjectKeyIdentifier(_)));
            assert_eq!(sids, [by_serial().sid, by_key().sid]);
            for signer in &signed.signers {
                assert_eq!(*signer.signature, [1, 2, 3]);
                assert_eq!(signer.signature_algorithm, RSA);
                let attributes = signer.signed_attributes.unwrap();
                assert_eq!(attributes.message_digest().unwrap().unwrap(), vec![7; 32]);
                assert_eq!(
                    attributes.to_digest().to_vec(),
                    by_key().signed_attributes.unwrap().to_be_signed()
                );
                assert!(signer.unsigned_attributes.is_none());
            }
        }
    }

    #[test]
    fn ocsp_responses_are_told_from_other_revocation_information() {
        let response = [0x30, 3, 10, 1, 0];
        let choice = Writer::encode(|w| {
            w.explicit(1, |w| {
                w.oid(oid::OTHER_REVOCATION_OCSP);
                w.raw(&response);
            });
        });
        let message = build::SignedData {
            crls: vec![&choice],
            ..build::SignedData::certs_only(vec![])
        }
        .encode();
        let signed = read(&message, &Limits::default()).unwrap();
        assert_eq!(signed.carried.ocsp_responses, [response]);
        assert_eq!(signed.carried.other_revocations, 0);
    }

    #[test]
    fn old_content_of_another_type_is_digested_without_its_tag_and_length() {
        for form in FORMS {
            let message = build::SignedData {
                content_type: oid::TST_INFO,
                form,
                ..build::SignedData::new(build::Content::Element(&[0x30, 3, 2, 1, 5]))
            }
            .encode();
            let signed = read(&message, &Limits::default()).unwrap();
            let content = signed.content.unwrap();
            assert_eq!(&*content.bytes().unwrap(), &[2, 1, 5]);
            assert!(matches!(content, Content::Element { raw, .. } if raw.len() == 5));
        }
    }

    #[test]
    fn no_content_and_empty_content_differ() {
        for (content, expected) in [
            (build::Content::Detached, None),
            (build::Content::Octets(b""), Some(vec![])),
        ] {
            for form in FORMS {
                let message = build::SignedData {
                    form,
                    ..build::SignedData::new(content)
                }
                .encode();
                let signed = read(&message, &Limits::default()).unwrap();
                let seen = signed.content.map(|c| c.bytes().unwrap().into_owned());
                assert_eq!(seen, expected);
            }
        }
    }

    #[test]
    fn each_list_has_its_limit() {
        let limits = Limits::default();
        let message = |certificates, crls, signers| {
            build::SignedData {
                certificates: vec![&[0x30, 0]; certificates],
                crls: vec![&[0x30, 0]; crls],
                signers: vec![by_key(); signers],
                ..build::SignedData::new(build::Content::Detached)
            }
            .encode()
        };
        let most = message(limits.certificates, limits.crls, limits.signers);
        let signed = read(&most, &limits).unwrap();
        assert_eq!(signed.carried.certificates.len(), limits.certificates);
        assert_eq!(signed.signers.len(), limits.signers);
        for (certificates, crls, signers) in [
            (limits.certificates + 1, 0, 0),
            (0, limits.crls + 1, 0),
            (0, 0, limits.signers + 1),
            (100_000, 0, 0),
        ] {
            let error = read(&message(certificates, crls, signers), &limits).unwrap_err();
            assert_eq!(error.kind, BerErrorKind::TooMany);
        }
    }

    #[test]
    fn a_damaged_signer_makes_the_message_unreadable() {
        let mut message = build::SignedData {
            certificates: vec![&[0x30, 0]],
            signers: vec![by_key()],
            ..build::SignedData::new(build::Content::Detached)
        }
        .encode();
        let last = message.len() - 1;
        message[last - 3] = 0x05; // the signature's tag
        assert!(read(&message, &Limits::default()).is_err());
    }

    #[test]
    fn damaged_chunks_make_the_message_unreadable() {
        let message = build::content_info(oid::SIGNED_DATA, Form::Der, |w| {
            w.sequence(|w| {
                w.small_integer(1);
                w.set_of(vec![]);
                w.sequence(|w| {
                    w.oid(oid::DATA);
                    w.explicit(0, |w| w.raw(&[0x24, 3, 2, 1, 5]));
                });
                w.set_of(vec![]);
            });
        });
        let error = read(&message, &Limits::default()).unwrap_err();
        assert_eq!(error.kind, BerErrorKind::UnexpectedTag);
    }
}
