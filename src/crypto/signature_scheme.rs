//! Which signature scheme an AlgorithmIdentifier means.

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key::PublicKey;

/// A signature scheme with all that verifying needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaV15(DigestAlgorithm),
    /// RSASSA-PSS (RFC 8017 §8.1) with MGF1.
    RsaPss {
        /// Of the message.
        digest: DigestAlgorithm,
        /// Of the mask.
        mgf_digest: DigestAlgorithm,
        /// Length of the salt in bytes.
        salt_bytes: i32,
    },
    /// ECDSA (RFC 5753 §2.1).
    Ecdsa(DigestAlgorithm),
    /// DSA (RFC 3370 §3.1).
    Dsa(DigestAlgorithm),
    /// Ed25519 without prehash (RFC 8419).
    Ed25519,
    /// Ed448 without prehash (RFC 8419).
    Ed448,
    /// ML-DSA without prehash, context empty (RFC 9882).
    MlDsa44,
    /// ML-DSA without prehash, context empty (RFC 9882).
    MlDsa65,
    /// ML-DSA without prehash, context empty (RFC 9882).
    MlDsa87,
}

/// Why a signature can't be verified, without saying anything about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureUnsupported {
    /// The signature algorithm is not known.
    Algorithm,
    /// The digest algorithm is not known.
    Digest,
    /// The signature algorithm names another digest than the digest algorithm does.
    DigestDisagrees,
    /// PSS parameters that are absent, malformed or of a kind that is not computed.
    PssParameters,
    /// The signer's key is of another kind than the signature algorithm's.
    KeyDoesNotFit,
    /// Only a digest was given, and the scheme signs the message itself.
    NeedsMessage,
    /// The linked OpenSSL lacks it.
    Unavailable,
}

/// What an object identifier says by itself.
enum Family {
    /// RSA v1.5; the digest where it is named.
    RsaV15(Option<DigestAlgorithm>),
    /// PSS, with everything in its parameters.
    RsaPss,
    /// ECDSA; the digest where it is named.
    Ecdsa(Option<DigestAlgorithm>),
    /// DSA; the digest where it is named.
    Dsa(Option<DigestAlgorithm>),
    /// A scheme that needs no more.
    Whole(SignatureScheme),
    /// Not known.
    Unknown,
}

