//! Message digests: which ones there are, and computing them over bytes that come in pieces.

use std::fmt;
use std::sync::OnceLock;

use openssl::md::Md;
use openssl::md::MdRef;
use openssl::md_ctx::MdCtx;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::legacy;
use crate::crypto::sys;

/// The longest digest in bytes.
pub const MAX_DIGEST_BYTES: usize = 64;

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident = $oid:ident, $text:literal, $fetched:literal, $bytes:literal, $library:ident;)*) => {
        /// Every message digest that mailseal computes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DigestAlgorithm {
            $($(#[$doc])* $name,)*
        }

        impl DigestAlgorithm {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The object identifier in a DigestAlgorithmIdentifier.
            #[must_use]
            pub fn oid(self) -> Oid<'static> {
                match self {
                    $(Self::$name => oid::$oid,)*
                }
            }

            /// The name that reports use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Length of the value in bytes. For SHAKE128 and SHAKE256 as RFC 8702 §3.1 uses them.
            #[must_use]
            pub fn bytes(self) -> usize {
                match self {
                    $(Self::$name => $bytes,)*
                }
            }

            /// What OpenSSL computes it with, fetched once for all threads; None where the linked library has none.
            pub(crate) fn md(self) -> Option<&'static MdRef> {
                match self {
                    $(Self::$name => {
                        static FETCHED: OnceLock<Option<Md>> = OnceLock::new();
                        FETCHED.get_or_init(|| fetch($fetched, Library::$library)).as_deref()
                    })*
                }
            }
        }
    };
}

digests! {
    /// RFC 1319. Only in certificates of the nineties.
    Md2 = MD2, "md2", "MD2", 16, Legacy;
    /// RFC 1320.
    Md4 = MD4, "md4", "MD4", 16, Legacy;
    /// RFC 1321.
    Md5 = MD5, "md5", "MD5", 16, Default;
    /// ISO/IEC 10118-3.
    Ripemd160 = RIPEMD160, "ripemd160", "RIPEMD160", 20, Default;
    /// FIPS 180-4 §6.1.
    Sha1 = SHA1, "sha1", "SHA1", 20, Default;
    /// FIPS 180-4 §6.3.
    Sha224 = SHA224, "sha224", "SHA2-224", 28, Default;
    /// FIPS 180-4 §6.2.
    Sha256 = SHA256, "sha256", "SHA2-256", 32, Default;
    /// FIPS 180-4 §6.5.
    Sha384 = SHA384, "sha384", "SHA2-384", 48, Default;
    /// FIPS 180-4 §6.4.
    Sha512 = SHA512, "sha512", "SHA2-512", 64, Default;
    /// FIPS 180-4 §6.6.
    Sha512Over224 = SHA512_224, "sha512-224", "SHA2-512/224", 28, Default;
    /// FIPS 180-4 §6.7.
    Sha512Over256 = SHA512_256, "sha512-256", "SHA2-512/256", 32, Default;
    /// FIPS 202 §6.1.
    Sha3Of224 = SHA3_224, "sha3-224", "SHA3-224", 28, Default;
    /// FIPS 202 §6.1.
    Sha3Of256 = SHA3_256, "sha3-256", "SHA3-256", 32, Default;
    /// FIPS 202 §6.1.
    Sha3Of384 = SHA3_384, "sha3-384", "SHA3-384", 48, Default;
    /// FIPS 202 §6.1.
    Sha3Of512 = SHA3_512, "sha3-512", "SHA3-512", 64, Default;
    /// FIPS 202 §6.2, with 256 bits of output.
    Shake128 = SHAKE128, "shake128", "SHAKE-128", 32, Default;
    /// FIPS 202 §6.2, with 512 bits of output.
    Shake256 = SHAKE256, "shake256", "SHAKE-256", 64, Default;
}

enum Library {
    Default,
    Legacy,
}

fn fetch(name: &str, library: Library) -> Option<Md> {
    sys::start();
    match library {
        Library::Default => Md::fetch(None, name, None).ok(),
        Library::Legacy => legacy::digest(name),
    }
}

