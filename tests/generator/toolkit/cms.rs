//! Signed CMS in one call: who signs, how, and what is carried.

use mailseal::asn1::AlgorithmIdentifier;
use mailseal::asn1::Integer;
use mailseal::asn1::Oid;
use mailseal::asn1::Reader;
use mailseal::asn1::Time;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::asn1::time::TimeForm;
use mailseal::cms::build;
use mailseal::cms::build::AttributeList;
use mailseal::cms::build::Content;
use mailseal::cms::build::Form;
use mailseal::cms::build::timestamp::tst_info;
use mailseal::cms::timestamp::TstInfo;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::digest::digest;
use mailseal::crypto::signature_scheme::SignatureScheme;

use crate::toolkit::certificates::Holder;
use crate::toolkit::keys;

/// What streaming mail programs write.
pub const BER: Form = Form::Ber { chunk_bytes: 1000 };

/// Which attributes are signed.
#[derive(Clone)]
pub enum Attributes {
    /// contentType, messageDigest, signingTime (where there is one) and what was added.
    Standard,
    /// None: the content itself is signed.
    Absent,
    /// These, whatever they are.
    Exactly(AttributeList),
}

type Edit<'a> = Box<dyn Fn(AttributeList) -> AttributeList + 'a>;
type Finish<'a> = Box<dyn Fn(&[u8]) -> AttributeList + 'a>;

/// One signer to be.
pub struct Sign<'a> {
    holder: &'a Holder,
    scheme: SignatureScheme,
    digest: DigestAlgorithm,
    attributes: Attributes,
    time: Option<Time>,
    by_key: bool,
    edit: Option<Edit<'a>>,
    unsigned: Option<Finish<'a>>,
    signature_algorithm: Option<Vec<u8>>,
    digest_algorithm: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    damaged: bool,
    digest_of: Option<Vec<u8>>,
}

impl<'a> Sign<'a> {
    /// By issuer and serial number, with the key's usual scheme, signed attributes and no signing time.
    pub fn by(holder: &'a Holder) -> Self {
        let scheme = keys::scheme(holder.key());
        Self {
            holder,
            scheme,
            digest: scheme.cms_digest(),
            attributes: Attributes::Standard,
            time: None,
            by_key: false,
            edit: None,
            unsigned: None,
            signature_algorithm: None,
            digest_algorithm: None,
            value: None,
            damaged: false,
            digest_of: None,
        }
    }

    /// With this scheme, and its digest over the content.
    pub fn scheme(mut self, scheme: SignatureScheme) -> Self {
        self.scheme = scheme;
        self.digest = scheme.cms_digest();
        self
    }

    /// Another digest over the content than the scheme's.
    pub fn digest(mut self, digest: DigestAlgorithm) -> Self {
        self.digest = digest;
        self
    }

    /// signingTime.
    pub fn at(mut self, time: Time) -> Self {
        self.time = Some(time);
        self
    }

    /// Names the signer by subject key identifier.
    pub fn by_key_identifier(mut self) -> Self {
        self.by_key = true;
        self
    }

    pub fn without_attributes(mut self) -> Self {
        self.attributes = Attributes::Absent;
        self
    }

    /// Signs these attributes and no others.
    pub fn exactly(mut self, attributes: AttributeList) -> Self {
        self.attributes = Attributes::Exactly(attributes);
        self
    }

    /// Adds to the standard attributes, or does to them what it likes.
    pub fn edit(mut self, edit: impl Fn(AttributeList) -> AttributeList + 'a) -> Self {
        self.edit = Some(Box::new(edit));
        self
    }

    /// Unsigned attributes, made from the signature value: countersignatures, timestamps.
    pub fn unsigned(mut self, finish: impl Fn(&[u8]) -> AttributeList + 'a) -> Self {
        self.unsigned = Some(Box::new(finish));
        self
    }

    /// A countersignature over the signature value (RFC 5652 §11.4), without a contentType attribute.
    pub fn countersigned_by(self, other: &'a Holder) -> Self {
        self.unsigned(move |value| {
            AttributeList::new().countersignature(&countersignature(other, value))
        })
    }

    /// A timestamp token over the signature value.
    pub fn timestamped_by(self, authority: &'a Holder, at: Time) -> Self {
        self.unsigned(move |value| {
            AttributeList::new().time_stamp_token(&timestamp_token(authority, value, at))
        })
    }

    /// The signatureAlgorithm that stands there, whatever signed.
    pub fn announced_as(mut self, oid: Oid<'_>, parameters: Option<&[u8]>) -> Self {
        self.signature_algorithm = Some(Writer::encode(|w| w.algorithm(oid, parameters)));
        self
    }

