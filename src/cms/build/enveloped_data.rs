//! `EnvelopedData` and `AuthEnvelopedData`, written (RFC 5652 §6.1; RFC 5083 §2.1).

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::cms::build::AttributeList;
use crate::cms::build::Form;
use crate::cms::build::content_info;
use crate::cms::build::encrypted;
use crate::cms::build::recipient_info;
use crate::cms::identifier::EntityIdentifier;
use crate::cms::recipient_info::Recipient;

/// `EnvelopedData` (RFC 5652 §6.1) around octets that are encrypted already.
#[derive(Clone, Debug)]
pub struct EnvelopedData<'a> {
    /// The sender's certificates, encoded; no `originatorInfo` where there are none.
    pub originator_certificates: Vec<&'a [u8]>,
    /// Who can open it.
    pub recipients: Vec<Recipient<'a>>,
    /// What the plaintext is.
    pub content_type: Oid<'a>,
    /// The cipher and its parameters.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The ciphertext; None leaves it out.
    pub ciphertext: Option<&'a [u8]>,
    /// Attributes that nothing protects.
    pub unprotected_attributes: AttributeList,
    /// DER or BER.
    pub form: Form,
}

impl<'a> EnvelopedData<'a> {
    /// Plaintext of type id-data, nothing optional, in DER.
    #[must_use]
    pub fn new(
        recipients: Vec<Recipient<'a>>,
        algorithm: AlgorithmIdentifier<'a>,
        ciphertext: &'a [u8],
    ) -> Self {
        Self {
            originator_certificates: Vec::new(),
            recipients,
            content_type: oid::DATA,
            algorithm,
            ciphertext: Some(ciphertext),
            unprotected_attributes: AttributeList::new(),
            form: Form::Der,
        }
    }

    /// The message, `ContentInfo` included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let form = self.form;
        content_info(oid::ENVELOPED_DATA, form, |w| {
            form.constructed(w, Tag::SEQUENCE, |w| {
                w.small_integer(self.version());
                originator(w, form, &self.originator_certificates);
                form.set(w, Tag::SET, encode_all(&self.recipients));
                encrypted(w, form, self.content_type, self.algorithm, self.ciphertext);
                optional(w, 1, &self.unprotected_attributes);
            });
        })
    }

    /// RFC 5652 §6.1.
    fn version(&self) -> u64 {
        let by_password_or_other = self.recipients.iter().any(|recipient| {
            matches!(
                recipient,
                Recipient::Password(_) | Recipient::Kem(_) | Recipient::Other { .. }
            )
        });
        let plain = self.recipients.iter().all(|recipient| {
            matches!(recipient, Recipient::KeyTransport(transport)
                if matches!(transport.rid, EntityIdentifier::IssuerAndSerial(_)))
        });
        if by_password_or_other {
            3
        } else if plain
            && self.originator_certificates.is_empty()
            && self.unprotected_attributes.is_empty()
        {
            0
        } else {
            2
        }
    }
}

/// `AuthEnvelopedData` (RFC 5083 §2.1) around octets that are encrypted already.
#[derive(Clone, Debug)]
pub struct AuthEnvelopedData<'a> {
    /// The sender's certificates, encoded; no `originatorInfo` where there are none.
    pub originator_certificates: Vec<&'a [u8]>,
    /// Who can open it.
    pub recipients: Vec<Recipient<'a>>,
    /// What the plaintext is.
    pub content_type: Oid<'a>,
    /// The cipher and its parameters.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The ciphertext; None leaves it out.
    pub ciphertext: Option<&'a [u8]>,
    /// What the tag covers beside the content: the additional authenticated data is [`AttributeList::to_be_signed`] of them, or
    /// nothing where there are none (RFC 5083 §2.2).
    pub authenticated_attributes: AttributeList,
    /// The tag.
    pub mac: &'a [u8],
    /// Attributes that nothing protects.
    pub unauthenticated_attributes: AttributeList,
    /// DER or BER.
    pub form: Form,
}

impl<'a> AuthEnvelopedData<'a> {
    /// Plaintext of type id-data, nothing optional, in DER.
    #[must_use]
    pub fn new(
        recipients: Vec<Recipient<'a>>,
        algorithm: AlgorithmIdentifier<'a>,
        ciphertext: &'a [u8],
        mac: &'a [u8],
    ) -> Self {
        Self {
            originator_certificates: Vec::new(),
            recipients,
            content_type: oid::DATA,
            algorithm,
            ciphertext: Some(ciphertext),
            authenticated_attributes: AttributeList::new(),
            mac,
            unauthenticated_attributes: AttributeList::new(),
            form: Form::Der,
        }
    }

    /// The message, `ContentInfo` included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let form = self.form;
        content_info(oid::AUTH_ENVELOPED_DATA, form, |w| {
            form.constructed(w, Tag::SEQUENCE, |w| {
                w.small_integer(0);
                originator(w, form, &self.originator_certificates);
                form.set(w, Tag::SET, encode_all(&self.recipients));
                encrypted(w, form, self.content_type, self.algorithm, self.ciphertext);
                optional(w, 1, &self.authenticated_attributes);
                w.octet_string(self.mac);
                optional(w, 2, &self.unauthenticated_attributes);
            });
        })
    }
}

fn originator(w: &mut Writer, form: Form, certificates: &[&[u8]]) {
    if certificates.is_empty() {
        return;
    }
    form.constructed(w, Tag::context_constructed(0), |w| {
        let elements = certificates.iter().map(|c| c.to_vec()).collect();
        form.set(w, Tag::context_constructed(0), elements);
    });
}

fn encode_all(recipients: &[Recipient<'_>]) -> Vec<Vec<u8>> {
    recipients
        .iter()
        .map(|recipient| Writer::encode(|w| recipient_info::write(w, recipient)))
        .collect()
}

fn optional(w: &mut Writer, number: u32, attributes: &AttributeList) {
    if !attributes.is_empty() {
        attributes.write(w, number);
    }
}