impl DigestAlgorithm {
    /// The digest with this object identifier; None for what mailseal does not compute.
    #[must_use]
    pub fn from_oid(oid: Oid<'_>) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.oid() == oid)
    }

    /// The digest of a DigestAlgorithmIdentifier (RFC 5652 §10.1.1); None for what mailseal does not compute.
    ///
    /// Parameters are not looked at, whether NULL, absent or odd (RFC 5754 §2 asks to accept the first two): they carry
    /// no meaning but in id-shake128-len and id-shake256-len, where they are the output length in bits (RFC 8419 §2.3).
    #[must_use]
    pub fn from_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Option<Self> {
        if let Some(digest) = Self::from_oid(algorithm.oid) {
            return Some(digest);
        }
        let bits = algorithm
            .parameter_reader()
            .and_then(|mut r| r.small_integer().ok());
        match (algorithm.oid, bits) {
            (oid::SHAKE128_LEN, Some(256)) => Some(Self::Shake128),
            (oid::SHAKE256_LEN, Some(512)) => Some(Self::Shake256),
            _ => None,
        }
    }

    /// Length of the value in bits.
    #[must_use]
    pub fn bits(self) -> usize {
        self.bytes() * 8
    }

    /// The linked OpenSSL computes it. The vendored one computes all.
    #[must_use]
    pub fn is_available(self) -> bool {
        self.md().is_some()
    }

    /// Its output length is chosen by who uses it.
    pub(crate) fn is_extendable(self) -> bool {
        matches!(self, Self::Shake128 | Self::Shake256)
    }

    /// Writes its DigestAlgorithmIdentifier, parameters absent (RFC 5754 §2); MD5 and older with NULL (RFC 3370 §2.2).
    pub fn write_algorithm(self, w: &mut Writer) {
        let null = matches!(self, Self::Md2 | Self::Md4 | Self::Md5).then_some(&[5, 0][..]);
        w.algorithm(self.oid(), null);
    }
}

/// The value of a digest. Compares equal by its octets.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DigestValue {
    octets: [u8; MAX_DIGEST_BYTES],
    length: usize,
}

impl DigestValue {
    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// The value is these octets. False for the empty value that a fault of OpenSSL leaves.
    #[must_use]
    pub fn matches(&self, octets: &[u8]) -> bool {
        self.length > 0 && self.as_bytes() == octets
    }
}

impl AsRef<[u8]> for DigestValue {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for DigestValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.as_bytes() {
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

/// The linked OpenSSL has no such digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestUnavailable;

/// A digest being computed. Send, for one thread at a time.
pub struct Hasher {
    context: MdCtx,
    algorithm: DigestAlgorithm,
    /// OpenSSL refused a piece: the value will be empty and match nothing.
    broken: bool,
}

impl Hasher {
    /// A digest of nothing yet.
    ///
    /// # Errors
    /// Where the linked OpenSSL has no such digest.
    pub fn new(algorithm: DigestAlgorithm) -> Result<Self, DigestUnavailable> {
        let md = algorithm.md().ok_or(DigestUnavailable)?;
        let mut context = MdCtx::new().map_err(|_| DigestUnavailable)?;
        context.digest_init(md).map_err(|_| DigestUnavailable)?;
        Ok(Self {
            context,
            algorithm,
            broken: false,
        })
    }

    /// Which digest it is.
    #[must_use]
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.broken |= self.context.digest_update(bytes).is_err();
    }

