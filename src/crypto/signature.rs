//! Signatures: which scheme an AlgorithmIdentifier means, and verifying.

use std::fmt;

use openssl::md::MdRef;
use openssl::md_ctx::MdCtx;
use openssl::pkey::Public;
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::digest::DigestValue;
use crate::crypto::digest::digest;
use crate::crypto::digest_info;
use crate::crypto::digest_info::RecoveredDigest;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key::PublicKey;
use crate::crypto::signature_scheme::SignatureScheme;
use crate::crypto::signature_scheme::SignatureUnsupported;
use crate::crypto::sys;

/// What was signed.
#[derive(Clone, Copy)]
pub enum Signed<'a> {
    /// The bytes themselves, in pieces.
    Message(&'a [&'a [u8]]),
    /// Their digest, by the scheme's own algorithm. Ed25519, Ed448 and ML-DSA can't be verified from it.
    Digest(&'a [u8]),
}

/// What verifying came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The key signed these bytes.
    Valid,
    /// It did not.
    Invalid,
    /// That can't be told.
    Unsupported(SignatureUnsupported),
}

/// Contexts that verifying uses again, one for each of the last keys. Belongs to one worker; saves time and changes nothing.
#[derive(Default)]
pub struct VerifyContext {
    /// Most recently used last.
    contexts: Vec<Cached>,
}

struct Cached {
    key: PublicKey,
    context: PkeyCtx<Public>,
    prepared: Prepared,
}

/// What an OpenSSL context is set up for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prepared {
    /// The RSA public operation, padding of type 1 taken off.
    Recover,
    /// A signature over a digest value, its algorithm not named: ECDSA and DSA.
    Raw,
    /// PSS, which is set up anew each time for its parameters.
    Pss,
}

/// Keys whose context is kept. Origin: an archive's mail comes from few signers at a time, under their two or three authorities.
const KEPT_CONTEXTS: usize = 16;

impl VerifyContext {
    /// Nothing prepared yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The context for this key and use, made where there is none.
    fn prepared(&mut self, key: &PublicKey, prepared: Prepared) -> Option<&mut PkeyCtx<Public>> {
        let at = self
            .contexts
            .iter()
            .position(|cached| cached.prepared == prepared && cached.key.is_same(key));
        let cached = match at {
            Some(at) => self.contexts.remove(at),
            None => {
                let mut context = PkeyCtx::new(key.pkey()).ok()?;
                match prepared {
                    Prepared::Recover => context.verify_recover_init().ok()?,
                    Prepared::Raw => context.verify_init().ok()?,
                    Prepared::Pss => {}
                }
                if self.contexts.len() >= KEPT_CONTEXTS {
                    self.contexts.remove(0);
                }
                Cached {
                    key: key.clone(),
                    context,
                    prepared,
                }
            }
        };
        self.contexts.push(cached);
        self.contexts.last_mut().map(|cached| &mut cached.context)
    }
}

impl fmt::Debug for VerifyContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyContext").finish_non_exhaustive()
    }
}

/// Verifies one signature.
///
/// Never fails: a signature of the wrong length or form is `Invalid`. RSA v1.5 accepts a DigestInfo only of the scheme's own
/// digest, byte for byte one of its two encodings (parameters NULL or absent, RFC 4055 §2.1).
pub fn verify(
    scheme: &SignatureScheme,
    key: &PublicKey,
    signed: Signed<'_>,
    signature: &[u8],
    context: &mut VerifyContext,
) -> Outcome {
    if !scheme.fits(key.algorithm()) {
        return Outcome::Unsupported(SignatureUnsupported::KeyDoesNotFit);
    }
    sys::start();
    sys::clear_errors();
    let outcome =
        match *scheme {
            SignatureScheme::RsaV15(algorithm) => with_digest(algorithm, signed, |value| {
                match recover(key, signature, context) {
                    Some(info) => judge(digest_info::is_for(&info, algorithm, value)),
                    None => Outcome::Invalid,
                }
            }),
            SignatureScheme::RsaPss {
                digest,
                mgf_digest,
                salt_bytes,
            } => with_digest(digest, signed, |value| {
                let (Some(md), Some(mgf)) = (digest.md(), mgf_digest.md()) else {
                    return Outcome::Unsupported(SignatureUnsupported::Unavailable);
                };
                let Some(context) = context.prepared(key, Prepared::Pss) else {
                    return Outcome::Unsupported(SignatureUnsupported::Unavailable);
                };
                match prepare_pss(context, md, mgf, salt_bytes) {
                    Some(()) => judge(context.verify(value, signature).unwrap_or(false)),
                    // The key's own parameters forbid it (RFC 4055 §1.2), or the salt is longer than any key's room.
                    None => Outcome::Unsupported(SignatureUnsupported::PssParameters),
                }
            }),
            SignatureScheme::Ecdsa(algorithm) | SignatureScheme::Dsa(algorithm) => {
                with_digest(algorithm, signed, |value| {
                    match context.prepared(key, Prepared::Raw) {
                        Some(context) => judge(context.verify(value, signature).unwrap_or(false)),
                        None => Outcome::Unsupported(SignatureUnsupported::Unavailable),
                    }
                })
            }
            SignatureScheme::Ed25519
            | SignatureScheme::Ed448
            | SignatureScheme::MlDsa44
            | SignatureScheme::MlDsa65
            | SignatureScheme::MlDsa87 => match signed {
                Signed::Message(pieces) => verify_message(key, pieces, signature),
                Signed::Digest(_) => Outcome::Unsupported(SignatureUnsupported::NeedsMessage),
            },
        };
    sys::clear_errors();
    outcome
}

