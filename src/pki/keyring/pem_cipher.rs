//! Keys encrypted in the way of OpenSSL before PKCS #8: `Proc-Type: 4,ENCRYPTED` and `DEK-Info` (`openssl rsa -aes128 -traditional`,
//! `ssh-keygen` before 7.8).

use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Writer;
use crate::crypto::DigestAlgorithm;
use crate::crypto::Failed;
use crate::crypto::content::ContentContext;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::crypto::content_cipher::ContentCipher;
use crate::crypto::digest::digest;
use crate::crypto::password::Password;
use crate::pki::keyring::unlock::UnlockError;

/// An encrypted block with `DEK-Info`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PemCiphertext {
    /// The cipher's name, such as `AES-256-CBC`.
    pub name: String,
    /// Its initial vector; the first 8 octets are the salt too.
    pub iv: Vec<u8>,
    /// The encrypted octets.
    pub ciphertext: Vec<u8>,
}

/// Octets of the initial vector that are the salt (`PKCS5_SALT_LEN` of openssl/evp.h).
const SALT_BYTES: usize = 8;

impl PemCiphertext {
    /// The cipher that `DEK-Info` names: AES or triple DES in CBC mode.
    ///
    /// # Errors
    /// `UnsupportedAlgorithm` for another, `Damaged` where the initial vector has not its length.
    pub fn cipher(&self) -> Result<ContentCipher, UnlockError> {
        let named = |cipher: &&CipherAlgorithm| {
            !cipher.is_aead() && cipher.name().eq_ignore_ascii_case(&self.name)
        };
        let Some(cipher) = CipherAlgorithm::ALL.iter().find(named) else {
            return Err(UnlockError::UnsupportedAlgorithm(self.name.clone()));
        };
        let parameters = Writer::encode(|w| w.octet_string(&self.iv));
        let algorithm = AlgorithmIdentifier {
            oid: cipher.oid(),
            parameters: Some(&parameters),
        };
        ContentCipher::from_algorithm(&algorithm).map_err(|_| UnlockError::Damaged)
    }

    /// What was encrypted, if the padding is right.
    ///
    /// # Errors
    /// Where it is not: most likely the password is wrong.
    pub fn decrypt(
        &self,
        cipher: &ContentCipher,
        password: &Password,
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let key = self.key(cipher.algorithm().key_bytes(), password.octets())?;
        let mut context = ContentContext::new();
        let mut decryptor = context.decrypt(cipher, &key, &[], self.ciphertext.len())?;
        decryptor.update(&self.ciphertext);
        decryptor.finish(None)
    }

    /// `EVP_BytesToKey` with MD5 and one round, as `PEM_do_header` calls it.
    fn key(&self, bytes: usize, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let salt = self.iv.get(..SALT_BYTES).ok_or(Failed)?;
        let block = DigestAlgorithm::Md5.bytes();
        let mut key = Zeroizing::new(Vec::with_capacity(bytes + block));
        while key.len() < bytes {
            let before = key.len().saturating_sub(block);
            let last = key.get(before..).unwrap_or_default();
            let next = digest(DigestAlgorithm::Md5, &[last, password, salt]);
            let next = next.map_err(|_| Failed)?;
            if next.as_bytes().is_empty() {
                return Err(Failed);
            }
            key.extend_from_slice(next.as_bytes());
        }
        key.truncate(bytes);
        Ok(key)
    }
}
