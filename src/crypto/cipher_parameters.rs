//! The parameters of content ciphers: IV or nonce, length of the tag, bits of the key.

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Tag;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::crypto::content_cipher::Mode;
use crate::crypto::rc2;

/// What the parameters of an AlgorithmIdentifier say.
pub(crate) struct Parameters {
    /// IV or nonce.
    pub nonce: Vec<u8>,
    /// 0 where there is none.
    pub tag_bytes: usize,
    /// Effective bits of RC2, the length of CAST5's key.
    pub stated_bits: Option<u16>,
}

impl Parameters {
    /// None where they are not what the cipher has.
    pub fn read(cipher: CipherAlgorithm, algorithm: &AlgorithmIdentifier<'_>) -> Option<Self> {
        let (mut nonce, mut tag_bytes, mut stated_bits) = (None, 0, None);
        if cipher.mode() == Mode::Stream {
            // The empty OCTET STRING is OpenSSL's.
            let none = algorithm.without_parameters() || algorithm.parameters == Some(&[4, 0]);
            return none.then_some(Self {
                nonce: Vec::new(),
                tag_bytes,
                stated_bits,
            });
        }
        let mut r = algorithm.parameter_reader()?;
        let bare = r.peek() == Some(Tag::OCTET_STRING);
        match cipher.mode() {
            Mode::Cbc if bare => {
                nonce = Some(r.octet_string().ok()?);
                // The other choice of RC2-CBCParameter (RFC 2268 §6). CAST5 and IDEA: so OpenSSL writes them.
                if cipher == CipherAlgorithm::Rc2Cbc {
                    stated_bits = Some(32);
                }
            }
            Mode::ChaCha => {
                nonce = Some(r.octet_string().ok()?);
                tag_bytes = 16;
            }
            Mode::Gcm | Mode::Ccm => r
                .sequence(|r| {
                    nonce = Some(r.octet_string()?);
                    // aes-ICVlen DEFAULT 12 (RFC 5084 §3.1, §3.2)
                    let bytes = if r.is_empty() { 12 } else { r.small_integer()? };
                    tag_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    Ok(())
                })
                .ok()?,
            Mode::Cbc | Mode::Stream => {
                let read = match cipher {
                    CipherAlgorithm::Rc2Cbc => r.sequence(|r| {
                        stated_bits = rc2::bits_of_version(r.small_integer()?);
                        nonce = Some(r.octet_string()?);
                        Ok(())
                    }),
                    CipherAlgorithm::Cast5Cbc => r.sequence(|r| {
                        nonce = Some(r.octet_string()?);
                        stated_bits = cast5_bits(r.small_integer()?);
                        Ok(())
                    }),
                    CipherAlgorithm::IdeaCbc => r.sequence(|r| {
                        nonce = Some(r.octet_string()?);
                        Ok(())
                    }),
                    _ => return None,
                };
                read.ok()?;
                if cipher != CipherAlgorithm::IdeaCbc {
                    stated_bits?;
                }
            }
        }
        r.finish().ok()?;
        Some(Self {
            nonce: nonce?.bytes().ok()?.into_owned(),
            tag_bytes,
            stated_bits,
        })
    }
}

/// keyLength of CAST5: whole octets, 40 to 128 bits (RFC 2144 §2.5).
fn cast5_bits(bits: u64) -> Option<u16> {
    let bits = u16::try_from(bits).ok()?;
    ((40..=128).contains(&bits) && bits.is_multiple_of(8)).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Oid;
    use crate::asn1::Writer;
    use crate::asn1::oid;
    use crate::crypto::content_cipher::CipherUnsupported;
    use crate::crypto::content_cipher::ContentCipher;

    fn read(
        oid: Oid<'static>,
        parameters: Option<&[u8]>,
    ) -> Result<ContentCipher, CipherUnsupported> {
        ContentCipher::from_algorithm(&AlgorithmIdentifier { oid, parameters })
    }

    fn octets(length: usize) -> Vec<u8> {
        Writer::encode(|w| w.octet_string(&vec![1; length]))
    }

    #[test]
    fn parameters_of_old_ciphers() {
        let odd = Err(CipherUnsupported::Parameters);
        let rc2 = |version: u64, iv: usize| {
            let parameters = Writer::encode(|w| {
                w.sequence(|w| {
                    w.small_integer(version);
                    w.octet_string(&vec![1; iv]);
                });
            });
            read(oid::RC2_CBC, Some(&parameters)).map(|cipher| cipher.key_bits())
        };
        assert_eq!(rc2(160, 8), Ok(Some(40)));
        assert_eq!(rc2(58, 8), Ok(Some(128)));
        assert_eq!(rc2(256, 8), Ok(Some(256)));
        for (version, iv) in [(58, 16), (58, 0), (2000, 8)] {
            assert_eq!(rc2(version, iv).err(), odd.clone().err());
        }
        // An IV alone: 32 bits (RFC 2268 §6).
        let bare = read(oid::RC2_CBC, Some(&octets(8))).unwrap();
        assert_eq!(bare.key_bits(), Some(32));
        let cast5 = |bits: u64| {
            let parameters = Writer::encode(|w| {
                w.sequence(|w| {
                    w.octet_string(&[1; 8]);
                    w.small_integer(bits);
                });
            });
            read(oid::CAST5_CBC, Some(&parameters)).map(|cipher| cipher.key_bits())
        };
        assert_eq!(cast5(40), Ok(Some(40)));
        assert_eq!(cast5(128), Ok(Some(128)));
        for bits in [0, 32, 41, 136] {
            assert_eq!(cast5(bits).err(), odd.clone().err());
        }
        // What OpenSSL writes for CAST5 and IDEA.
        let bare = read(oid::CAST5_CBC, Some(&octets(8))).unwrap();
        assert_eq!((bare.key_bits(), bare.key_bits_with(&[1; 5])), (None, 40));
        assert!(read(oid::IDEA_CBC, Some(&octets(8))).is_ok());
        for (oid, iv) in [
            (oid::DES_CBC, 8),
            (oid::SEED_CBC, 16),
            (oid::CAMELLIA192_CBC, 16),
        ] {
            assert!(read(oid, Some(&octets(iv))).is_ok());
            assert_eq!(read(oid, Some(&octets(24 - iv))), odd);
            assert_eq!(read(oid, None), odd);
        }
        assert_eq!(read(oid::RC4, None).unwrap().key_bits(), None);
        assert!(read(oid::RC4, Some(&[5, 0])).is_ok());
        assert!(read(oid::RC4, Some(&[4, 0])).is_ok());
        assert_eq!(read(oid::RC4, Some(&octets(8))), odd);
    }
}
