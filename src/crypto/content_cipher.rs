//! Which content cipher an AlgorithmIdentifier means, and what may hold it.

use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::cipher_parameters::Parameters;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key_agreement::hkdf;
use crate::crypto::random;
use crate::crypto::random::NoRandomness;
use crate::crypto::rc2;

pub use crate::crypto::cipher_algorithm::CipherAlgorithm;

pub(crate) use crate::crypto::cipher_algorithm::Mode;

/// Without padding and without a tag: an attacker may change plaintext bit by bit (catalogue C-06).
const MALLEABLE: &[Oid<'static>] = &[
    oid::AES128_ECB,
    oid::AES128_OFB,
    oid::AES128_CFB,
    oid::AES192_OFB,
    oid::AES192_CFB,
    oid::AES256_OFB,
    oid::AES256_CFB,
];

/// Why content can't be decrypted, whatever the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherUnsupported {
    /// Not known.
    Algorithm,
    /// Refused by this name: a stream or block mode that S/MIME has no use for.
    Refused(&'static str),
    /// Parameters that are absent, malformed or out of bounds: IV or nonce length, tag length outside 12 to 16 bytes.
    Parameters,
}

/// The CMS types that hold encrypted content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// RFC 5652 §6. EncryptedData (§8) has the same rule.
    EnvelopedData,
    /// RFC 5083.
    AuthEnvelopedData,
}

/// A content cipher with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentCipher {
    algorithm: CipherAlgorithm,
    nonce: Vec<u8>,
    tag_bytes: usize,
    /// Bits that the parameters state: effective ones of RC2, the key's length of CAST5.
    stated_bits: Option<u16>,
    /// The inner AlgorithmIdentifier that the key is derived with (RFC 9709).
    derived_with: Option<Vec<u8>>,
}

impl ContentCipher {
    /// The contentEncryptionAlgorithm of EncryptedContentInfo (RFC 5652 §6.1).
    ///
    /// # Errors
    /// Where it is not known, not enabled, or its parameters are not in order.
    pub fn from_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Result<Self, CipherUnsupported> {
        if algorithm.oid != oid::CEK_HKDF_SHA256 {
            return Self::plain(algorithm);
        }
        let odd = CipherUnsupported::Parameters;
        let raw = algorithm.parameters.ok_or(odd)?;
        let mut r = Reader::new(raw);
        let inner = AlgorithmIdentifier::read(&mut r).map_err(|_| odd)?;
        r.finish().map_err(|_| odd)?;
        Ok(Self {
            derived_with: Some(raw.to_vec()),
            ..Self::plain(&inner)?
        })
    }

    fn plain(algorithm: &AlgorithmIdentifier<'_>) -> Result<Self, CipherUnsupported> {
        let oid = algorithm.oid;
        let Some(cipher) = CipherAlgorithm::ALL
            .iter()
            .copied()
            .find(|cipher| cipher.oid() == oid)
        else {
            return Err(if MALLEABLE.contains(&oid) {
                CipherUnsupported::Refused(oid.name().unwrap_or_default())
            } else {
                CipherUnsupported::Algorithm
            });
        };
        let odd = CipherUnsupported::Parameters;
        let read = Parameters::read(cipher, algorithm).ok_or(odd)?;
        // RFC 5084 allows CCM even lengths only, and shorter ones, which are too easily guessed.
        let tag_fits = match cipher.mode() {
            Mode::Cbc | Mode::Stream => read.tag_bytes == 0,
            Mode::Ccm => matches!(read.tag_bytes, 12 | 14 | 16),
            Mode::Gcm | Mode::ChaCha => (12..=16).contains(&read.tag_bytes),
        };
        if !tag_fits || !cipher.accepts_nonce(read.nonce.len()) {
            return Err(odd);
        }
        Ok(Self {
            algorithm: cipher,
            nonce: read.nonce,
            tag_bytes: read.tag_bytes,
            stated_bits: read.stated_bits,
            derived_with: None,
        })
    }

    /// RC2 with these effective key bits and no IV of its own, for the key wrap (RFC 3217 §4).
    pub(crate) fn rc2(bits: u16) -> Self {
        Self {
            algorithm: CipherAlgorithm::Rc2Cbc,
            nonce: Vec::new(),
            tag_bytes: 0,
            stated_bits: Some(bits),
            derived_with: None,
        }
    }