    /// The value of all bytes so far; the next [`Hasher::update`] begins a new digest.
    ///
    /// Never fails: a fault of OpenSSL, which has none here but lack of memory, gives a value that matches nothing.
    pub fn finish(&mut self) -> DigestValue {
        let mut octets = [0; MAX_DIGEST_BYTES];
        let mut length = self.algorithm.bytes();
        let out = octets.get_mut(..length).unwrap_or_default();
        let finished = if self.algorithm.is_extendable() {
            self.context.digest_final_xof(out).is_ok()
        } else {
            self.context.digest_final(out).is_ok()
        };
        if self.broken || !finished {
            octets = [0; MAX_DIGEST_BYTES];
            length = 0;
        }
        self.broken = match self.algorithm.md() {
            Some(md) => self.context.digest_init(md).is_err(),
            None => true,
        };
        DigestValue { octets, length }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hasher").field(&self.algorithm).finish()
    }
}

/// The digest of bytes in several pieces.
///
/// # Errors
/// Where the linked OpenSSL has no such digest.
pub fn digest(
    algorithm: DigestAlgorithm,
    pieces: &[&[u8]],
) -> Result<DigestValue, DigestUnavailable> {
    let mut hasher = Hasher::new(algorithm)?;
    for piece in pieces {
        hasher.update(piece);
    }
    Ok(hasher.finish())
}

/// SHA-256 in one call, the fastest way there is for short input.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    openssl::sha::sha256(bytes)
}

/// SHA-1 in one call, for key identifiers (RFC 5280 §4.2.1.2).
#[must_use]
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    openssl::sha::sha1(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(value: &DigestValue) -> String {
        format!("{value:?}")
    }

    #[test]
    fn known_answers() {
        for (algorithm, expected) in [
            (DigestAlgorithm::Md2, "da853b0d3f88d99b30283a69e6ded6bb"),
            (DigestAlgorithm::Md4, "a448017aaf21d8525fc10ae87aa6729d"),
            (DigestAlgorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (
                DigestAlgorithm::Ripemd160,
                "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
            ),
            (
                DigestAlgorithm::Sha1,
                "a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (
                DigestAlgorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                DigestAlgorithm::Sha512Over256,
                "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
            ),
            (
                DigestAlgorithm::Sha3Of256,
                "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
            ),
            (
                DigestAlgorithm::Shake128,
                "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8",
            ),
        ] {
            let value = digest(algorithm, &[b"a", b"", b"bc"]).unwrap();
            assert_eq!(hex(&value), expected, "{algorithm:?}");
        }
        assert_eq!(
            digest(DigestAlgorithm::Sha256, &[b"abc"])
                .unwrap()
                .as_bytes(),
            sha256(b"abc")
        );
        assert_eq!(
            digest(DigestAlgorithm::Sha1, &[b"abc"]).unwrap().as_bytes(),
            sha1(b"abc")
        );
    }

    #[test]
    fn lengths_and_identifiers_fit() {
        for algorithm in DigestAlgorithm::ALL {
            let value = digest(*algorithm, &[]).unwrap();
            assert_eq!(value.as_bytes().len(), algorithm.bytes(), "{algorithm:?}");
            assert_eq!(DigestAlgorithm::from_oid(algorithm.oid()), Some(*algorithm));
            assert_eq!(algorithm.oid().name(), Some(algorithm.name()));
            assert!(algorithm.bytes() <= MAX_DIGEST_BYTES);
        }
    }

    #[test]
    fn a_hasher_starts_anew_after_finish() {
        for algorithm in DigestAlgorithm::ALL {
            let mut hasher = Hasher::new(*algorithm).unwrap();
            hasher.update(b"one");
            let one = hasher.finish();
            hasher.update(b"two");
            let two = hasher.finish();
            assert_eq!(one, digest(*algorithm, &[b"one"]).unwrap());
            assert_eq!(two, digest(*algorithm, &[b"two"]).unwrap());
            assert!(!one.matches(two.as_bytes()));
        }
    }

    #[test]
    fn shake_with_a_stated_length_is_known_only_at_that_length() {
        for (oid, bits, expected) in [
            (oid::SHAKE256_LEN, 512_u64, Some(DigestAlgorithm::Shake256)),
            (oid::SHAKE256_LEN, 256, None),
            (oid::SHAKE128_LEN, 256, Some(DigestAlgorithm::Shake128)),
        ] {
            let parameters = Writer::encode(|w| w.small_integer(bits));
            let algorithm = AlgorithmIdentifier {
                oid,
                parameters: Some(&parameters),
            };
            assert_eq!(DigestAlgorithm::from_algorithm(&algorithm), expected);
        }
    }
}
