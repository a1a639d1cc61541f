//! The content key and the IV of one message.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::content_cipher::{CipherAlgorithm, ContentCipher};
use crate::crypto::random::NoRandomness;

/// A content-encryption key with its cipher and IV or nonce (RFC 5652 §6.3, RFC 5084 §3). Made for one message, wiped when dropped.
pub struct ContentKey {
    cipher: ContentCipher,
    secret: Zeroizing<Vec<u8>>,
}

impl ContentKey {
    /// A key and an IV that nobody has had before, of the cipher's lengths; a nonce of 12 octets and a tag of 16 for GCM.
    ///
    /// Both are random: no two messages share a key, so no nonce meets a key twice.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate(algorithm: CipherAlgorithm) -> Result<Self, NoRandomness> {
        let cipher = ContentCipher::generate(algorithm)?;
        let secret = cipher.generate_key()?;
        Ok(Self { cipher, secret })
    }

    /// The cipher with its IV.
    #[must_use]
    pub fn cipher(&self) -> &ContentCipher {
        &self.cipher
    }

    /// The key.
    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey")
            .field("cipher", &self.cipher)
            .finish_non_exhaustive()
    }
}