fn family(oid: Oid<'_>) -> Family {
    use DigestAlgorithm as D;
    match oid {
        oid::RSA_ENCRYPTION | oid::X500_RSA => Family::RsaV15(None),
        oid::MD2_WITH_RSA => Family::RsaV15(Some(D::Md2)),
        oid::MD4_WITH_RSA | oid::OIW_MD4_WITH_RSA => Family::RsaV15(Some(D::Md4)),
        oid::MD5_WITH_RSA | oid::OIW_MD5_WITH_RSA => Family::RsaV15(Some(D::Md5)),
        oid::RIPEMD160_WITH_RSA => Family::RsaV15(Some(D::Ripemd160)),
        oid::SHA1_WITH_RSA | oid::OIW_SHA1_WITH_RSA => Family::RsaV15(Some(D::Sha1)),
        oid::SHA224_WITH_RSA => Family::RsaV15(Some(D::Sha224)),
        oid::SHA256_WITH_RSA => Family::RsaV15(Some(D::Sha256)),
        oid::SHA384_WITH_RSA => Family::RsaV15(Some(D::Sha384)),
        oid::SHA512_WITH_RSA => Family::RsaV15(Some(D::Sha512)),
        oid::SHA512_224_WITH_RSA => Family::RsaV15(Some(D::Sha512Over224)),
        oid::SHA512_256_WITH_RSA => Family::RsaV15(Some(D::Sha512Over256)),
        oid::SHA3_224_WITH_RSA => Family::RsaV15(Some(D::Sha3Of224)),
        oid::SHA3_256_WITH_RSA => Family::RsaV15(Some(D::Sha3Of256)),
        oid::SHA3_384_WITH_RSA => Family::RsaV15(Some(D::Sha3Of384)),
        oid::SHA3_512_WITH_RSA => Family::RsaV15(Some(D::Sha3Of512)),
        oid::RSASSA_PSS => Family::RsaPss,
        // ecdsa-with-Specified without its parameters, and the key's own identifier: seen in place of ecdsa-with-SHA*.
        oid::EC_PUBLIC_KEY | oid::ECDSA_WITH_SPECIFIED => Family::Ecdsa(None),
        oid::ECDSA_WITH_SHA1 => Family::Ecdsa(Some(D::Sha1)),
        oid::ECDSA_WITH_SHA224 => Family::Ecdsa(Some(D::Sha224)),
        oid::ECDSA_WITH_SHA256 => Family::Ecdsa(Some(D::Sha256)),
        oid::ECDSA_WITH_SHA384 => Family::Ecdsa(Some(D::Sha384)),
        oid::ECDSA_WITH_SHA512 => Family::Ecdsa(Some(D::Sha512)),
        oid::ECDSA_WITH_SHA3_224 => Family::Ecdsa(Some(D::Sha3Of224)),
        oid::ECDSA_WITH_SHA3_256 => Family::Ecdsa(Some(D::Sha3Of256)),
        oid::ECDSA_WITH_SHA3_384 => Family::Ecdsa(Some(D::Sha3Of384)),
        oid::ECDSA_WITH_SHA3_512 => Family::Ecdsa(Some(D::Sha3Of512)),
        oid::ECDSA_WITH_SHAKE128 => Family::Ecdsa(Some(D::Shake128)),
        oid::ECDSA_WITH_SHAKE256 => Family::Ecdsa(Some(D::Shake256)),
        oid::DSA | oid::OIW_DSA => Family::Dsa(None),
        oid::DSA_WITH_SHA1 | oid::OIW_DSA_WITH_SHA1 => Family::Dsa(Some(D::Sha1)),
        oid::DSA_WITH_SHA224 => Family::Dsa(Some(D::Sha224)),
        oid::DSA_WITH_SHA256 => Family::Dsa(Some(D::Sha256)),
        oid::DSA_WITH_SHA384 => Family::Dsa(Some(D::Sha384)),
        oid::DSA_WITH_SHA512 => Family::Dsa(Some(D::Sha512)),
        oid::ED25519 => Family::Whole(SignatureScheme::Ed25519),
        oid::ED448 => Family::Whole(SignatureScheme::Ed448),
        oid::ML_DSA_44 => Family::Whole(SignatureScheme::MlDsa44),
        oid::ML_DSA_65 => Family::Whole(SignatureScheme::MlDsa65),
        oid::ML_DSA_87 => Family::Whole(SignatureScheme::MlDsa87),
        _ => Family::Unknown,
    }
}

impl SignatureScheme {
    /// The scheme of a SignerInfo (RFC 5652 §5.3), from its signatureAlgorithm, its digestAlgorithm and the signer's key.
    ///
    /// Where the signature algorithm names no digest (rsaEncryption, id-ecPublicKey, dsa), the digest algorithm does.
    ///
    /// # Errors
    /// Why the signature can't be verified.
    pub fn from_cms(
        signature_algorithm: &AlgorithmIdentifier<'_>,
        digest_algorithm: &AlgorithmIdentifier<'_>,
        key: &PublicKey,
    ) -> Result<Self, SignatureUnsupported> {
        let stated = DigestAlgorithm::from_algorithm(digest_algorithm);
        Self::from_parts(signature_algorithm, Some(stated), key)
    }

    /// The scheme of a certificate, CRL or OCSP response (RFC 5280 §4.1.1.2).
    ///
    /// # Errors
    /// Why the signature can't be verified.
    pub fn from_certificate(
        signature_algorithm: &AlgorithmIdentifier<'_>,
        key: &PublicKey,
    ) -> Result<Self, SignatureUnsupported> {
        Self::from_parts(signature_algorithm, None, key)
    }

    /// The digest that a signature algorithm names by itself or in its parameters, whatever the key.
    #[must_use]
    pub fn named_digest(algorithm: &AlgorithmIdentifier<'_>) -> Option<DigestAlgorithm> {
        match family(algorithm.oid) {
            Family::RsaV15(named) | Family::Ecdsa(named) | Family::Dsa(named) => named,
            Family::RsaPss => pss_parameters(algorithm).ok().map(|(digest, _, _)| digest),
            Family::Whole(_) | Family::Unknown => None,
        }
    }

    /// The algorithm signs the message itself: its digest is not enough.
    #[must_use]
    pub fn signs_the_message(algorithm: &AlgorithmIdentifier<'_>) -> bool {
        matches!(family(algorithm.oid), Family::Whole(_))
    }