    /// The digestAlgorithm that stands there, whatever digested.
    pub fn digest_announced_as(mut self, oid: Oid<'_>, parameters: Option<&[u8]>) -> Self {
        self.digest_algorithm = Some(Writer::encode(|w| w.algorithm(oid, parameters)));
        self
    }

    /// This signature value.
    pub fn value(mut self, value: &[u8]) -> Self {
        self.value = Some(value.to_vec());
        self
    }

    /// Flips a bit of the signature value.
    pub fn damaged(mut self) -> Self {
        self.damaged = true;
        self
    }

    /// Signs another content than the one that is sent.
    pub fn over(mut self, content: &[u8]) -> Self {
        self.digest_of = Some(content.to_vec());
        self
    }

    /// contentType, messageDigest and signingTime as this signer would sign them.
    pub fn standard(&self, content_type: Oid<'_>, content: &[u8]) -> AttributeList {
        let value = digest(self.digest, &[content]).unwrap();
        let list = AttributeList::new()
            .content_type(content_type)
            .message_digest(value.as_bytes());
        match self.time {
            Some(time) => list.signing_time(time),
            None => list,
        }
    }

    /// The encoded `SignerInfo`.
    pub fn signer_info(&self, content_type: Oid<'_>, content: &[u8]) -> Vec<u8> {
        let algorithms = self.algorithms();
        self.signer(&algorithms, content_type, content).encode()
    }

    fn algorithms(&self) -> [Vec<u8>; 2] {
        let digest = Writer::encode(|w| self.digest.write_algorithm(w));
        let signature = self.signature_algorithm.clone();
        [
            self.digest_algorithm.clone().unwrap_or(digest),
            signature.unwrap_or_else(|| self.scheme.cms_algorithm().unwrap()),
        ]
    }

    fn signer<'s>(
        &'s self,
        algorithms: &'s [Vec<u8>; 2],
        content_type: Oid<'_>,
        content: &[u8],
    ) -> build::Signer<'s> {
        let content = self.digest_of.as_deref().unwrap_or(content);
        let attributes = match &self.attributes {
            Attributes::Standard => Some(self.standard(content_type, content)),
            Attributes::Absent => None,
            Attributes::Exactly(list) => Some(list.clone()),
        };
        let attributes = match &self.edit {
            Some(edit) => attributes.map(edit),
            None => attributes,
        };
        let signer = build::Signer {
            sid: if self.by_key {
                self.holder.by_key()
            } else {
                self.holder.by_serial()
            },
            digest_algorithm: read_algorithm(&algorithms[0]),
            signed_attributes: attributes,
            signature_algorithm: read_algorithm(&algorithms[1]),
            signature: Vec::new(),
            unsigned_attributes: AttributeList::new(),
        };
        let mut signer = signer
            .sign(content, |bytes| {
                Ok::<_, ()>(match &self.value {
                    Some(value) => value.clone(),
                    None => keys::signature(&self.scheme, self.holder.key(), bytes),
                })
            })
            .unwrap();
        if self.damaged
            && let Some(last) = signer.signature.last_mut()
        {
            *last ^= 1;
        }
        if let Some(finish) = &self.unsigned {
            signer.unsigned_attributes = finish(&signer.signature);
        }
        signer
    }
}

/// An encoded `AlgorithmIdentifier`, read.
pub fn read_algorithm(der: &[u8]) -> AlgorithmIdentifier<'_> {
    AlgorithmIdentifier::read(&mut Reader::new(der)).unwrap()
}

/// A SignedData to be.
pub struct Signed<'a> {
    pub content: &'a [u8],
    pub detached: bool,
    pub content_type: Oid<'a>,
    /// In place of what the flag `detached` says.
    pub carried: Option<Content<'a>>,
    pub signers: Vec<Sign<'a>>,
    pub certificates: Vec<Vec<u8>>,
    pub crls: Vec<Vec<u8>>,
    pub form: Form,
}

impl<'a> Signed<'a> {
    /// Detached, without certificates, in DER.
    pub fn detached(content: &'a [u8]) -> Self {
        Self {
            content,
            detached: true,
            content_type: oid::DATA,
            carried: None,
            signers: Vec::new(),
            certificates: Vec::new(),
            crls: Vec::new(),
            form: Form::Der,
        }
    }

    /// With the content inside.
    pub fn opaque(content: &'a [u8]) -> Self {
        Self {
            detached: false,
            ..Self::detached(content)
        }
    }

