//! Wrapping a key with a key: AES (RFC 3394, RFC 5649), Triple-DES and RC2 (RFC 3217), Camellia (RFC 3657), SEED (RFC
//! 4010).

use std::sync::OnceLock;

use openssl::cipher::Cipher;
use openssl::cipher::CipherRef;
use openssl::cipher_ctx::CipherCtx;
use openssl::cipher_ctx::CipherCtxFlags;
use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::Failed;
use crate::crypto::content::Direction::Decrypt;
use crate::crypto::content::Direction::Encrypt;
use crate::crypto::content::cbc_blocks;
use crate::crypto::content_cipher::ContentCipher;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::digest::digest;
use crate::crypto::legacy;
use crate::crypto::random;
use crate::crypto::rc2;
use crate::crypto::sys;

/// A key wrap algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyWrap {
    /// RFC 3394.
    Aes128,
    /// RFC 3394.
    Aes192,
    /// RFC 3394.
    Aes256,
    /// RFC 5649: for secrets of any length.
    Aes128Pad,
    /// RFC 5649.
    Aes192Pad,
    /// RFC 5649.
    Aes256Pad,
    /// RFC 3217 §3.
    TripleDes,
    /// RFC 3657 §3.
    Camellia128,
    /// RFC 3657 §3.
    Camellia192,
    /// RFC 3657 §3.
    Camellia256,
    /// RFC 4010 §3.
    Seed,
    /// RFC 3217 §4, with so many effective bits in its key of 128.
    Rc2(u16),
}

/// The key wrap is not known, or its parameters are not what its standard has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WrapUnsupported;