/// What an RSA v1.5 signature holds: the digest that its maker signed, whatever the content is now. None where the key is no RSA
/// key or the signature was not made by it. Tells a changed content from a broken signature; verifies nothing.
pub fn recovered_digest(
    key: &PublicKey,
    signature: &[u8],
    context: &mut VerifyContext,
) -> Option<RecoveredDigest> {
    if key.algorithm() != KeyAlgorithm::Rsa {
        return None;
    }
    sys::start();
    sys::clear_errors();
    let info = recover(key, signature, context);
    sys::clear_errors();
    digest_info::read(&info?)
}

fn judge(valid: bool) -> Outcome {
    if valid {
        Outcome::Valid
    } else {
        Outcome::Invalid
    }
}

/// Calls `check` with the digest of what was signed.
fn with_digest(
    algorithm: DigestAlgorithm,
    signed: Signed<'_>,
    check: impl FnOnce(&[u8]) -> Outcome,
) -> Outcome {
    let computed: DigestValue;
    let value = match signed {
        Signed::Digest(value) => value,
        Signed::Message(pieces) => match digest(algorithm, pieces) {
            Ok(value) => {
                computed = value;
                computed.as_bytes()
            }
            Err(_) => return Outcome::Unsupported(SignatureUnsupported::Unavailable),
        },
    };
    if value.len() != algorithm.bytes() {
        return Outcome::Invalid;
    }
    check(value)
}

/// The bytes below the padding of type 1 (RFC 8017 §9.2).
fn recover(key: &PublicKey, signature: &[u8], context: &mut VerifyContext) -> Option<Vec<u8>> {
    let modulus_bytes = usize::try_from(key.bits().div_ceil(8)).ok()?;
    if signature.len() != modulus_bytes {
        return None;
    }
    let context = context.prepared(key, Prepared::Recover)?;
    let mut info = vec![0; modulus_bytes];
    let length = context.verify_recover(signature, Some(&mut info)).ok()?;
    info.truncate(length);
    Some(info)
}

fn prepare_pss(
    context: &mut PkeyCtx<Public>,
    md: &MdRef,
    mgf: &MdRef,
    salt_bytes: i32,
) -> Option<()> {
    context.verify_init().ok()?;
    context.set_rsa_padding(Padding::PKCS1_PSS).ok()?;
    context.set_signature_md(md).ok()?;
    context.set_rsa_mgf1_md(mgf).ok()?;
    context
        .set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt_bytes))
        .ok()
}

/// Schemes that sign the message itself.
fn verify_message(key: &PublicKey, pieces: &[&[u8]], signature: &[u8]) -> Outcome {
    let joined: Vec<u8>;
    let message = match pieces {
        [whole] => *whole,
        _ => {
            joined = pieces.concat();
            &joined
        }
    };
    let Ok(mut context) = MdCtx::new() else {
        return Outcome::Unsupported(SignatureUnsupported::Unavailable);
    };
    if context.digest_verify_init(None, key.pkey()).is_err() {
        return Outcome::Unsupported(SignatureUnsupported::Unavailable);
    }
    judge(context.digest_verify(message, signature).unwrap_or(false))
}