    /// `stated`: None where there is no digest algorithm beside, Some(None) where there is an unknown one.
    fn from_parts(
        algorithm: &AlgorithmIdentifier<'_>,
        stated: Option<Option<DigestAlgorithm>>,
        key: &PublicKey,
    ) -> Result<Self, SignatureUnsupported> {
        let agreed = |named: Option<DigestAlgorithm>| match (named, stated) {
            (Some(named), None) => Ok(named),
            (None, None) => Err(SignatureUnsupported::Algorithm),
            (_, Some(None)) => Err(SignatureUnsupported::Digest),
            (None, Some(Some(stated))) => Ok(stated),
            (Some(named), Some(Some(stated))) if named == stated => Ok(named),
            (Some(_), Some(Some(_))) => Err(SignatureUnsupported::DigestDisagrees),
        };
        let scheme = match family(algorithm.oid) {
            Family::RsaV15(named) => Self::RsaV15(agreed(named)?),
            Family::Ecdsa(named) => Self::Ecdsa(agreed(named)?),
            Family::Dsa(named) => Self::Dsa(agreed(named)?),
            Family::RsaPss => {
                let (digest, mgf_digest, salt_bytes) = pss_parameters(algorithm)?;
                Self::RsaPss {
                    digest: agreed(Some(digest))?,
                    mgf_digest,
                    salt_bytes,
                }
            }
            Family::Whole(scheme) => scheme,
            Family::Unknown => return Err(SignatureUnsupported::Algorithm),
        };
        if scheme.fits(key.algorithm()) {
            Ok(scheme)
        } else {
            Err(SignatureUnsupported::KeyDoesNotFit)
        }
    }

    /// A key of this kind makes such signatures.
    #[must_use]
    pub fn fits(&self, key: KeyAlgorithm) -> bool {
        match self {
            Self::RsaV15(_) => key == KeyAlgorithm::Rsa,
            Self::RsaPss { .. } => matches!(key, KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss),
            Self::Ecdsa(_) => matches!(key, KeyAlgorithm::Ec(_)),
            Self::Dsa(_) => key == KeyAlgorithm::Dsa,
            Self::Ed25519 => key == KeyAlgorithm::Ed25519,
            Self::Ed448 => key == KeyAlgorithm::Ed448,
            Self::MlDsa44 => key == KeyAlgorithm::MlDsa44,
            Self::MlDsa65 => key == KeyAlgorithm::MlDsa65,
            Self::MlDsa87 => key == KeyAlgorithm::MlDsa87,
        }
    }

    /// The digest that is signed; None where the message itself is.
    #[must_use]
    pub fn digest(&self) -> Option<DigestAlgorithm> {
        match *self {
            Self::RsaV15(digest)
            | Self::RsaPss { digest, .. }
            | Self::Ecdsa(digest)
            | Self::Dsa(digest) => Some(digest),
            Self::Ed25519 | Self::Ed448 | Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => None,
        }
    }

