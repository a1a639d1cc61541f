//! The bag around the migrated archive (RFC 8493), and the signature over it.

use std::io::Write;

use crate::asn1::{AlgorithmIdentifier, Reader, Time, Writer, oid};
use crate::cms::build::{AttributeList, Content, SignedData, Signer};
use crate::cms::identifier::{EntityIdentifier, IssuerAndSerial};
use crate::crypto::PrivateKey;
use crate::crypto::digest::{DigestAlgorithm, digest, sha256};
use crate::crypto::sign::sign;
use crate::crypto::signature::Signed;
use crate::crypto::signature_scheme::SignatureScheme;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::bag::folder::{
    Folder, PAYLOAD, RECORDS, REFUSED, SIGNATURE_FILE, SKIPPED, TAGS, create_file,
};
use crate::jobs::bag::info::BagInfo;
use crate::jobs::files::digest_of;
use crate::pki::keyring::Keyring;
use crate::pki::x509::Certificate;
use crate::report::encode::hex;

/// Tag files that the tag manifest covers: all but those that differ from run to run.
pub(in crate::jobs) const COVERED: [&str; 4] = ["bagit.txt", PAYLOAD, RECORDS, "undecrypted.csv"];

/// The same of a bag with mail to be sent.
pub(in crate::jobs) const COVERED_OF_SENT: [&str; 5] =
    ["bagit.txt", PAYLOAD, RECORDS, REFUSED, SKIPPED];

/// A line of `manifest-sha256.txt` for a file below `data`. Of its name only line ends and `%` are escaped (RFC 8493 §2.1.3).
pub(in crate::jobs) fn payload_line(path: &[u8], sha256: &Sha256) -> Vec<u8> {
    let mut line = format!("{}  data/", hex(sha256)).into_bytes();
    for octet in path {
        match octet {
            b'\n' => line.extend_from_slice(b"%0A"),
            b'\r' => line.extend_from_slice(b"%0D"),
            b'%' => line.extend_from_slice(b"%25"),
            octet => line.push(*octet),
        }
    }
    line.push(b'\n');
    line
}

/// What is below `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::jobs) struct Sums {
    pub files: u64,
    pub bytes: u64,
}

/// Writes the tag files. `covered` are those that the tag manifest covers.
///
/// # Errors
/// They can't be written, or `signer` can't sign.
pub(in crate::jobs) fn write(
    folder: &Folder,
    covered: &[&str],
    sums: Sums,
    signer: Option<&Keyring>,
    at: Time,
    run: &[u8],
) -> Result<(), RunError> {
    let bag = folder.bag();
    let write = |name: &str, bytes: &[u8]| {
        let path = bag.join(name);
        let mut file = create_file(&path)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|error| RunError::unwritable(&path, error))
    };
    write(
        "bagit.txt",
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
    )?;
    write("run.json", run)?;
    let mut tags = String::new();
    for name in covered {
        tags.push_str(&format!("{}  {name}\n", hex(&digest_of(&bag.join(name))?)));
    }
    write(TAGS, tags.as_bytes())?;
    let signature = match signer {
        Some(signer) => Some(signed(tags.as_bytes(), signer)?),
        None => None,
    };
    if let Some(signature) = &signature {
        write(SIGNATURE_FILE, signature)?;
    }
    let text = at.rfc3339();
    let info = BagInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        day: String::from_utf8_lossy(text.get(..10).unwrap_or_default()).into_owned(),
        bytes: sums.bytes,
        files: sums.files,
        run: sha256(run),
        tags: sha256(tags.as_bytes()),
        signature: signature.as_deref().map(sha256),
    };
    write("bag-info.txt", info.text().as_bytes())
}

/// A detached SignedData over `content` (RFC 5652 §5) by the first key of `signer` that has a certificate and can be unlocked. Without
/// signingTime: what a signer says of the time proves nothing, and `bag-info.txt` has it. So the same bag has the same signature.
fn signed(content: &[u8], signer: &Keyring) -> Result<Vec<u8>, RunError> {
    let refused = RunError::Internal {
        what: "the key of --sign-manifest makes no signature",
    };
    let Some((der, key)) = able(signer) else {
        return Err(refused);
    };
    let Some((scheme, algorithm)) = scheme(key) else {
        return Err(refused);
    };
    let certificate = Certificate::read(der).map_err(|_| RunError::Internal {
        what: "a certificate can't be read twice",
    })?;
    let digested = digest(scheme.cms_digest(), &[content]).map_err(|_| RunError::Internal {
        what: "OpenSSL gives no digest",
    })?;
    let digest_algorithm = Writer::encode(|w| scheme.cms_digest().write_algorithm(w));
    let info = Signer {
        sid: EntityIdentifier::IssuerAndSerial(IssuerAndSerial {
            issuer: certificate.issuer.raw(),
            serial: certificate.serial,
        }),
        digest_algorithm: read(&digest_algorithm)?,
        signed_attributes: Some(
            AttributeList::new()
                .content_type(oid::DATA)
                .message_digest(digested.as_bytes()),
        ),
        signature_algorithm: read(&algorithm)?,
        signature: Vec::new(),
        unsigned_attributes: AttributeList::new(),
    };
    let info = info
        .sign(content, |bytes| {
            sign(&scheme, key, Signed::Message(&[bytes]))
        })
        .map_err(|_| refused)?;
    let mut data = SignedData::new(Content::Detached);
    // The chain that came with the key, for whoever verifies.
    data.certificates = signer.certificates().collect();
    data.signers = vec![info];
    Ok(data.encode())
}

/// Can a key of this ring sign?
pub(in crate::jobs) fn able(signer: &Keyring) -> Option<(&[u8], &PrivateKey)> {
    signer.keys().find_map(|id| {
        let certificate = signer.certificate(id)?;
        let key = signer.private_key(id).ok()?;
        scheme(key)?;
        Some((certificate, key))
    })
}

fn scheme(key: &PrivateKey) -> Option<(SignatureScheme, Vec<u8>)> {
    let schemes = [
        SignatureScheme::RsaV15(DigestAlgorithm::Sha256),
        SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        SignatureScheme::Ed25519,
        SignatureScheme::Ed448,
    ];
    let scheme = schemes
        .into_iter()
        .find(|scheme| scheme.fits(key.algorithm()))?;
    let algorithm = scheme.cms_algorithm()?;
    Some((scheme, algorithm))
}

fn read(der: &[u8]) -> Result<AlgorithmIdentifier<'_>, RunError> {
    AlgorithmIdentifier::read(&mut Reader::new(der)).map_err(|_| RunError::Internal {
        what: "an algorithm of ours can't be read",
    })
}