impl KeyWrap {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Aes128,
        Self::Aes192,
        Self::Aes256,
        Self::Aes128Pad,
        Self::Aes192Pad,
        Self::Aes256Pad,
        Self::TripleDes,
        Self::Camellia128,
        Self::Camellia192,
        Self::Camellia256,
        Self::Seed,
        Self::Rc2(128),
    ];

    /// The key wrap of an AlgorithmIdentifier. Its parameters must be absent or NULL: Triple-DES has NULL (RFC 3370 §4.3.1), AES
    /// none (RFC 3565 §2.3.2), and both are written for each. RC2 has the version that stands for its effective bits (RFC 3370
    /// §4.3.2).
    ///
    /// # Errors
    /// Where it is not known or has other parameters.
    pub fn from_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Result<Self, WrapUnsupported> {
        if algorithm.oid == oid::CMS_RC2_WRAP {
            let version = algorithm.parameter_reader().and_then(|mut r| {
                let version = r.small_integer().ok()?;
                r.finish().ok().map(|()| version)
            });
            let bits = version.and_then(rc2::bits_of_version);
            return bits.map(Self::Rc2).ok_or(WrapUnsupported);
        }
        Self::ALL
            .iter()
            .copied()
            .find(|wrap| wrap.oid() == algorithm.oid && algorithm.without_parameters())
            .ok_or(WrapUnsupported)
    }

    /// The object identifier.
    #[must_use]
    pub fn oid(self) -> Oid<'static> {
        match self {
            Self::Aes128 => oid::AES128_WRAP,
            Self::Aes192 => oid::AES192_WRAP,
            Self::Aes256 => oid::AES256_WRAP,
            Self::Aes128Pad => oid::AES128_WRAP_PAD,
            Self::Aes192Pad => oid::AES192_WRAP_PAD,
            Self::Aes256Pad => oid::AES256_WRAP_PAD,
            Self::TripleDes => oid::CMS_3DES_WRAP,
            Self::Camellia128 => oid::CAMELLIA128_WRAP,
            Self::Camellia192 => oid::CAMELLIA192_WRAP,
            Self::Camellia256 => oid::CAMELLIA256_WRAP,
            Self::Seed => oid::SEED_WRAP,
            Self::Rc2(_) => oid::CMS_RC2_WRAP,
        }
    }

    /// The name that reports use.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.oid().name().unwrap_or_default()
    }

    /// Length of the wrapping key in bytes.
    #[must_use]
    pub fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes128Pad | Self::Camellia128 | Self::Seed | Self::Rc2(_) => 16,
            Self::Aes192 | Self::Aes192Pad | Self::Camellia192 | Self::TripleDes => 24,
            Self::Aes256 | Self::Aes256Pad | Self::Camellia256 => 32,
        }
    }

    /// The AlgorithmIdentifier, DER.
    #[must_use]
    pub fn algorithm(self) -> Vec<u8> {
        let parameters = match self {
            Self::TripleDes => Some(vec![5, 0]),
            Self::Rc2(bits) => Some(Writer::encode(|w| {
                w.small_integer(rc2::version_of_bits(bits));
            })),
            _ => None,
        };
        Writer::encode(|w| w.algorithm(self.oid(), parameters.as_deref()))
    }

    /// Only OpenSSL's legacy provider has it.
    #[must_use]
    pub fn is_legacy(self) -> bool {
        matches!(self, Self::Seed | Self::Rc2(_))
    }

    /// The secret that was wrapped.
    ///
    /// # Errors
    /// One value for all that can go wrong.
    pub fn unwrap(self, key: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        self.run(key, wrapped, Direction::Unwrap).ok_or(Failed)
    }

    /// Wraps a secret.
    ///
    /// # Errors
    /// Where the key's length is not the algorithm's or the secret's is not one that it takes.
    pub fn wrap(self, key: &[u8], secret: &[u8]) -> Result<Vec<u8>, Failed> {
        let wrapped = self.run(key, secret, Direction::Wrap).ok_or(Failed)?;
        Ok(wrapped.to_vec())
    }

    fn run(self, key: &[u8], input: &[u8], direction: Direction) -> Option<Zeroizing<Vec<u8>>> {
        if key.len() != self.key_bytes() || input.is_empty() || input.len() > MAX_INPUT_BYTES {
            return None;
        }
        sys::start();
        sys::clear_errors();
        if let Self::Rc2(bits) = self {
            return match direction {
                Direction::Wrap => rfc3217_wrap(bits, key, input),
                Direction::Unwrap => rfc3217_unwrap(bits, key, input),
            };
        }
        let cipher = self.cipher()?;
        let output = match self {
            Self::Aes128
            | Self::Aes192
            | Self::Aes256
            | Self::Aes128Pad
            | Self::Aes192Pad
            | Self::Aes256Pad
            | Self::TripleDes => with_openssl(cipher, key, input, direction),
            Self::Camellia128 | Self::Camellia192 | Self::Camellia256 | Self::Seed => {
                match direction {
                    Direction::Wrap => rfc3394_wrap(cipher, key, input),
                    Direction::Unwrap => rfc3394_unwrap(cipher, key, input),
                }
            }
            Self::Rc2(_) => None,
        };
        sys::clear_errors();
        output
    }

    /// The wrap cipher, or the block cipher where OpenSSL has no wrap; fetched once for all threads.
    fn cipher(self) -> Option<&'static CipherRef> {
        macro_rules! fetched {
            ($fetch:expr) => {{
                static FETCHED: OnceLock<Option<Cipher>> = OnceLock::new();
                FETCHED.get_or_init(|| $fetch).as_deref()
            }};
        }
        let default = |name| Cipher::fetch(None, name, None).ok();
        match self {
            Self::Aes128 => fetched!(default("AES-128-WRAP")),
            Self::Aes192 => fetched!(default("AES-192-WRAP")),
            Self::Aes256 => fetched!(default("AES-256-WRAP")),
            Self::Aes128Pad => fetched!(default("AES-128-WRAP-PAD")),
            Self::Aes192Pad => fetched!(default("AES-192-WRAP-PAD")),
            Self::Aes256Pad => fetched!(default("AES-256-WRAP-PAD")),
            Self::TripleDes => fetched!(default("DES3-WRAP")),
            Self::Camellia128 => fetched!(default("CAMELLIA-128-ECB")),
            Self::Camellia192 => fetched!(default("CAMELLIA-192-ECB")),
            Self::Camellia256 => fetched!(default("CAMELLIA-256-ECB")),
            Self::Seed => fetched!(legacy::cipher("SEED-ECB")),
            Self::Rc2(_) => None,
        }
    }
}

/// A wrapped secret's length in bytes. Over it: failed. Origin: the longest wrapped by any standard here is a key of 66 bytes.
const MAX_INPUT_BYTES: usize = 4096;

#[derive(Clone, Copy)]
enum Direction {
    Wrap,
    Unwrap,
}

fn with_openssl(
    cipher: &CipherRef,
    key: &[u8],
    input: &[u8],
    direction: Direction,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut context = CipherCtx::new().ok()?;
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    match direction {
        Direction::Wrap => context.encrypt_init(Some(cipher), Some(key), None).ok()?,
        Direction::Unwrap => context.decrypt_init(Some(cipher), Some(key), None).ok()?,
    }
    // Room for the longest growth there is: 8 bytes and padding to 8, or 16 for Triple-DES.
    let mut output = Zeroizing::new(vec![0; input.len() + 32]);
    let length = context.cipher_update(input, Some(&mut output)).ok()?;
    output.truncate(length);
    (length > 0).then_some(output)
}

