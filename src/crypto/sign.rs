//! Signing, for mail that is written.

use openssl::md_ctx::MdCtx;
use openssl::pkey_ctx::{NonceType, PkeyCtx};
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

use crate::crypto::digest::digest;
use crate::crypto::private_key::PrivateKey;
use crate::crypto::signature::Signed;
use crate::crypto::signature_scheme::SignatureScheme;
use crate::crypto::sys;

/// The key can't make a signature of this scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotSign;

/// Signs `signed`. Equal input gives an equal signature, but for PSS and SHAKE: the nonce of ECDSA and DSA is that of RFC 6979.
///
/// # Errors
/// Where the key does not fit the scheme, the scheme needs a message and has a digest, or OpenSSL refuses.
pub fn sign(
    scheme: &SignatureScheme,
    key: &PrivateKey,
    signed: Signed<'_>,
) -> Result<Vec<u8>, CannotSign> {
    if !scheme.fits(key.algorithm()) {
        return Err(CannotSign);
    }
    sys::start();
    sys::clear_errors();
    let signature = match scheme.digest() {
        Some(algorithm) => {
            let value = match signed {
                Signed::Digest(value) => value.to_vec(),
                Signed::Message(pieces) => {
                    let value = digest(algorithm, pieces).map_err(|_| CannotSign)?;
                    value.as_bytes().to_vec()
                }
            };
            sign_digest(scheme, key, &value)
        }
        None => match signed {
            Signed::Message(pieces) => sign_message(key, &pieces.concat()),
            Signed::Digest(_) => None,
        },
    };
    sys::clear_errors();
    signature.ok_or(CannotSign)
}

fn sign_digest(scheme: &SignatureScheme, key: &PrivateKey, value: &[u8]) -> Option<Vec<u8>> {
    if Some(value.len()) != scheme.digest().map(|digest| digest.bytes()) {
        return None;
    }
    let mut context = PkeyCtx::new(key.pkey()).ok()?;
    context.sign_init().ok()?;
    match *scheme {
        SignatureScheme::RsaV15(digest) => {
            context.set_rsa_padding(Padding::PKCS1).ok()?;
            context.set_signature_md(digest.md()?).ok()?;
        }
        SignatureScheme::RsaPss {
            digest,
            mgf_digest,
            salt_bytes,
        } => {
            context.set_rsa_padding(Padding::PKCS1_PSS).ok()?;
            context.set_signature_md(digest.md()?).ok()?;
            context.set_rsa_mgf1_md(mgf_digest.md()?).ok()?;
            let salt = RsaPssSaltlen::custom(salt_bytes);
            context.set_rsa_pss_saltlen(salt).ok()?;
        }
        SignatureScheme::Ecdsa(digest) | SignatureScheme::Dsa(digest) => {
            // OpenSSL takes no SHAKE here; its nonce stays a random one.
            if context.set_signature_md(digest.md()?).is_ok() {
                context.set_nonce_type(NonceType::DETERMINISTIC_K).ok()?;
            }
        }
        SignatureScheme::Ed25519
        | SignatureScheme::Ed448
        | SignatureScheme::MlDsa44
        | SignatureScheme::MlDsa65
        | SignatureScheme::MlDsa87 => return None,
    }
    let mut signature = Vec::new();
    context.sign_to_vec(value, &mut signature).ok()?;
    Some(signature)
}

fn sign_message(key: &PrivateKey, message: &[u8]) -> Option<Vec<u8>> {
    let mut context = MdCtx::new().ok()?;
    context.digest_sign_init(None, key.pkey()).ok()?;
    let mut signature = Vec::new();
    context.digest_sign_to_vec(message, &mut signature).ok()?;
    Some(signature)
}
