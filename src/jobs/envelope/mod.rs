//! Mail content, encrypted to certificates: EnvelopedData (RFC 5652 §6) and AuthEnvelopedData (RFC 5083), in DER, in memory.
//!
//! Which cipher and which key encryption is decided in [`choice`] by what the recipients announce; whether a certificate may be used
//! at all is not decided here, but by `judge::recipient`.

pub mod addressee;

pub mod announced;

pub mod choice;

pub mod content_key;

#[cfg(test)]
mod tests;

pub use addressee::{Addressee, CannotEncrypt, NamedBy};
pub use announced::{Announced, OURS};
pub use choice::{NAMED, choose, named};
pub use content_key::ContentKey;

use crate::asn1::{AlgorithmIdentifier, Reader};
use crate::cms::build;
use crate::crypto::content;
use crate::crypto::content_cipher::CipherAlgorithm;

/// What was encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enveloped {
    /// The `ContentInfo`, DER.
    pub der: Vec<u8>,
    /// It is an AuthEnvelopedData.
    pub is_authenticated: bool,
}

impl Enveloped {
    /// The `smime-type` that belongs to it (RFC 8551 §3.2.2).
    #[must_use]
    pub fn smime_type(&self) -> &'static str {
        if self.is_authenticated {
            "authEnveloped-data"
        } else {
            "enveloped-data"
        }
    }
}

/// Why nothing was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvelopeError {
    /// There is no recipient (RFC 5652 §6.1 demands one).
    NoRecipient,
    /// The system gives no randomness.
    NoRandomness,
    /// The content key could not be encrypted to the recipient of this number, counted from 0.
    Recipient(usize),
    /// The linked OpenSSL has not the cipher, or refuses it.
    Cipher,
}

/// Encrypts a MIME entity, whose octets come in pieces, to all of `to` with a content key and an IV of its own. Each call draws new
/// ones from the system's random source, and wipes the key.
///
/// The order of the recipients is DER's (RFC 5652 §6.1 has a SET), so it tells nothing of who is To and who is Cc.
///
/// # Errors
/// Where there is no recipient or one's key can't be used, and where the system or OpenSSL fails.
pub fn encrypt(
    pieces: &[&[u8]],
    to: &[&Addressee],
    cipher: CipherAlgorithm,
) -> Result<Enveloped, EnvelopeError> {
    if to.is_empty() {
        return Err(EnvelopeError::NoRecipient);
    }
    let key = ContentKey::generate(cipher).map_err(|_| EnvelopeError::NoRandomness)?;
    let mut prepared = Vec::with_capacity(to.len());
    for (index, addressee) in to.iter().enumerate() {
        let made = addressee
            .encrypt_key(key.secret())
            .map_err(|_| EnvelopeError::Recipient(index))?;
        prepared.push(made);
    }
    let mut recipients = Vec::with_capacity(to.len());
    for (index, (addressee, made)) in to.iter().zip(&prepared).enumerate() {
        let written = addressee.recipient(made);
        recipients.push(written.ok_or(EnvelopeError::Recipient(index))?);
    }
    let algorithm = key.cipher().algorithm_identifier();
    let algorithm = AlgorithmIdentifier::read(&mut Reader::new(&algorithm))
        .map_err(|_| EnvelopeError::Cipher)?;
    // No authenticated attributes, which id-data does not need (RFC 5083 §2.1): nothing but the content is covered by the tag.
    let encrypted = content::encrypt(key.cipher(), key.secret(), b"", pieces)
        .map_err(|_| EnvelopeError::Cipher)?;
    let is_authenticated = cipher.is_aead();
    let der = if is_authenticated {
        build::AuthEnvelopedData::new(recipients, algorithm, &encrypted.ciphertext, &encrypted.tag)
            .encode()
    } else {
        build::EnvelopedData::new(recipients, algorithm, &encrypted.ciphertext).encode()
    };
    Ok(Enveloped {
        der,
        is_authenticated,
    })
}
