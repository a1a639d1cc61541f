//! `EnvelopedData` (RFC 5652 §6.1).

use crate::asn1::BerError;
use crate::asn1::Reader;
use crate::cms::attributes::Attributes;
use crate::cms::carried;
use crate::cms::carried::Carried;
use crate::cms::content::EncryptedContent;
use crate::cms::recipient_info;
use crate::cms::recipient_info::Recipient;
use crate::limits::Limits;

/// `EnvelopedData` (RFC 5652 §6.1).
#[derive(Clone, Debug)]
pub struct EnvelopedData<'a> {
    /// 0, 2, 3 or 4; others are read too.
    pub version: u64,
    /// Certificates and revocation information of the sender.
    pub originator: Option<Carried<'a>>,
    /// Who can open it. Empty only where the standard is broken.
    pub recipients: Vec<Recipient<'a>>,
    /// The content.
    pub content: EncryptedContent<'a>,
    /// Attributes that nothing protects.
    pub unprotected_attributes: Option<Attributes<'a>>,
}

impl<'a> EnvelopedData<'a> {
    /// `EnvelopedData` (RFC 5652 §6.1).
    ///
    /// # Errors
    /// Where the next element is none, or has more recipients, certificates, CRLs or attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                version: r.small_integer()?,
                originator: carried::originator(r, limits)?,
                recipients: recipient_info::read_all(r, limits)?,
                content: EncryptedContent::read(r)?,
                unprotected_attributes: Attributes::optional(r, 1, limits)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::AlgorithmIdentifier;
    use crate::asn1::oid;
    use crate::cms;
    use crate::cms::Layer;
    use crate::cms::build;
    use crate::cms::build::AttributeList;
    use crate::cms::build::Form;

    const CIPHER: AlgorithmIdentifier<'static> = AlgorithmIdentifier {
        oid: oid::AES256_GCM,
        parameters: Some(&[0x30, 0]),
    };
    const OTHER: Recipient<'static> = Recipient::Other {
        oid: oid::RECEIPT,
        value: &[5, 0],
    };
    const FORMS: [Form; 2] = [Form::Der, Form::Ber { chunk_bytes: 3 }];

    #[test]
    fn what_is_built_is_read_back() {
        for form in FORMS {
            let full = build::EnvelopedData {
                originator_certificates: vec![&[0x30, 0]],
                unprotected_attributes: AttributeList::new().values(oid::CONTENT_HINTS, &[&[5, 0]]),
                form,
                ..build::EnvelopedData::new(vec![OTHER], CIPHER, b"ciphertext")
            }
            .encode();
            let info = cms::read(&full, &Limits::default()).unwrap();
            assert_eq!(info.ber, form != Form::Der);
            let Layer::Enveloped(read) = info.layer else {
                panic!("{info:?}")
            };
            assert_eq!(read.version, 3);
            assert_eq!(read.originator.unwrap().certificates, [&[0x30, 0]]);
            assert_eq!(read.recipients, [OTHER]);
            assert_eq!(read.content.content_type, oid::DATA);
            assert_eq!(read.content.algorithm, CIPHER);
            let ciphertext = read.content.ciphertext.unwrap().bytes().unwrap();
            assert_eq!(&*ciphertext, b"ciphertext");
            assert_eq!(read.unprotected_attributes.unwrap().count(), 1);
        }
    }

    #[test]
    fn no_recipients_and_no_ciphertext_are_readable() {
        let bare = build::EnvelopedData {
            ciphertext: None,
            ..build::EnvelopedData::new(vec![], CIPHER, b"")
        }
        .encode();
        let Ok(Layer::Enveloped(read)) = cms::read(&bare, &Limits::default()).map(|i| i.layer)
        else {
            panic!("not read")
        };
        assert!(read.recipients.is_empty() && read.originator.is_none());
        assert!(read.content.ciphertext.is_none());
    }

    #[test]
    fn authenticated_attributes_give_the_additional_data() {
        for form in FORMS {
            let attributes = AttributeList::new()
                .message_digest(&[1])
                .content_type(oid::DATA)
                .in_form(form);
            let aad = attributes.to_be_signed();
            let full = build::AuthEnvelopedData {
                authenticated_attributes: attributes,
                unauthenticated_attributes: AttributeList::new()
                    .values(oid::CONTENT_HINTS, &[&[5, 0]]),
                form,
                ..build::AuthEnvelopedData::new(vec![OTHER], CIPHER, b"ciphertext", &[9; 16])
            }
            .encode();
            let info = cms::read(&full, &Limits::default()).unwrap();
            let Layer::AuthEnveloped(read) = info.layer else {
                panic!("{info:?}")
            };
            assert_eq!(read.version, 0);
            assert_eq!(*read.mac, [9; 16]);
            let authenticated = read.authenticated_attributes.unwrap();
            assert_eq!(authenticated.to_digest().to_vec(), aad);
            assert_eq!(read.unauthenticated_attributes.unwrap().count(), 1);
        }
    }
}
