//! What mail a certificate may be used for, by what it says itself: signing and encrypting are two answers.

use crate::asn1::Oid;
use crate::asn1::oid;
use crate::pki::x509::Certificate;
use crate::pki::x509::encryption::EncryptionUsage;
use crate::pki::x509::extensions::KeyUsageBit;

/// A use of a certificate in mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailUse {
    /// Its key verifies signatures on mail.
    Sign,
    /// Mail can be encrypted to its key.
    Encrypt,
}

impl MailUse {
    /// The word in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Encrypt => "encrypt",
        }
    }
}

/// What the key's algorithm, the key usage and the extended key usage allow (RFC 8550 §4.4.2 and §4.4.4, RFC 5280 §4.2.1.3 and
/// §4.2.1.12). Says nothing of validity, trust or revocation: those need a clock, anchors and lists.
///
/// What is not there forbids nothing, but for an authority without key usage: its key signs certificates. What can't be read forbids
/// both.
#[must_use]
pub fn usable_for(certificate: &Certificate<'_>) -> Vec<MailUse> {
    let extensions = &certificate.extensions;
    let Ok(key) = &certificate.key else {
        return Vec::new();
    };
    let for_mail = match extensions.extended_key_usage() {
        Ok(None) => true,
        Ok(Some((usages, _))) => {
            usages.contains(&oid::EMAIL_PROTECTION) || usages.contains(&oid::ANY_EXTENDED_KEY_USAGE)
        }
        Err(_) => false,
    };
    let is_authority = match extensions.basic_constraints() {
        Ok(constraints) => constraints.is_some_and(|constraints| constraints.ca),
        Err(_) => return Vec::new(),
    };
    let Ok(usage) = extensions.key_usage() else {
        return Vec::new();
    };
    if !for_mail || (is_authority && usage.is_none()) {
        return Vec::new();
    }
    let signs = can_sign(key.algorithm.oid)
        && usage.is_none_or(|usage| SIGNING.iter().any(|bit| usage.has(*bit)));
    let encrypts = EncryptionUsage::of(certificate) == EncryptionUsage::Good;
    [(MailUse::Sign, signs), (MailUse::Encrypt, encrypts)]
        .into_iter()
        .filter_map(|(mail_use, allowed)| allowed.then_some(mail_use))
        .collect()
}

/// One of them is enough (RFC 8550 §4.4.2).
const SIGNING: [KeyUsageBit; 2] = [KeyUsageBit::DigitalSignature, KeyUsageBit::NonRepudiation];

/// Keys of this algorithm sign (RFC 3279 §2.3, RFC 8410 §5, RFC 9881 §5).
fn can_sign(algorithm: Oid<'_>) -> bool {
    [
        oid::RSA_ENCRYPTION,
        oid::X500_RSA,
        oid::RSASSA_PSS,
        oid::DSA,
        oid::EC_PUBLIC_KEY,
        oid::ED25519,
        oid::ED448,
        oid::ML_DSA_44,
        oid::ML_DSA_65,
        oid::ML_DSA_87,
    ]
    .contains(&algorithm)
}
