//! The only user of OpenSSL: digests, signatures, keys, ciphers, passwords, and the confirmation of certificate paths.
//!
//! Primitives only: OpenSSL's CMS, PKCS #7 and PKCS #12 functions are never called. Everything read from mail is checked here
//! against the limits before OpenSSL sees it. All types may be sent to another thread; keys may also be shared
//! between threads, while contexts ([`signature::VerifyContext`], [`content::ContentContext`]) belong to one worker each.

pub mod digest;

pub mod key;

pub mod private_key;

pub mod signature_scheme;

mod digest_info;

pub mod signature;

pub mod sign;

pub mod key_transport;

pub mod key_wrap;

pub mod key_agreement;

pub mod kem;

pub mod content_cipher;

pub mod content;

pub mod password;

pub mod chain;

pub mod canary;

pub mod random;

mod legacy;

mod rc2;

mod x942;

pub mod cipher_algorithm;

mod cipher_parameters;

mod sys;

pub use digest::{DigestAlgorithm, DigestValue, Hasher};
pub use digest_info::RecoveredDigest;
pub use key::{Curve, KeyAlgorithm, KeyError, PublicKey};
pub use private_key::PrivateKey;
pub use signature::{Outcome, Signed, VerifyContext, recovered_digest, verify};
pub use signature_scheme::{SignatureScheme, SignatureUnsupported};

/// A decryption did not succeed. There is one such value and it says nothing more: whether the key, the padding or the
/// tag was wrong must not be told apart (RFC 3218 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// The linked OpenSSL's version, for the report's header.
#[must_use]
pub fn openssl_version() -> String {
    openssl::version::version().to_owned()
}
