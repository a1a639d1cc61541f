//! A signature over an entity, and the entity that it makes (RFC 8551 §3.5).

use crate::asn1::{AlgorithmIdentifier, Reader, Time, Writer, oid};
use crate::cms::build::{AttributeList, Content, SignedData, Signer as SignerInfo};
use crate::cms::identifier::{EntityIdentifier, IssuerAndSerial};
use crate::crypto::digest::{DigestAlgorithm, digest, sha256};
use crate::crypto::sign::sign;
use crate::crypto::signature::Signed;
use crate::error::RunError;
use crate::jobs::compose::signers::Signer;
use crate::jobs::envelope::OURS;
use crate::mime::write::base64_lines;
use crate::pki::x509::Certificate;
use crate::report::encode::hex;

/// Where the content of a signature stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Beside it: multipart/signed (RFC 8551 §3.5.3).
    #[default]
    Detached,
    /// In it: application/pkcs7-mime (RFC 8551 §3.5.2).
    Opaque,
}

/// An entity that S/MIME protects, as it stands in a message: header fields, an empty line, a body.
#[derive(Clone, Debug)]
pub struct Protected {
    /// The entity.
    pub entity: Vec<u8>,
    /// The CMS structure in it.
    pub cms: Vec<u8>,
}

/// Signs `entity`, which is in canonical form.
///
/// Equal input gives equal bytes, but for schemes with a random nonce. `at` is the signing time.
///
/// # Errors
/// `Internal` where OpenSSL refuses a key that has signed before.
pub fn signed(entity: &[u8], signer: &Signer, form: Form, at: Time) -> Result<Protected, RunError> {
    let content = match form {
        Form::Detached => Content::Detached,
        Form::Opaque => Content::Octets(entity),
    };
    let cms = signed_data(entity, content, signer, at)?;
    let entity = match form {
        Form::Detached => multipart(entity, &cms, signer.scheme.cms_digest()),
        Form::Opaque => pkcs7_mime("signed-data", &cms),
    };
    Ok(Protected { entity, cms })
}

/// An entity of application/pkcs7-mime (RFC 8551 §3.2) around a CMS structure.
#[must_use]
pub fn pkcs7_mime(smime_type: &str, cms: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "Content-Type: application/pkcs7-mime; smime-type={smime_type};\r\n name=\"smime.p7m\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n"
    )
    .into_bytes();
    out.extend_from_slice(&base64_lines(cms));
    out
}

fn multipart(entity: &[u8], cms: &[u8], algorithm: DigestAlgorithm) -> Vec<u8> {
    let boundary = boundary(entity);
    let micalg = micalg(algorithm);
    let mut out = format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n \
         micalg={micalg}; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
    )
    .into_bytes();
    out.extend_from_slice(entity);
    out.extend_from_slice(
        format!(
            "\r\n--{boundary}\r\n\
             Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(&base64_lines(cms));
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// A boundary that stands nowhere in the entity. `=_` is in no encoded line (RFC 2045 §6.7).
fn boundary(entity: &[u8]) -> String {
    let mut digest = sha256(entity);
    loop {
        let text: String = hex(&digest).chars().take(32).collect();
        let boundary = format!("=_{text}");
        if memchr::memmem::find(entity, boundary.as_bytes()).is_none() {
            return boundary;
        }
        digest = sha256(&digest);
    }
}

/// RFC 8551 §3.5.3.2; what has no name there is `unknown`.
fn micalg(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha224 => "sha-224",
        DigestAlgorithm::Sha256 => "sha-256",
        DigestAlgorithm::Sha384 => "sha-384",
        DigestAlgorithm::Sha512 => "sha-512",
        _ => "unknown",
    }
}

fn signed_data(
    entity: &[u8],
    content: Content<'_>,
    signer: &Signer,
    at: Time,
) -> Result<Vec<u8>, RunError> {
    let refused = RunError::Internal {
        what: "a key that has signed before signs no more",
    };
    let certificate = named(&signer.certificate)?;
    let (scheme, key) = (&signer.scheme, &signer.key);
    let algorithm = scheme.cms_algorithm().ok_or(RunError::Internal {
        what: "a signature scheme has no identifier",
    })?;
    let digest_algorithm = Writer::encode(|w| scheme.cms_digest().write_algorithm(w));
    let (digest_algorithm, algorithm) = (read(&digest_algorithm)?, read(&algorithm)?);
    let no_digest = |_| RunError::Internal {
        what: "OpenSSL gives no digest",
    };
    let digested = digest(scheme.cms_digest(), &[entity]).map_err(no_digest)?;
    // The certificate's digest is always SHA-256, the default (RFC 5035 §4).
    let sha256_algorithm = Writer::encode(|w| DigestAlgorithm::Sha256.write_algorithm(w));
    let own = IssuerAndSerial {
        issuer: certificate.issuer.raw(),
        serial: certificate.serial,
    };
    let mut attributes = AttributeList::new()
        .content_type(oid::DATA)
        .signing_time(at)
        .message_digest(digested.as_bytes())
        .signing_certificate_v2(read(&sha256_algorithm)?, &signer.sha256, Some(&own))
        .capabilities(OURS)
        .algorithm_protection(digest_algorithm, algorithm);
    if let Some(der) = &signer.encryption {
        let encryption = named(der)?;
        attributes = attributes.key_preference(&IssuerAndSerial {
            issuer: encryption.issuer.raw(),
            serial: encryption.serial,
        });
    }
    let info = SignerInfo {
        sid: EntityIdentifier::IssuerAndSerial(own),
        digest_algorithm,
        signed_attributes: Some(attributes),
        signature_algorithm: algorithm,
        signature: Vec::new(),
        unsigned_attributes: AttributeList::new(),
    };
    let info = info
        .sign(entity, |bytes| sign(scheme, key, Signed::Message(&[bytes])))
        .map_err(|_| refused)?;
    let mut data = SignedData::new(content);
    data.certificates = signer.chain.iter().map(Vec::as_slice).collect();
    data.keeps_order = true;
    data.signers = vec![info];
    Ok(data.encode())
}

fn named(der: &[u8]) -> Result<Certificate<'_>, RunError> {
    Certificate::read(der).map_err(|_| RunError::Internal {
        what: "a certificate can't be read twice",
    })
}

fn read(der: &[u8]) -> Result<AlgorithmIdentifier<'_>, RunError> {
    AlgorithmIdentifier::read(&mut Reader::new(der)).map_err(|_| RunError::Internal {
        what: "an algorithm of ours can't be read",
    })
}
