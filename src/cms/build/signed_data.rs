//! `SignedData`, written (RFC 5652 §5).

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::cms::build::AttributeList;
use crate::cms::build::Form;
use crate::cms::build::content_info;
use crate::cms::build::encapsulated;
use crate::cms::build::recipient_info::write_identifier;
use crate::cms::identifier::EntityIdentifier;

/// What `eContent` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Nothing: the content is elsewhere, or there is none.
    Detached,
    /// These octets, in an OCTET STRING.
    Octets(&'a [u8]),
    /// This encoded element, as PKCS#7 v1.5 allowed (RFC 5652 §5.2.1).
    Element(&'a [u8]),
}

/// `SignedData` (RFC 5652 §5.1). Whether content and signers fit together is the caller's.
#[derive(Clone, Debug)]
pub struct SignedData<'a> {
    /// The version; None for the one that RFC 5652 §5.1 demands.
    pub version: Option<u64>,
    /// The announced digest algorithms; None for those of the signers, each once.
    pub digest_algorithms: Option<Vec<AlgorithmIdentifier<'a>>>,
    /// `eContentType`.
    pub content_type: Oid<'a>,
    /// `eContent`.
    pub content: Content<'a>,
    /// Encoded `CertificateChoices`.
    pub certificates: Vec<&'a [u8]>,
    /// The certificates are written in the order given, which SET OF allows outside of DER: some readers take the first for the signer's.
    pub keeps_order: bool,
    /// Encoded `RevocationInfoChoice`s.
    pub crls: Vec<&'a [u8]>,
    /// The signers.
    pub signers: Vec<Signer<'a>>,
    /// DER or BER.
    pub form: Form,
}

impl<'a> SignedData<'a> {
    /// Content of type id-data, without certificate and signer, in DER.
    #[must_use]
    pub fn new(content: Content<'a>) -> Self {
        Self {
            version: None,
            digest_algorithms: None,
            content_type: oid::DATA,
            content,
            certificates: Vec::new(),
            keeps_order: false,
            crls: Vec::new(),
            signers: Vec::new(),
            form: Form::Der,
        }
    }

    /// Certificates and nothing else (RFC 8551 §3.8).
    #[must_use]
    pub fn certs_only(certificates: Vec<&'a [u8]>) -> Self {
        Self {
            certificates,
            ..Self::new(Content::Detached)
        }
    }

    /// The message, `ContentInfo` included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let form = self.form;
        content_info(oid::SIGNED_DATA, form, |w| {
            form.constructed(w, Tag::SEQUENCE, |w| self.write_fields(w));
        })
    }

    fn write_fields(&self, w: &mut Writer) {
        let form = self.form;
        w.small_integer(self.version.unwrap_or_else(|| self.demanded_version()));
        form.set(w, Tag::SET, self.encoded_digest_algorithms());
        encapsulated(w, form, self.content_type, self.content);
        for (number, set) in [(0, &self.certificates), (1, &self.crls)] {
            if !set.is_empty() {
                let tag = Tag::context_constructed(number);
                if self.keeps_order && number == 0 {
                    form.constructed(w, tag, |w| w.raw(&set.concat()));
                    continue;
                }
                let elements = set.iter().map(|element| element.to_vec()).collect();
                form.set(w, tag, elements);
            }
        }
        let signers = self.signers.iter().map(Signer::encode).collect();
        form.set(w, Tag::SET, signers);
    }

    fn encoded_digest_algorithms(&self) -> Vec<Vec<u8>> {
        let encode =
            |a: AlgorithmIdentifier<'_>| Writer::encode(|w| w.algorithm(a.oid, a.parameters));
        match &self.digest_algorithms {
            Some(algorithms) => algorithms.iter().copied().map(encode).collect(),
            None => {
                let mut all: Vec<Vec<u8>> = Vec::new();
                for signer in &self.signers {
                    let algorithm = encode(signer.digest_algorithm);
                    if !all.contains(&algorithm) {
                        all.push(algorithm);
                    }
                }
                all
            }
        }
    }

    /// RFC 5652 §5.1.
    fn demanded_version(&self) -> u64 {
        let has =
            |set: &[&[u8]], lead: u8| set.iter().any(|element| element.first() == Some(&lead));
        if has(&self.certificates, 0xa3) || has(&self.crls, 0xa1) {
            5
        } else if has(&self.certificates, 0xa2) {
            4
        } else if has(&self.certificates, 0xa1)
            || self.content_type != oid::DATA
            || self.signers.iter().any(|signer| signer.version() == 3)
        {
            3
        } else {
            1
        }
    }
}

/// `SignerInfo` (RFC 5652 §5.3), a countersignature too.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    /// Whose certificate verifies the signature.
    pub sid: EntityIdentifier<'a>,
    /// The digest over the content.
    pub digest_algorithm: AlgorithmIdentifier<'a>,
    /// None to sign the content itself.
    pub signed_attributes: Option<AttributeList>,
    /// The signature algorithm.
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The signature value: [`Signer::sign`] fills it.
    pub signature: Vec<u8>,
    /// What is added once the signature is there: countersignatures, timestamps.
    pub unsigned_attributes: AttributeList,
}

impl Signer<'_> {
    /// Has `sign` sign what must be signed: the signed attributes, or `content` where there are none (RFC 5652 §5.4).
    ///
    /// # Errors
    /// What `sign` fails with.
    pub fn sign<E>(
        mut self,
        content: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        self.signature = match &self.signed_attributes {
            Some(attributes) => sign(&attributes.to_be_signed())?,
            None => sign(content)?,
        };
        Ok(self)
    }

    /// The encoded `SignerInfo`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.small_integer(self.version());
                write_identifier(w, &self.sid);
                w.algorithm(self.digest_algorithm.oid, self.digest_algorithm.parameters);
                if let Some(attributes) = &self.signed_attributes {
                    attributes.write(w, 0);
                }
                w.algorithm(
                    self.signature_algorithm.oid,
                    self.signature_algorithm.parameters,
                );
                w.octet_string(&self.signature);
                if !self.unsigned_attributes.is_empty() {
                    self.unsigned_attributes.write(w, 1);
                }
            });
        })
    }

    /// RFC 5652 §5.3.
    fn version(&self) -> u64 {
        match self.sid {
            EntityIdentifier::IssuerAndSerial(_) => 1,
            EntityIdentifier::SubjectKeyIdentifier(_) => 3,
        }
    }
}
