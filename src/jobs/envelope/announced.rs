//! What a recipient announces that he reads: SMIMECapabilities (RFC 8551 §2.5.2), signed or in his certificate (RFC 4262).

use crate::asn1::{AlgorithmIdentifier, Oid, Reader, oid};
use crate::cms::attribute_values::smime_capabilities;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key_transport::RsaTransport;
use crate::pki::x509::Certificate;

/// What of a recipient's capabilities decides how mail is encrypted to him.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// Content ciphers, in his order; what is not written is not among them.
    pub ciphers: Vec<CipherAlgorithm>,
    /// Digests of RSAES-OAEP, in his order.
    pub oaep: Vec<DigestAlgorithm>,
}

impl Announced {
    /// From the names that [`capability_name`] gives, separated by blanks, as the store keeps them. Unknown ones are passed over.
    #[must_use]
    pub fn from_names(names: &str) -> Self {
        let mut announced = Self::default();
        for name in names.split(' ') {
            let of_oaep = name
                .strip_prefix(oaep_name())
                .and_then(|rest| rest.strip_prefix('/'));
            if let Some(digest) = of_oaep {
                let known = OAEP_DIGESTS.iter().find(|known| known.name() == digest);
                announced.oaep.extend(known);
            }
            let cipher = CipherAlgorithm::ALL
                .iter()
                .find(|cipher| cipher.name() == name);
            announced.ciphers.extend(cipher);
        }
        announced
    }

    /// From the certificate's extension (RFC 4262 §2); None where there is none that can be read.
    #[must_use]
    pub fn from_certificate(certificate: &Certificate<'_>) -> Option<Self> {
        let extension = certificate
            .extensions
            .find(oid::SMIME_CAPABILITIES)
            .ok()??;
        let list = smime_capabilities(&mut Reader::new(extension.value)).ok()?;
        let names: Vec<String> = list.iter().map(capability_name).collect();
        Some(Self::from_names(&names.join(" ")))
    }

    /// What mail announces that is signed here ([`OURS`]): to a sender of whom nothing is recorded it applies as well.
    #[must_use]
    pub fn ours() -> Self {
        let names: Vec<String> = OURS.iter().map(capability_name).collect();
        Self::from_names(&names.join(" "))
    }

    /// He reads this cipher.
    #[must_use]
    pub fn has(&self, cipher: CipherAlgorithm) -> bool {
        self.ciphers.contains(&cipher)
    }
}

/// One capability, as reports and the store name it: the algorithm; with the key's size where one stands there (RC2, RFC 8551 §2.5.2)
/// and with the digest of RSAES-OAEP (RFC 3560 §5) where it has one digest and no label, as `id-RSAES-OAEP/sha256`.
#[must_use]
pub fn capability_name(capability: &AlgorithmIdentifier<'_>) -> String {
    let label = capability.oid.label();
    if capability.oid == oid::RSAES_OAEP {
        return match RsaTransport::from_algorithm(capability) {
            Ok(RsaTransport::Oaep {
                digest,
                mgf_digest,
                label: empty,
            }) if digest == mgf_digest && empty.is_empty() => {
                format!("{label}/{}", digest.name())
            }
            Ok(RsaTransport::Oaep { .. } | RsaTransport::V15) | Err(_) => label,
        };
    }
    let size = capability
        .parameters
        .and_then(|parameters| Reader::new(parameters).small_integer().ok());
    match size {
        Some(size) => format!("{label}/{size}"),
        None => label,
    }
}

/// What is announced in the name of whoever signs (RFC 8551 §2.5.2), the preferred first: what all of S/MIME 4.0 and 3.2 reads. For
/// `AttributeList::capabilities`. RSAES-OAEP is not among them: his mail program may read less than this one.
pub const OURS: &[AlgorithmIdentifier<'static>] = &[
    capability(oid::AES256_GCM),
    capability(oid::AES128_GCM),
    capability(oid::AES256_CBC),
    capability(oid::AES128_CBC),
];

const fn capability(oid: Oid<'static>) -> AlgorithmIdentifier<'static> {
    AlgorithmIdentifier {
        oid,
        parameters: None,
    }
}

fn oaep_name() -> &'static str {
    oid::RSAES_OAEP.name().unwrap_or_default()
}

/// Those that RFC 4055 §4.1 has.
const OAEP_DIGESTS: [DigestAlgorithm; 5] = [
    DigestAlgorithm::Sha256,
    DigestAlgorithm::Sha384,
    DigestAlgorithm::Sha512,
    DigestAlgorithm::Sha224,
    DigestAlgorithm::Sha1,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn named(der: &[u8]) -> String {
        capability_name(&AlgorithmIdentifier::read(&mut Reader::new(der)).unwrap())
    }

    #[test]
    fn names_are_written_and_read_back() {
        let oaep = |digest| RsaTransport::Oaep {
            digest,
            mgf_digest: digest,
            label: Vec::new(),
        };
        for digest in OAEP_DIGESTS {
            let name = named(&oaep(digest).algorithm());
            assert_eq!(name, format!("id-RSAES-OAEP/{}", digest.name()));
            assert_eq!(Announced::from_names(&name).oaep, [digest]);
        }
        // The default of RFC 3560 §5 is SHA-1 in empty parameters; without parameters nothing is said.
        let empty = [
            0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 7, 0x30, 0,
        ];
        assert_eq!(named(&empty), "id-RSAES-OAEP/sha1");
        let bare = [0x30, 0x0b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 7];
        assert_eq!(named(&bare), "id-RSAES-OAEP");
        for nothing in [
            "",
            "id-RSAES-OAEP",
            "id-RSAES-OAEP/md5",
            "aes",
            "rc2-cbc/128",
        ] {
            assert_eq!(Announced::from_names(nothing), Announced::default());
        }
        assert_eq!(Announced::ours().ciphers.len(), OURS.len());
        let all = Announced::from_names("aes-256-gcm des-ede3-cbc rc2-cbc/40 aes-128-cbc");
        assert_eq!(
            all.ciphers,
            [
                CipherAlgorithm::Aes256Gcm,
                CipherAlgorithm::TripleDesCbc,
                CipherAlgorithm::Aes128Cbc
            ]
        );
    }
}