    /// The name that reports use, without digest and parameters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RsaV15(_) => "rsa_v15",
            Self::RsaPss { .. } => "rsa_pss",
            Self::Ecdsa(_) => "ecdsa",
            Self::Dsa(_) => "dsa",
            Self::Ed25519 => "ed25519",
            Self::Ed448 => "ed448",
            Self::MlDsa44 => "ml_dsa_44",
            Self::MlDsa65 => "ml_dsa_65",
            Self::MlDsa87 => "ml_dsa_87",
        }
    }

    /// The digest algorithm to write into a SignerInfo beside this scheme: its own, else what RFC 8419 §3.1 and RFC 9882 §3.3
    /// have for signed attributes.
    #[must_use]
    pub fn cms_digest(&self) -> DigestAlgorithm {
        match *self {
            Self::RsaV15(digest)
            | Self::RsaPss { digest, .. }
            | Self::Ecdsa(digest)
            | Self::Dsa(digest) => digest,
            Self::Ed448 => DigestAlgorithm::Shake256,
            Self::Ed25519 | Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => {
                DigestAlgorithm::Sha512
            }
        }
    }

    /// The scheme's signatureAlgorithm for a SignerInfo, DER. RSA v1.5 is written as rsaEncryption, which every reader knows
    /// (RFC 3370 §3.2). None where the standards give the digest no identifier.
    #[must_use]
    pub fn cms_algorithm(&self) -> Option<Vec<u8>> {
        match self {
            Self::RsaV15(_) => Some(encode(oid::RSA_ENCRYPTION, Some(&[5, 0]))),
            Self::RsaPss { .. }
            | Self::Ecdsa(_)
            | Self::Dsa(_)
            | Self::Ed25519
            | Self::Ed448
            | Self::MlDsa44
            | Self::MlDsa65
            | Self::MlDsa87 => self.certificate_algorithm(),
        }
    }

    /// The scheme's AlgorithmIdentifier for a certificate, DER. None where the standards give the digest no identifier.
    #[must_use]
    pub fn certificate_algorithm(&self) -> Option<Vec<u8>> {
        use DigestAlgorithm as D;
        let null = Some(&[5, 0][..]);
        let (oid, parameters) = match *self {
            Self::RsaV15(digest) => {
                let oid = match digest {
                    D::Md2 => oid::MD2_WITH_RSA,
                    D::Md4 => oid::MD4_WITH_RSA,
                    D::Md5 => oid::MD5_WITH_RSA,
                    D::Ripemd160 => oid::RIPEMD160_WITH_RSA,
                    D::Sha1 => oid::SHA1_WITH_RSA,
                    D::Sha224 => oid::SHA224_WITH_RSA,
                    D::Sha256 => oid::SHA256_WITH_RSA,
                    D::Sha384 => oid::SHA384_WITH_RSA,
                    D::Sha512 => oid::SHA512_WITH_RSA,
                    D::Sha512Over224 => oid::SHA512_224_WITH_RSA,
                    D::Sha512Over256 => oid::SHA512_256_WITH_RSA,
                    D::Sha3Of224 => oid::SHA3_224_WITH_RSA,
                    D::Sha3Of256 => oid::SHA3_256_WITH_RSA,
                    D::Sha3Of384 => oid::SHA3_384_WITH_RSA,
                    D::Sha3Of512 => oid::SHA3_512_WITH_RSA,
                    D::Shake128 | D::Shake256 => return None,
                };
                (oid, null)
            }
            Self::RsaPss {
                digest,
                mgf_digest,
                salt_bytes,
            } => {
                let parameters = write_pss_parameters(digest, mgf_digest, salt_bytes);
                return Some(encode(oid::RSASSA_PSS, Some(&parameters)));
            }
            Self::Ecdsa(digest) => {
                let oid = match digest {
                    D::Sha1 => oid::ECDSA_WITH_SHA1,
                    D::Sha224 => oid::ECDSA_WITH_SHA224,
                    D::Sha256 => oid::ECDSA_WITH_SHA256,
                    D::Sha384 => oid::ECDSA_WITH_SHA384,
                    D::Sha512 => oid::ECDSA_WITH_SHA512,
                    D::Sha3Of224 => oid::ECDSA_WITH_SHA3_224,
                    D::Sha3Of256 => oid::ECDSA_WITH_SHA3_256,
                    D::Sha3Of384 => oid::ECDSA_WITH_SHA3_384,
                    D::Sha3Of512 => oid::ECDSA_WITH_SHA3_512,
                    D::Shake128 => oid::ECDSA_WITH_SHAKE128,
                    D::Shake256 => oid::ECDSA_WITH_SHAKE256,
                    D::Md2
                    | D::Md4
                    | D::Md5
                    | D::Ripemd160
                    | D::Sha512Over224
                    | D::Sha512Over256 => return None,
                };
                (oid, None)
            }
            Self::Dsa(digest) => {
                let oid = match digest {
                    D::Sha1 => oid::DSA_WITH_SHA1,
                    D::Sha224 => oid::DSA_WITH_SHA224,
                    D::Sha256 => oid::DSA_WITH_SHA256,
                    D::Sha384 => oid::DSA_WITH_SHA384,
                    D::Sha512 => oid::DSA_WITH_SHA512,
                    D::Md2
                    | D::Md4
                    | D::Md5
                    | D::Ripemd160
                    | D::Sha512Over224
                    | D::Sha512Over256
                    | D::Sha3Of224
                    | D::Sha3Of256
                    | D::Sha3Of384
                    | D::Sha3Of512
                    | D::Shake128
                    | D::Shake256 => return None,
                };
                (oid, None)
            }
            Self::Ed25519 => (oid::ED25519, None),
            Self::Ed448 => (oid::ED448, None),
            Self::MlDsa44 => (oid::ML_DSA_44, None),
            Self::MlDsa65 => (oid::ML_DSA_65, None),
            Self::MlDsa87 => (oid::ML_DSA_87, None),
        };
        Some(encode(oid, parameters))
    }
}