    /// A signer; his certificate and chain are carried.
    pub fn signer(mut self, sign: Sign<'a>) -> Self {
        for certificate in sign.holder.certificates() {
            if !self.certificates.contains(&certificate) {
                self.certificates.push(certificate);
            }
        }
        self.signers.push(sign);
        self
    }

    /// A signer of whose certificates none is carried.
    pub fn bare_signer(mut self, sign: Sign<'a>) -> Self {
        self.signers.push(sign);
        self
    }

    pub fn certificate(mut self, certificate: &[u8]) -> Self {
        self.certificates.push(certificate.to_vec());
        self
    }

    pub fn crl(mut self, crl: &[u8]) -> Self {
        self.crls.push(crl.to_vec());
        self
    }

    pub fn content_type(mut self, content_type: Oid<'a>) -> Self {
        self.content_type = content_type;
        self
    }

    /// This eContent, whatever was signed.
    pub fn carrying(mut self, content: Content<'a>) -> Self {
        self.carried = Some(content);
        self
    }

    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// The ContentInfo.
    pub fn encode(&self) -> Vec<u8> {
        let content = match (self.carried, self.detached) {
            (Some(carried), _) => carried,
            (None, true) => Content::Detached,
            (None, false) => Content::Octets(self.content),
        };
        let algorithms: Vec<_> = self.signers.iter().map(Sign::algorithms).collect();
        let pairs = self.signers.iter().zip(&algorithms);
        let data = build::SignedData {
            content_type: self.content_type,
            certificates: self.certificates.iter().map(Vec::as_slice).collect(),
            crls: self.crls.iter().map(Vec::as_slice).collect(),
            signers: pairs
                .map(|(sign, algorithms)| sign.signer(algorithms, self.content_type, self.content))
                .collect(),
            form: self.form,
            ..build::SignedData::new(content)
        };
        data.encode()
    }
}

/// The usual: detached, one signer, his chain carried.
pub fn signed_by(holder: &Holder, content: &[u8], at: Time) -> Vec<u8> {
    Signed::detached(content)
        .signer(Sign::by(holder).at(at))
        .encode()
}

/// Certificates and nothing else.
pub fn certs_only(certificates: &[Vec<u8>]) -> Vec<u8> {
    build::SignedData::certs_only(certificates.iter().map(Vec::as_slice).collect()).encode()
}

/// A countersignature over a signature value, by somebody who signs messageDigest alone.
pub fn countersignature(holder: &Holder, value: &[u8]) -> Vec<u8> {
    let sign = Sign::by(holder);
    let digest = digest(sign.digest, &[value]).unwrap();
    let attributes = AttributeList::new().message_digest(digest.as_bytes());
    sign.exactly(attributes).signer_info(oid::DATA, value)
}

/// A timestamp token (RFC 3161 §2.4.2) over `stamped`, the authority's certificates included.
pub fn timestamp_token(authority: &Holder, stamped: &[u8], at: Time) -> Vec<u8> {
    let imprint = digest(DigestAlgorithm::Sha256, &[stamped]).unwrap();
    token_with_imprint(authority, imprint.as_bytes(), at)
}

/// The same with any SHA-256 imprint.
pub fn token_with_imprint(authority: &Holder, imprint: &[u8], at: Time) -> Vec<u8> {
    let certificate_hash = authority.sha256();
    let sign = Sign::by(authority).edit(|list| {
        let algorithm = Writer::encode(|w| DigestAlgorithm::Sha256.write_algorithm(w));
        list.signing_certificate_v2(read_algorithm(&algorithm), &certificate_hash, None)
    });
    token_by(sign, imprint, at)
}

/// The same with a SHA-256 imprint and whatever signed attributes the signer has: by itself none that names its certificate.
pub fn token_by(sign: Sign<'_>, imprint: &[u8], at: Time) -> Vec<u8> {
    let algorithm = Writer::encode(|w| DigestAlgorithm::Sha256.write_algorithm(w));
    let info = tst_info(&TstInfo {
        version: 1,
        policy: oid::ANY_POLICY,
        imprint_algorithm: read_algorithm(&algorithm),
        imprint: imprint.into(),
        serial: Integer(&[1]),
        time: (at, TimeForm::Der),
        accuracy: None,
        ordering: false,
        nonce: None,
        tsa: None,
        extensions: None,
    });
    Signed::opaque(&info)
        .content_type(oid::TST_INFO)
        .signer(sign)
        .encode()
}
