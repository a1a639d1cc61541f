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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::AlgorithmIdentifier;
    use crate::asn1::Oid;
    use crate::asn1::Reader;
    use crate::asn1::Writer;
    use crate::asn1::oid;
    use crate::crypto::key::Curve;
    use crate::crypto::private_key::PrivateKey;
    use crate::crypto::sign::sign;

    fn algorithm<'a>(oid: Oid<'a>, parameters: Option<&'a [u8]>) -> AlgorithmIdentifier<'a> {
        AlgorithmIdentifier { oid, parameters }
    }

    fn pss(
        digest: DigestAlgorithm,
        mgf_digest: DigestAlgorithm,
        salt_bytes: i32,
    ) -> SignatureScheme {
        SignatureScheme::RsaPss {
            digest,
            mgf_digest,
            salt_bytes,
        }
    }

    #[test]
    fn every_scheme_signs_verifies_and_is_written_and_read() {
        let rsa = PrivateKey::generate_rsa(2048).unwrap();
        let dsa = PrivateKey::generate_dsa(1024).unwrap();
        let other = |algorithm| PrivateKey::generate(algorithm).unwrap();
        let p256 = other(KeyAlgorithm::Ec(Curve::P256));
        use DigestAlgorithm as D;
        let mut context = VerifyContext::new();
        for (scheme, key) in [
            (SignatureScheme::RsaV15(D::Sha256), rsa.clone()),
            (SignatureScheme::RsaV15(D::Sha1), rsa.clone()),
            (SignatureScheme::RsaV15(D::Md5), rsa.clone()),
            (SignatureScheme::RsaV15(D::Sha3Of512), rsa.clone()),
            (pss(D::Sha256, D::Sha256, 32), rsa.clone()),
            (pss(D::Sha1, D::Sha1, 20), rsa.clone()),
            (pss(D::Sha512, D::Sha1, 0), rsa.clone()),
            (SignatureScheme::Ecdsa(D::Sha512), p256.clone()),
            (SignatureScheme::Ecdsa(D::Shake128), p256),
            (SignatureScheme::Dsa(D::Sha256), dsa),
            (SignatureScheme::Ed25519, other(KeyAlgorithm::Ed25519)),
            (SignatureScheme::Ed448, other(KeyAlgorithm::Ed448)),
            (SignatureScheme::MlDsa44, other(KeyAlgorithm::MlDsa44)),
            (SignatureScheme::MlDsa65, other(KeyAlgorithm::MlDsa65)),
            (SignatureScheme::MlDsa87, other(KeyAlgorithm::MlDsa87)),
        ] {
            let pieces: [&[u8]; 3] = [b"one", b"", b"two"];
            let signature = sign(&scheme, &key, Signed::Message(&pieces)).unwrap();
            let public = key.public_key();
            let mut outcome = |signed| verify(&scheme, public, signed, &signature, &mut context);
            assert_eq!(
                outcome(Signed::Message(&pieces)),
                Outcome::Valid,
                "{scheme:?}"
            );
            let changed = outcome(Signed::Message(&[b"onetwo!"]));
            assert_eq!(changed, Outcome::Invalid, "{scheme:?}");
            match scheme.digest() {
                Some(digest) => {
                    let short = outcome(Signed::Digest(&[1; 5]));
                    assert_eq!(short, Outcome::Invalid, "{digest:?}");
                }
                None => {
                    let needs = Outcome::Unsupported(SignatureUnsupported::NeedsMessage);
                    assert_eq!(outcome(Signed::Digest(&[1; 64])), needs);
                }
            }
            let der = scheme.cms_algorithm().unwrap();
            let read = AlgorithmIdentifier::read(&mut Reader::new(&der)).unwrap();
            let digest = Writer::encode(|w| scheme.cms_digest().write_algorithm(w));
            let digest = AlgorithmIdentifier::read(&mut Reader::new(&digest)).unwrap();
            assert_eq!(
                SignatureScheme::from_cms(&read, &digest, public),
                Ok(scheme)
            );
            let der = scheme.certificate_algorithm().unwrap();
            let read = AlgorithmIdentifier::read(&mut Reader::new(&der)).unwrap();
            assert_eq!(SignatureScheme::from_certificate(&read, public), Ok(scheme));
        }
    }

    #[test]
    fn a_digest_info_of_another_digest_is_refused() {
        let key = PrivateKey::generate_rsa(1024).unwrap();
        let scheme = |digest| SignatureScheme::RsaV15(digest);
        let signed = Signed::Digest(&[7; 32]);
        let signature = sign(&scheme(DigestAlgorithm::Sha256), &key, signed).unwrap();
        let mut context = VerifyContext::new();
        for (digest, expected) in [
            (DigestAlgorithm::Sha256, Outcome::Valid),
            (DigestAlgorithm::Sha3Of256, Outcome::Invalid),
            (DigestAlgorithm::Sha512Over256, Outcome::Invalid),
        ] {
            let public = key.public_key();
            let outcome = verify(&scheme(digest), public, signed, &signature, &mut context);
            assert_eq!(outcome, expected, "{digest:?}");
        }
        let recovered = recovered_digest(key.public_key(), &signature, &mut context).unwrap();
        assert_eq!(recovered.algorithm(), Some(DigestAlgorithm::Sha256));
        assert_eq!(recovered.value(), [7; 32]);
        let broken = recovered_digest(key.public_key(), &[3; 128], &mut context);
        assert_eq!(broken, None);
    }

    #[test]
    fn schemes_that_do_not_fit_say_why() {
        let rsa = PrivateKey::generate_rsa(1024).unwrap();
        let ec = PrivateKey::generate(KeyAlgorithm::Ec(Curve::P256)).unwrap();
        let (rsa, ec) = (rsa.public_key(), ec.public_key());
        let sha256 = algorithm(oid::SHA256, None);
        let unknown = algorithm(oid::DATA, None);
        let of = |signature, digest, key| SignatureScheme::from_cms(&signature, &digest, key);
        use SignatureUnsupported as U;
        assert_eq!(of(unknown, sha256, rsa), Err(U::Algorithm));
        let plain = algorithm(oid::RSA_ENCRYPTION, Some(&[5, 0]));
        assert_eq!(of(plain, unknown, rsa), Err(U::Digest));
        assert_eq!(of(plain, sha256, ec), Err(U::KeyDoesNotFit));
        let sha1_with = algorithm(oid::SHA1_WITH_RSA, Some(&[5, 0]));
        assert_eq!(of(sha1_with, sha256, rsa), Err(U::DigestDisagrees));
        let bare_ec = algorithm(oid::EC_PUBLIC_KEY, None);
        let expected = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
        assert_eq!(of(bare_ec, sha256, ec), Ok(expected));
        let bare = SignatureScheme::from_certificate(&plain, rsa);
        assert_eq!(bare, Err(U::Algorithm));
        let scheme = SignatureScheme::RsaV15(DigestAlgorithm::Sha256);
        let signed = Signed::Digest(&[0; 32]);
        let outcome = verify(&scheme, ec, signed, &[0; 70], &mut VerifyContext::new());
        assert_eq!(outcome, Outcome::Unsupported(U::KeyDoesNotFit));
    }

    #[test]
    fn odd_pss_parameters_are_unsupported() {
        let key = PrivateKey::generate_rsa(1024).unwrap();
        let sha1 = algorithm(oid::SHA1, None);
        let of = |parameters: Option<&[u8]>| {
            let signature = algorithm(oid::RSASSA_PSS, parameters);
            SignatureScheme::from_cms(&signature, &sha1, key.public_key())
        };
        let odd = Err(SignatureUnsupported::PssParameters);
        assert_eq!(of(None), odd);
        assert_eq!(of(Some(&[5, 0])), odd);
        let defaults = pss(DigestAlgorithm::Sha1, DigestAlgorithm::Sha1, 20);
        assert_eq!(of(Some(&[0x30, 0])), Ok(defaults));
        let field = |number, value: u64| {
            Writer::encode(|w| w.sequence(|w| w.explicit(number, |w| w.small_integer(value))))
        };
        assert_eq!(of(Some(&field(3, 2))), odd);
        assert_eq!(of(Some(&field(3, 1))), Ok(defaults));
        assert_eq!(of(Some(&field(2, 1 << 40))), odd);
        let shake = Writer::encode(|w| {
            w.sequence(|w| w.explicit(0, |w| w.algorithm(oid::SHAKE256, None)));
        });
        assert_eq!(of(Some(&shake)), odd);
        // A salt that no such key has room for.
        let scheme = pss(DigestAlgorithm::Sha1, DigestAlgorithm::Sha1, 1000);
        let signed = Signed::Digest(&[0; 20]);
        let mut context = VerifyContext::new();
        let outcome = verify(&scheme, key.public_key(), signed, &[1; 128], &mut context);
        assert_ne!(outcome, Outcome::Valid);
    }

    #[test]
    fn contexts_are_kept_for_the_last_keys_only() {
        let mut context = VerifyContext::new();
        let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
        for _ in 0..2 * KEPT_CONTEXTS {
            let key = PrivateKey::generate(KeyAlgorithm::Ec(Curve::P256)).unwrap();
            let signed = Signed::Digest(&[9; 32]);
            let signature = sign(&scheme, &key, signed).unwrap();
            for _ in 0..2 {
                let outcome = verify(&scheme, key.public_key(), signed, &signature, &mut context);
                assert_eq!(outcome, Outcome::Valid);
            }
        }
        assert_eq!(context.contexts.len(), KEPT_CONTEXTS);
    }
}