/// The initial value of RFC 3394 §2.2.3.1.
const INITIAL: [u8; 8] = [0xa6; 8];

/// RFC 3394 §2.2.1 over any block cipher of 128 bits.
fn rfc3394_wrap(cipher: &CipherRef, key: &[u8], secret: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (mut blocks, rest) = split(secret);
    if !rest.is_empty() || blocks.len() < 2 {
        return None;
    }
    let mut context = CipherCtx::new().ok()?;
    context.encrypt_init(Some(cipher), Some(key), None).ok()?;
    context.set_padding(false);
    let mut a = INITIAL;
    let mut step: u64 = 0;
    for _ in 0..6 {
        for block in blocks.iter_mut() {
            step += 1;
            (a, *block) = one_block(&mut context, a, *block)?;
            a = xor(a, step);
        }
    }
    Some(join(&a, &blocks))
}

/// RFC 3394 §2.2.2.
fn rfc3394_unwrap(cipher: &CipherRef, key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (first, rest) = wrapped.split_first_chunk::<8>()?;
    let (mut blocks, odd) = split(rest);
    if !odd.is_empty() || blocks.len() < 2 {
        return None;
    }
    let mut context = CipherCtx::new().ok()?;
    context.decrypt_init(Some(cipher), Some(key), None).ok()?;
    context.set_padding(false);
    let mut a = *first;
    let mut step = 6 * u64::try_from(blocks.len()).ok()?;
    for _ in 0..6 {
        for block in blocks.iter_mut().rev() {
            (a, *block) = one_block(&mut context, xor(a, step), *block)?;
            step -= 1;
        }
    }
    openssl::memcmp::eq(&a, &INITIAL).then(|| join(&[], &blocks))
}

/// The IV of the outer encryption (RFC 3217 §4.1).
const OUTER_IV: [u8; 8] = [0x4a, 0xdd, 0xa2, 0x2c, 0x79, 0xe8, 0x21, 0x05];

/// RFC 3217 §4.1.
fn rfc3217_wrap(bits: u16, key: &[u8], secret: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut random = [0; 16];
    random::fill(&mut random).ok()?;
    let (iv, pad) = random.split_at(8);
    let pad = pad.get(..7 - secret.len() % 8)?;
    let length = [u8::try_from(secret.len()).ok()?];
    let checksum = digest(DigestAlgorithm::Sha1, &[&length, secret, pad]).ok()?;
    let mut plain = Zeroizing::new([&length[..], secret, pad].concat());
    plain.extend_from_slice(checksum.as_bytes().get(..8)?);
    let cipher = ContentCipher::rc2(bits);
    let inner = cbc_blocks(&cipher, key, iv, &plain, Encrypt)?;
    let mut reversed = Zeroizing::new([iv, inner.as_slice()].concat());
    reversed.reverse();
    cbc_blocks(&cipher, key, &OUTER_IV, &reversed, Encrypt)
}

/// RFC 3217 §4.2.
fn rfc3217_unwrap(bits: u16, key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = ContentCipher::rc2(bits);
    let mut reversed = cbc_blocks(&cipher, key, &OUTER_IV, wrapped, Decrypt)?;
    reversed.reverse();
    let (iv, inner) = reversed.split_first_chunk::<8>()?;
    let plain = cbc_blocks(&cipher, key, iv, inner, Decrypt)?;
    let (padded, checksum) = plain.split_last_chunk::<8>()?;
    let computed = digest(DigestAlgorithm::Sha1, &[padded]).ok()?;
    let (length, rest) = padded.split_first()?;
    let secret = rest.get(..usize::from(*length))?;
    let equal = openssl::memcmp::eq(computed.as_bytes().get(..8)?, checksum);
    (equal && rest.len() - secret.len() < 8).then(|| Zeroizing::new(secret.to_vec()))
}

fn split(bytes: &[u8]) -> (Zeroizing<Vec<[u8; 8]>>, &[u8]) {
    let (blocks, rest) = bytes.as_chunks::<8>();
    (Zeroizing::new(blocks.to_vec()), rest)
}

fn join(first: &[u8], blocks: &[[u8; 8]]) -> Zeroizing<Vec<u8>> {
    let mut joined = Zeroizing::new(Vec::with_capacity(first.len() + 8 * blocks.len()));
    joined.extend_from_slice(first);
    for block in blocks {
        joined.extend_from_slice(block);
    }
    joined
}

fn xor(a: [u8; 8], step: u64) -> [u8; 8] {
    (u64::from_be_bytes(a) ^ step).to_be_bytes()
}