    /// A cipher with a fresh IV or nonce and a tag of 16 bytes, for mail that is written. RC2 has 128 effective bits. Whoever writes
    /// mail for others chooses none that [is legacy](CipherAlgorithm::is_legacy).
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate(algorithm: CipherAlgorithm) -> Result<Self, NoRandomness> {
        let mut nonce = vec![0; algorithm.nonce_bytes()];
        random::fill(&mut nonce)?;
        Ok(Self {
            algorithm,
            nonce,
            tag_bytes: if algorithm.is_aead() { 16 } else { 0 },
            stated_bits: match algorithm {
                CipherAlgorithm::Rc2Cbc | CipherAlgorithm::Cast5Cbc => Some(128),
                _ => None,
            },
            derived_with: None,
        })
    }

    /// RC2 with a fresh IV and these effective key bits, for samples of old mail.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate_rc2(bits: u16) -> Result<Self, NoRandomness> {
        let stated_bits = Some(bits);
        let cipher = Self::generate(CipherAlgorithm::Rc2Cbc)?;
        Ok(Self {
            stated_bits,
            ..cipher
        })
    }

    /// The same cipher with its key derived by HKDF (RFC 9709): it can't be taken for another cipher then.
    #[must_use]
    pub fn with_derived_key(mut self) -> Self {
        if self.derived_with.is_none() {
            self.derived_with = Some(self.algorithm_identifier());
        }
        self
    }

    /// A fresh key of the cipher's length.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate_key(&self) -> Result<Zeroizing<Vec<u8>>, NoRandomness> {
        random::secret(self.usual_key_bytes())
    }

    /// The AlgorithmIdentifier, DER.
    #[must_use]
    pub fn algorithm_identifier(&self) -> Vec<u8> {
        if let Some(inner) = &self.derived_with {
            return Writer::encode(|w| w.algorithm(oid::CEK_HKDF_SHA256, Some(inner)));
        }
        let stated = self.stated_bits;
        let parameters = Writer::encode(|w| match self.algorithm.mode() {
            Mode::Cbc => match self.algorithm {
                CipherAlgorithm::Rc2Cbc => w.sequence(|w| {
                    w.small_integer(rc2::version_of_bits(stated.unwrap_or(32)));
                    w.octet_string(&self.nonce);
                }),
                CipherAlgorithm::Cast5Cbc => w.sequence(|w| {
                    w.octet_string(&self.nonce);
                    w.small_integer(u64::from(stated.unwrap_or(128)));
                }),
                CipherAlgorithm::IdeaCbc => w.sequence(|w| w.octet_string(&self.nonce)),
                _ => w.octet_string(&self.nonce),
            },
            Mode::Stream => w.null(),
            Mode::ChaCha => w.octet_string(&self.nonce),
            Mode::Gcm | Mode::Ccm => w.sequence(|w| {
                w.octet_string(&self.nonce);
                if self.tag_bytes != 12 {
                    w.small_integer(u64::try_from(self.tag_bytes).unwrap_or(0));
                }
            }),
        });
        Writer::encode(|w| w.algorithm(self.algorithm.oid(), Some(&parameters)))
    }

    /// Which cipher it is.
    #[must_use]
    pub fn algorithm(&self) -> CipherAlgorithm {
        self.algorithm
    }

    /// The name that reports use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.algorithm.name()
    }

    /// Length of the key in bits, for RC2 the effective ones; None where only the key itself tells (RC4).
    #[must_use]
    pub fn key_bits(&self) -> Option<usize> {
        match self.algorithm {
            CipherAlgorithm::Rc4 => None,
            CipherAlgorithm::Rc2Cbc | CipherAlgorithm::Cast5Cbc => {
                self.stated_bits.map(usize::from)
            }
            _ => Some(self.algorithm.key_bytes() * 8),
        }
    }

    /// The same, known what key it is run with.
    #[must_use]
    pub fn key_bits_with(&self, key: &[u8]) -> usize {
        self.key_bits().unwrap_or(key.len() * 8)
    }

    /// Effective key bits, of RC2 only.
    pub(crate) fn rc2_bits(&self) -> Option<u16> {
        let is_rc2 = self.algorithm == CipherAlgorithm::Rc2Cbc;
        self.stated_bits.filter(|_| is_rc2)
    }

    /// Length in bytes of a key for it that somebody derives or generates.
    pub(crate) fn usual_key_bytes(&self) -> usize {
        self.key_bits()
            .map_or(self.algorithm.key_bytes(), |bits| bits.div_ceil(8))
    }

    /// A key of this many bytes is accepted. RC2 (RFC 2268 §2) and RC4 take what the sender chose, and CAST5 does where OpenSSL wrote
    /// no length.
    pub(crate) fn accepts_key(&self, bytes: usize) -> bool {
        match (self.algorithm, self.stated_bits) {
            (CipherAlgorithm::Rc2Cbc, _) => (1..=128).contains(&bytes),
            (CipherAlgorithm::Rc4, _) => (5..=32).contains(&bytes),
            (CipherAlgorithm::Cast5Cbc, None) => (5..=16).contains(&bytes),
            _ => bytes == self.usual_key_bytes(),
        }
    }

    /// Authenticates what it encrypts.
    #[must_use]
    pub fn is_aead(&self) -> bool {
        self.algorithm.is_aead()
    }

    /// Pads what it encrypts, and so notices most wrong keys (RFC 5652 §6.3).
    #[must_use]
    pub fn has_padding(&self) -> bool {
        self.algorithm.mode() == Mode::Cbc
    }

    /// The key is derived by HKDF (RFC 9709): reports' `cek_hkdf`.
    #[must_use]
    pub fn has_derived_key(&self) -> bool {
        self.derived_with.is_some()
    }

    /// This content type may hold it: CBC (and RC4) belongs in EnvelopedData, authenticated ciphers in AuthEnvelopedData, and where they are
    /// exchanged the tag would not be looked at (CVE-2026-34182).
    #[must_use]
    pub fn allowed_in(&self, container: Container) -> bool {
        match container {
            Container::EnvelopedData => !self.is_aead(),
            Container::AuthEnvelopedData => self.is_aead(),
        }
    }

    /// Length of the tag in bytes; 0 for CBC.
    #[must_use]
    pub fn tag_bytes(&self) -> usize {
        self.tag_bytes
    }

    /// IV or nonce.
    pub(crate) fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// The key that the cipher is run with: the given one, or what RFC 9709 §2 derives from it. None for one of another length.
    pub(crate) fn effective_key(&self, key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if !self.accepts_key(key.len()) {
            return None;
        }
        match &self.derived_with {
            None => Some(Zeroizing::new(key.to_vec())),
            Some(inner) => hkdf(
                DigestAlgorithm::Sha256,
                key,
                Some(b"The Cryptographic Message Syntax"),
                inner,
                key.len(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Failed;
    use crate::crypto::content::ContentContext;
    use crate::crypto::content::encrypt;

    fn read(
        oid: Oid<'static>,
        parameters: Option<&[u8]>,
    ) -> Result<ContentCipher, CipherUnsupported> {
        ContentCipher::from_algorithm(&AlgorithmIdentifier { oid, parameters })
    }

    fn octets(length: usize) -> Vec<u8> {
        Writer::encode(|w| w.octet_string(&vec![1; length]))
    }

    fn nonce_and_tag(nonce: usize, tag: u64) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.octet_string(&vec![1; nonce]);
                w.small_integer(tag);
            });
        })
    }

    fn decrypt(
        cipher: &ContentCipher,
        key: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
        tag: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut context = ContentContext::new();
        let mut decryptor = context.decrypt(cipher, key, aad, ciphertext.len())?;
        decryptor.update(ciphertext);
        decryptor.finish(tag)
    }

    #[test]
    fn parameters_are_bounded() {
        let odd = Err(CipherUnsupported::Parameters);
        assert_eq!(read(oid::AES128_CBC, None), odd);
        assert_eq!(read(oid::AES128_CBC, Some(&[5, 0])), odd);
        assert_eq!(read(oid::AES128_CBC, Some(&octets(8))), odd);
        assert!(read(oid::AES128_CBC, Some(&octets(16))).is_ok());
        assert!(read(oid::DES_EDE3_CBC, Some(&octets(8))).is_ok());
        for (tag, gcm, ccm) in [
            (4, false, false),
            (11, false, false),
            (12, true, true),
            (13, true, false),
            (16, true, true),
            (17, false, false),
            (u64::MAX, false, false),
        ] {
            let parameters = nonce_and_tag(12, tag);
            assert_eq!(
                read(oid::AES256_GCM, Some(&parameters)).is_ok(),
                gcm,
                "{tag}"
            );
            assert_eq!(
                read(oid::AES256_CCM, Some(&parameters)).is_ok(),
                ccm,
                "{tag}"
            );
        }
        for (nonce, gcm, ccm) in [
            (0, false, false),
            (6, true, false),
            (13, true, true),
            (129, false, false),
        ] {
            let parameters = nonce_and_tag(nonce, 16);
            assert_eq!(
                read(oid::AES128_GCM, Some(&parameters)).is_ok(),
                gcm,
                "{nonce}"
            );
            assert_eq!(
                read(oid::AES128_CCM, Some(&parameters)).is_ok(),
                ccm,
                "{nonce}"
            );
        }
        let without_tag_length = Writer::encode(|w| w.sequence(|w| w.octet_string(&[1; 12])));
        let cipher = read(oid::AES128_GCM, Some(&without_tag_length)).unwrap();
        assert_eq!(cipher.tag_bytes(), 12);
    }

    #[test]
    fn what_is_not_decrypted_is_named() {
        let odd = Err(CipherUnsupported::Parameters);
        assert_eq!(read(oid::RC2_CBC, None), odd);
        assert_eq!(
            read(oid::AES256_OFB, None),
            Err(CipherUnsupported::Refused("aes-256-ofb"))
        );
        assert_eq!(read(oid::DATA, None), Err(CipherUnsupported::Algorithm));
    }

    #[test]
    fn each_container_has_its_ciphers() {
        for algorithm in CipherAlgorithm::ALL {
            let cipher = ContentCipher::generate(*algorithm).unwrap();
            let cbc = algorithm.name().contains("cbc") || *algorithm == CipherAlgorithm::Rc4;
            assert_eq!(cipher.allowed_in(Container::EnvelopedData), cbc);
            assert_eq!(cipher.allowed_in(Container::AuthEnvelopedData), !cbc);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for algorithm in CipherAlgorithm::ALL {
            for length in [0, 1, 15, 16, 17, 1000] {
                let plain = ContentCipher::generate(*algorithm).unwrap();
                for cipher in [plain.clone(), plain.with_derived_key()] {
                    let der = cipher.algorithm_identifier();
                    let read = AlgorithmIdentifier::read(&mut Reader::new(&der)).unwrap();
                    assert_eq!(ContentCipher::from_algorithm(&read).as_ref(), Ok(&cipher));
                    let key = cipher.generate_key().unwrap();
                    let text = vec![0x61; length];
                    let aad: &[u8] = if cipher.is_aead() { b"attributes" } else { b"" };
                    let (one, two) = text.split_at(length / 3);
                    let encrypted = match encrypt(&cipher, &key, aad, &[one, two]) {
                        Ok(encrypted) => encrypted,
                        Err(Failed) => {
                            // CCM of nothing, which OpenSSL would not check.
                            assert_eq!((length, algorithm.mode()), (0, Mode::Ccm));
                            continue;
                        }
                    };
                    let tag = cipher.is_aead().then_some(encrypted.tag.as_slice());
                    let open = |aad, tag| decrypt(&cipher, &key, aad, &encrypted.ciphertext, tag);
                    assert_eq!(*open(aad, tag).unwrap(), text, "{algorithm:?} {length}");
                    if cipher.is_aead() {
                        assert_eq!(open(b"other", tag), Err(Failed));
                        assert_eq!(open(aad, None), Err(Failed));
                        assert_eq!(open(aad, Some(&[0; 16])), Err(Failed));
                        assert_eq!(open(aad, tag.map(|tag| &tag[..12])), Err(Failed));
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_comes_out_of_nothing() {
        for algorithm in CipherAlgorithm::ALL {
            let cipher = ContentCipher::generate(*algorithm).unwrap();
            let key = cipher.generate_key().unwrap();
            let tag = cipher.is_aead().then_some(&[0; 16][..]);
            let nothing = decrypt(&cipher, &key, b"", b"", tag);
            // A stream without padding: whoever calls asks whether the plaintext is plausible.
            if algorithm.mode() == Mode::Stream {
                assert!(nothing.unwrap().is_empty());
                continue;
            }
            assert_eq!(nothing, Err(Failed));
            if !cipher.is_aead() {
                assert_eq!(decrypt(&cipher, &key, b"", &[1; 17], None), Err(Failed));
                assert_eq!(decrypt(&cipher, &key, b"aad", &[1; 16], None), Err(Failed));
            }
        }
    }

    #[test]
    fn a_derived_key_is_that_of_the_standard() {
        // The example of RFC 9709 for AES-128-GCM, as other implementations test it.
        let inner = [
            0x30, 0x1b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x06, 0x30,
            0x0e, 0x04, 0x0c, 0x5c, 0x79, 0x05, 0x8b, 0xa2, 0xf4, 0x34, 0x47, 0x63, 0x9d, 0x29,
            0xe2,
        ];
        let key = [
            0xc7, 0x02, 0xe7, 0xd0, 0xa9, 0xe0, 0x64, 0xb0, 0x9b, 0xa5, 0x52, 0x45, 0xfb, 0x73,
            0x3c, 0xf3,
        ];
        let cipher = read(oid::CEK_HKDF_SHA256, Some(&inner)).unwrap();
        assert_eq!(cipher.algorithm(), CipherAlgorithm::Aes128Gcm);
        assert_eq!(
            cipher.effective_key(&key).unwrap().as_slice(),
            [
                0x21, 0x24, 0xff, 0xb2, 0x9f, 0xac, 0x4e, 0x0f, 0xbb, 0xc7, 0xd5, 0xd8, 0x74, 0x92,
                0xbf, 0xf3
            ]
        );
    }

    /// In one context, one after another: nothing of a cipher stays for the next.
    #[test]
    fn rc2_with_any_effective_bits_and_any_key() {
        let mut context = ContentContext::new();
        let text = b"From: somebody\r\n\r\nText\r\n".repeat(3);
        for bits in [1, 32, 40, 41, 63, 64, 127, 128, 129, 255, 256, 1024] {
            for key in [&[7; 5][..], &[7; 8], &[7; 16], &[7; 128]] {
                let cipher = ContentCipher::generate_rc2(bits).unwrap();
                let der = cipher.algorithm_identifier();
                let read = AlgorithmIdentifier::read(&mut Reader::new(&der)).unwrap();
                assert_eq!(ContentCipher::from_algorithm(&read).as_ref(), Ok(&cipher));
                assert_eq!(cipher.key_bits(), Some(usize::from(bits)));
                let encrypted = encrypt(&cipher, key, b"", &[&text]).unwrap().ciphertext;
                let mut decryptor = context.decrypt(&cipher, key, b"", 0).unwrap();
                decryptor.update(&encrypted);
                assert_eq!(*decryptor.finish(None).unwrap(), text, "{bits}");
                let aes = ContentCipher::generate(CipherAlgorithm::Aes128Cbc).unwrap();
                assert!(context.decrypt(&aes, &[1; 16], b"", 0).is_ok());
            }
        }
        let cipher = ContentCipher::generate_rc2(40).unwrap();
        assert!(context.decrypt(&cipher, &[], b"", 0).is_err());
        assert!(context.decrypt(&cipher, &[1; 129], b"", 0).is_err());
    }

    #[test]
    fn a_derived_key_opens_nothing_else() {
        let plain = ContentCipher::generate(CipherAlgorithm::Aes256Cbc).unwrap();
        let derived = plain.clone().with_derived_key();
        let key = plain.generate_key().unwrap();
        assert_ne!(derived.effective_key(&key), plain.effective_key(&key));
        assert!(derived.has_derived_key() && !plain.has_derived_key());
        let nested = Writer::encode(|w| {
            w.algorithm(oid::CEK_HKDF_SHA256, Some(&derived.algorithm_identifier()));
        });
        let read = AlgorithmIdentifier::read(&mut Reader::new(&nested)).unwrap();
        let refused = ContentCipher::from_algorithm(&read);
        assert_eq!(refused, Err(CipherUnsupported::Algorithm));
    }
}
