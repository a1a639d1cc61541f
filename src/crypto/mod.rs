//! The only user of OpenSSL: digests, signatures, keys, ciphers, passwords, and the confirmation of certificate paths.
//!
//! Primitives only: OpenSSL's CMS, PKCS #7 and PKCS #12 functions are never called. Everything read from mail is checked here
//! against [`crate::limits`] before OpenSSL sees it. All types may be sent to another thread; keys may also be shared
//! between threads, while contexts ([`signature::VerifyContext`], [`content::ContentContext`]) belong to one worker each.

pub mod digest;


mod legacy;

mod sys;

/// A decryption did not succeed. There is one such value and it says nothing more: whether the key, the padding or the
/// tag was wrong must not be told apart (RFC 3218 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// The linked OpenSSL's version, for the report's header.
#[must_use]
pub fn openssl_version() -> String {
    openssl::version::version().to_owned()
}
