//! When two public keys are the same key, however they are written.

use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::oid;
use crate::crypto::digest;
use crate::pki::x509::certificate::KeyInfo;

/// Stands for one public key: equal for every way to write it as a `SubjectPublicKeyInfo`.
///
/// Unlike the pairing value of `crypto`, which needs a key that OpenSSL can work with, a certificate has one whose DSA
/// parameters are inherited, whose curve is spelt out or whose algorithm is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity([u8; 32]);

/// What of a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) finds a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PublicKeyNames {
    /// The key itself.
    pub identity: Identity,
    /// SHA-256 of the encoding as it stands.
    pub spki_sha256: [u8; 32],
    /// SHA-1 of the key's bits (RFC 5280 §4.2.1.2, method 1), for certificates without the extension.
    pub key_identifier: [u8; 20],
}

impl PublicKeyNames {
    /// Names of the key in an encoded `SubjectPublicKeyInfo`.
    ///
    /// RSA keys are the same under rsaEncryption, RSASSA-PSS and RSAES-OAEP; a DSA key is the same where its parameters are inherited
    /// (RFC 3279 §2.3.2; sample `DianeDSSSignByCarlInherit` of RFC 4134); a point is the same compressed (RFC 5480 §2.2).
    ///
    /// # Errors
    /// Where the encoding is damaged.
    pub fn read(spki: &[u8]) -> Result<Self, BerError> {
        let KeyInfo { algorithm, bits } = KeyInfo::read(spki)?;
        let mut text = Vec::with_capacity(bits.bytes.len() + 16);
        let kind = algorithm.oid;
        if RSA.contains(&kind) {
            text.extend_from_slice(b"rsa");
            Reader::new(bits.bytes).sequence(|r| {
                let modulus = r.integer()?.magnitude();
                text.extend_from_slice(&modulus.len().to_be_bytes());
                text.extend_from_slice(modulus);
                text.extend_from_slice(r.integer()?.magnitude());
                Ok(())
            })?;
        } else if kind == oid::DSA || kind == oid::OIW_DSA {
            text.extend_from_slice(b"dsa");
            text.extend_from_slice(Reader::new(bits.bytes).integer()?.magnitude());
        } else if kind == oid::EC_PUBLIC_KEY {
            // The curve is left out, because it may be named or spelt out; no two keys share a point's coordinate by chance.
            text.extend_from_slice(b"ec");
            compressed(bits.bytes, &mut text);
        } else {
            text.extend_from_slice(kind.content());
            text.push(0xff);
            text.extend_from_slice(bits.bytes);
        }
        Ok(Self {
            identity: Identity(digest::sha256(&text)),
            spki_sha256: digest::sha256(spki),
            key_identifier: digest::sha1(bits.bytes),
        })
    }
}

impl PublicKeyNames {
    /// As an index keeps them; None where they have another length.
    pub fn from_octets(identity: &[u8], spki_sha256: &[u8], key_identifier: &[u8]) -> Option<Self> {
        Some(Self {
            identity: Identity(identity.try_into().ok()?),
            spki_sha256: spki_sha256.try_into().ok()?,
            key_identifier: key_identifier.try_into().ok()?,
        })
    }
}

/// The algorithms under which an RSA key is written (RFC 8017, RFC 4055; X.509's own in the nineties).
const RSA: [Oid<'static>; 4] = [
    oid::RSA_ENCRYPTION,
    oid::RSASSA_PSS,
    oid::RSAES_OAEP,
    oid::X500_RSA,
];

impl Identity {
    /// The octets, for [`super::Keyring::digest`].
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The compressed form of a point (SEC 1 §2.3.3): the first coordinate, and whether the second is odd.
fn compressed(point: &[u8], text: &mut Vec<u8>) {
    match point {
        [4 | 6 | 7, coordinates @ ..] => {
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            text.push(2 | (y.last().copied().unwrap_or_default() & 1));
            text.extend_from_slice(x);
        }
        _ => text.extend_from_slice(point),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;

    fn spki(kind: Oid<'_>, parameters: Option<&[u8]>, bits: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.algorithm(kind, parameters);
                w.bit_string(bits);
            });
        })
    }

    fn identity(kind: Oid<'_>, parameters: Option<&[u8]>, bits: &[u8]) -> Identity {
        let read = PublicKeyNames::read(&spki(kind, parameters, bits));
        read.unwrap().identity
    }

    fn rsa(modulus: &[u8], exponent: u64) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(modulus);
                w.small_integer(exponent);
            });
        })
    }

    #[test]
    fn an_rsa_key_is_the_same_under_all_its_algorithms() {
        let null = Some([5, 0].as_slice());
        let key = rsa(&[0x81, 7], 3);
        let one = identity(oid::RSA_ENCRYPTION, null, &key);
        assert_eq!(one, identity(oid::RSA_ENCRYPTION, None, &key));
        assert_eq!(one, identity(oid::RSASSA_PSS, None, &key));
        assert_ne!(
            one,
            identity(oid::RSA_ENCRYPTION, null, &rsa(&[0x81, 7], 5))
        );
        assert_ne!(
            one,
            identity(oid::RSA_ENCRYPTION, null, &rsa(&[0x81, 9], 3))
        );
        // Modulus and exponent join to the same octets.
        assert_ne!(
            identity(oid::RSASSA_PSS, None, &rsa(&[0x11], 0x13_15)),
            identity(oid::RSASSA_PSS, None, &rsa(&[0x11, 0x13], 0x15))
        );
    }

    #[test]
    fn a_dsa_key_is_the_same_without_its_parameters() {
        let parameters = rsa(&[0x81, 7], 3);
        let key = Writer::encode(|w| w.small_integer(77));
        let other = Writer::encode(|w| w.small_integer(78));
        let one = identity(oid::DSA, Some(&parameters), &key);
        assert_eq!(one, identity(oid::DSA, None, &key));
        assert_ne!(one, identity(oid::DSA, None, &other));
    }

    #[test]
    fn a_point_is_the_same_compressed() {
        let curve = Writer::encode(|w| w.oid(oid::P_256));
        let ec = |bits: &[u8]| identity(oid::EC_PUBLIC_KEY, Some(&curve), bits);
        let one = ec(&[4, 1, 2, 3, 5]);
        assert_eq!(one, ec(&[3, 1, 2]));
        assert_eq!(one, ec(&[7, 1, 2, 3, 5]));
        assert_ne!(one, ec(&[2, 1, 2]));
        assert_ne!(one, ec(&[4, 1, 2, 3, 6]));
    }

    #[test]
    fn other_keys_are_their_algorithm_and_bits() {
        let one = identity(oid::X25519, None, &[1, 2]);
        assert_ne!(one, identity(oid::ED25519, None, &[1, 2]));
        assert_ne!(one, identity(oid::X25519, None, &[1, 3]));
        assert!(PublicKeyNames::read(&[0x30, 3, 1]).is_err());
    }
}