fn one_block(context: &mut CipherCtx, a: [u8; 8], block: [u8; 8]) -> Option<([u8; 8], [u8; 8])> {
    let mut input = Zeroizing::new([0; 16]);
    let (left, right) = input.split_at_mut(8);
    left.copy_from_slice(&a);
    right.copy_from_slice(&block);
    let mut output = Zeroizing::new([0; 32]);
    let length = context
        .cipher_update(input.as_slice(), Some(output.as_mut_slice()))
        .ok()?;
    let a = *output.first_chunk::<8>()?;
    let block = *output.get(8..length)?.first_chunk::<8>()?;
    Some((a, block))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn vectors_of_the_standards() {
        for (wrap, key, secret, wrapped) in [
            (
                KeyWrap::Aes128, // RFC 3394 §4.1
                "000102030405060708090A0B0C0D0E0F",
                "00112233445566778899AABBCCDDEEFF",
                "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
            ),
            (
                KeyWrap::Aes256, // RFC 3394 §4.6
                "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
                "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
                "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
            ),
            (
                KeyWrap::Aes192Pad, // RFC 5649 §6
                "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
                "c37b7e6492584340bed12207808941155068f738",
                "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
            ),
        ] {
            let (key, secret, wrapped) = (bytes(key), bytes(secret), bytes(wrapped));
            assert_eq!(wrap.wrap(&key, &secret), Ok(wrapped.clone()), "{wrap:?}");
            assert_eq!(*wrap.unwrap(&key, &wrapped).unwrap(), secret, "{wrap:?}");
        }
    }

    /// RFC 3217 §4.4, whose key has 40 effective bits (erratum 639).
    #[test]
    fn the_example_of_rfc_3217() {
        let key = bytes("fd04fd08060707fb0003fefffd02fe05");
        let secret = bytes("b70a25fbc9d86a86050ce0d711ead4d9");
        let wrapped = bytes(
            "70e699fb5701f7833330fb71e87c85a420bdc99af05d22af5a0e48d35f3138986cbaafb4b28d4f35",
        );
        assert_eq!(*KeyWrap::Rc2(40).unwrap(&key, &wrapped).unwrap(), secret);
        assert_eq!(KeyWrap::Rc2(128).unwrap(&key, &wrapped), Err(Failed));
        for length in [1, 5, 8, 15, 16, 24] {
            let secret = vec![7; length];
            let wrapped = KeyWrap::Rc2(41).wrap(&key, &secret).unwrap();
            assert_eq!(*KeyWrap::Rc2(41).unwrap(&key, &wrapped).unwrap(), secret);
        }
    }

    #[test]
    fn our_rfc_3394_is_openssls() {
        let key = [3; 16];
        for length in [16, 24, 32, 40] {
            let secret = vec![5; length];
            let aes = Cipher::fetch(None, "AES-128-ECB", None).unwrap();
            let ours = rfc3394_wrap(&aes, &key, &secret).unwrap();
            assert_eq!(*ours, KeyWrap::Aes128.wrap(&key, &secret).unwrap());
            assert_eq!(*rfc3394_unwrap(&aes, &key, &ours).unwrap(), secret);
        }
    }

    #[test]
    fn round_trips_and_every_changed_bit_is_noticed() {
        for wrap in KeyWrap::ALL {
            let key = vec![0x42; wrap.key_bytes()];
            let secret = vec![0x17; 24];
            let wrapped = wrap.wrap(&key, &secret).unwrap();
            assert_eq!(*wrap.unwrap(&key, &wrapped).unwrap(), secret, "{wrap:?}");
            for at in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[at] ^= 0x10;
                assert_eq!(wrap.unwrap(&key, &changed), Err(Failed), "{wrap:?} {at}");
            }
            assert_eq!(wrap.unwrap(&key, &wrapped[..16]), Err(Failed));
            assert_eq!(wrap.unwrap(&key, &wrapped[1..]), Err(Failed));
            assert_eq!(wrap.unwrap(&key, &[]), Err(Failed));
            assert_eq!(wrap.unwrap(&key[1..], &wrapped), Err(Failed));
        }
    }

    #[test]
    fn parameters_other_than_null_are_refused() {
        for (parameters, known) in [
            (None, true),
            (Some(&[5, 0][..]), true),
            (Some(&[2, 1, 1]), false),
        ] {
            let algorithm = AlgorithmIdentifier {
                oid: oid::AES256_WRAP,
                parameters,
            };
            assert_eq!(KeyWrap::from_algorithm(&algorithm).is_ok(), known);
        }
    }
}