fn encode(oid: Oid<'_>, parameters: Option<&[u8]>) -> Vec<u8> {
    Writer::encode(|w| w.algorithm(oid, parameters))
}

/// `RSASSA-PSS-params` (RFC 4055 §3.1). In a signature they must be there; every field of them has a default.
fn pss_parameters(
    algorithm: &AlgorithmIdentifier<'_>,
) -> Result<(DigestAlgorithm, DigestAlgorithm, i32), SignatureUnsupported> {
    let odd = SignatureUnsupported::PssParameters;
    let mut r = algorithm.parameter_reader().ok_or(odd)?;
    let (digest, mgf_digest, salt, trailer) = r
        .sequence(|r| {
            Ok((
                explicit(r, 0, |r| {
                    Ok(DigestAlgorithm::from_algorithm(&AlgorithmIdentifier::read(
                        r,
                    )?))
                })?,
                explicit(r, 1, mgf1_digest)?,
                explicit(r, 2, |r| r.small_integer())?,
                explicit(r, 3, |r| r.small_integer())?,
            ))
        })
        .map_err(|_| odd)?;
    let digest = digest.unwrap_or(Some(DigestAlgorithm::Sha1)).ok_or(odd)?;
    let mgf_digest = mgf_digest
        .unwrap_or(Some(DigestAlgorithm::Sha1))
        .ok_or(odd)?;
    let salt_bytes = i32::try_from(salt.unwrap_or(20)).map_err(|_| odd)?;
    let odd_digest = digest.is_extendable() || mgf_digest.is_extendable();
    if trailer.unwrap_or(1) != 1 || odd_digest || r.finish().is_err() {
        return Err(odd);
    }
    Ok((digest, mgf_digest, salt_bytes))
}

/// `[number] EXPLICIT … DEFAULT`: None where it is absent.
pub(crate) fn explicit<'a, T>(
    r: &mut Reader<'a>,
    number: u32,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
) -> Result<Option<T>, BerError> {
    match r.optional(Tag::context_constructed(number))? {
        Some(element) => {
            let mut inside = element.reader()?;
            let value = read(&mut inside)?;
            inside.finish()?;
            Ok(Some(value))
        }
        None => Ok(None),
    }
}

/// `MaskGenAlgorithm` (RFC 4055 §2.2): the digest of MGF1; None for another function or an unknown digest.
pub(crate) fn mgf1_digest(r: &mut Reader<'_>) -> Result<Option<DigestAlgorithm>, BerError> {
    let mask = AlgorithmIdentifier::read(r)?;
    let Some(mut parameters) = mask.parameter_reader() else {
        return Ok(None);
    };
    let digest = AlgorithmIdentifier::read(&mut parameters)?;
    parameters.finish()?;
    let digest = DigestAlgorithm::from_algorithm(&digest);
    Ok(digest.filter(|_| mask.oid == oid::MGF1))
}

fn write_pss_parameters(
    digest: DigestAlgorithm,
    mgf_digest: DigestAlgorithm,
    salt_bytes: i32,
) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            write_digest_and_mask(w, digest, mgf_digest);
            if salt_bytes != 20 {
                w.explicit(2, |w| {
                    w.small_integer(u64::try_from(salt_bytes).unwrap_or(0))
                });
            }
        });
    })
}

/// The first two fields of `RSASSA-PSS-params` and `RSAES-OAEP-params`, left out where they have their default.
pub(crate) fn write_digest_and_mask(
    w: &mut Writer,
    digest: DigestAlgorithm,
    mgf_digest: DigestAlgorithm,
) {
    if digest != DigestAlgorithm::Sha1 {
        w.explicit(0, |w| w.algorithm(digest.oid(), Some(&[5, 0])));
    }
    if mgf_digest != DigestAlgorithm::Sha1 {
        w.explicit(1, |w| {
            let inner = Writer::encode(|w| w.algorithm(mgf_digest.oid(), Some(&[5, 0])));
            w.algorithm(oid::MGF1, Some(&inner));
        });
    }
}
