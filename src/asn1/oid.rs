//! Object identifiers: the type, and the one table of those that mailseal knows by name.

use std::fmt;

/// An object identifier, kept as its content octets (X.690 §8.19).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid<'a>(&'a [u8]);

impl<'a> Oid<'a> {
    /// Content octets, if they are a complete object identifier of at most 128 octets.
    #[must_use]
    pub fn from_content(content: &'a [u8]) -> Option<Self> {
        let complete = content.last().is_some_and(|last| last & 0x80 == 0);
        (complete && content.len() <= 128).then_some(Self(content))
    }

    /// The content octets.
    #[must_use]
    pub fn content(self) -> &'a [u8] {
        self.0
    }

    /// The name in the table, in the field's usual spelling; None for what is not in it.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES
            .iter()
            .find(|(oid, _)| oid.0 == self.0)
            .map(|(_, name)| *name)
    }

    /// The name in the table, else the dotted form.
    #[must_use]
    pub fn label(self) -> String {
        self.name().map_or_else(|| self.to_string(), str::to_owned)
    }
}

/// The dotted form; an arc over 2^128 shows as `?`.
impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc: Option<u128> = Some(0);
        let mut first = true;
        for octet in self.0 {
            arc = arc
                .filter(|arc| arc >> 121 == 0)
                .map(|arc| arc << 7 | u128::from(octet & 0x7f));
            if octet & 0x80 != 0 {
                continue;
            }
            match (arc, first) {
                (None, _) => write!(f, "{}?", if first { "" } else { "." })?,
                (Some(arc), true) => {
                    let root = (arc / 40).min(2);
                    write!(f, "{root}.{}", arc - root * 40)?;
                }
                (Some(arc), false) => write!(f, ".{arc}")?,
            }
            first = false;
            arc = Some(0);
        }
        Ok(())
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const MAX_OCTETS: usize = 24;

/// Content octets of an object identifier, at compile time.
const fn encode(arcs: &[u32]) -> ([u8; MAX_OCTETS], usize) {
    let mut octets = [0; MAX_OCTETS];
    let mut length = 0;
    let mut rest = arcs;
    let mut first = true;
    while let [arc, tail @ ..] = rest {
        let mut value = *arc;
        rest = tail;
        if first {
            first = false;
            if let [second, tail @ ..] = rest {
                value = value * 40 + *second;
                rest = tail;
            }
        }
        let mut groups = 1;
        while value >> (7 * groups) != 0 && groups < 5 {
            groups += 1;
        }
        while groups > 0 {
            groups -= 1;
            let more = if groups > 0 { 0x80 } else { 0 };
            let [.., low] = (value >> (7 * groups) & 0x7f | more).to_be_bytes();
            let (_, tail) = octets.split_at_mut(length);
            if let [slot, ..] = tail {
                *slot = low;
            }
            length += 1;
        }
    }
    (octets, length)
}

macro_rules! oids {
    ($($name:ident = [$($arc:literal),*], $text:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $name: Oid<'static> = {
                const ENCODED: &([u8; MAX_OCTETS], usize) = &encode(&[$($arc),*]);
                Oid(ENCODED.0.split_at(ENCODED.1).0)
            };
        )*
        const NAMES: &[(Oid<'static>, &str)] = &[$(($name, $text)),*];
    };
}

oids! {
    // CMS content types (RFC 5652, 5083, 3274, 3161; PKCS #7)
    DATA = [1, 2, 840, 113549, 1, 7, 1], "id-data";
    SIGNED_DATA = [1, 2, 840, 113549, 1, 7, 2], "id-signedData";
    ENVELOPED_DATA = [1, 2, 840, 113549, 1, 7, 3], "id-envelopedData";
    SIGNED_AND_ENVELOPED_DATA = [1, 2, 840, 113549, 1, 7, 4], "signedAndEnvelopedData";
    DIGESTED_DATA = [1, 2, 840, 113549, 1, 7, 5], "id-digestedData";
    ENCRYPTED_DATA = [1, 2, 840, 113549, 1, 7, 6], "id-encryptedData";
    AUTHENTICATED_DATA = [1, 2, 840, 113549, 1, 9, 16, 1, 2], "id-ct-authData";
    COMPRESSED_DATA = [1, 2, 840, 113549, 1, 9, 16, 1, 9], "id-ct-compressedData";
    AUTH_ENVELOPED_DATA = [1, 2, 840, 113549, 1, 9, 16, 1, 23], "id-ct-authEnvelopedData";
    TST_INFO = [1, 2, 840, 113549, 1, 9, 16, 1, 4], "id-ct-TSTInfo";
    RECEIPT = [1, 2, 840, 113549, 1, 9, 16, 1, 1], "id-ct-receipt";
    // Attributes (RFC 5652 §11, 8551 §2.5, 5035, 6211, 5752, 3161, 9579)
    EMAIL_ADDRESS = [1, 2, 840, 113549, 1, 9, 1], "emailAddress";
    UNSTRUCTURED_NAME = [1, 2, 840, 113549, 1, 9, 2], "unstructuredName";
    CONTENT_TYPE = [1, 2, 840, 113549, 1, 9, 3], "contentType";
    MESSAGE_DIGEST = [1, 2, 840, 113549, 1, 9, 4], "messageDigest";
    SIGNING_TIME = [1, 2, 840, 113549, 1, 9, 5], "signingTime";
    COUNTERSIGNATURE = [1, 2, 840, 113549, 1, 9, 6], "countersignature";
    UNSTRUCTURED_ADDRESS = [1, 2, 840, 113549, 1, 9, 8], "unstructuredAddress";
    SMIME_CAPABILITIES = [1, 2, 840, 113549, 1, 9, 15], "smimeCapabilities";
    FRIENDLY_NAME = [1, 2, 840, 113549, 1, 9, 20], "friendlyName";
    LOCAL_KEY_ID = [1, 2, 840, 113549, 1, 9, 21], "localKeyID";
    CMS_ALGORITHM_PROTECTION = [1, 2, 840, 113549, 1, 9, 52], "cmsAlgorithmProtection";
    RECEIPT_REQUEST = [1, 2, 840, 113549, 1, 9, 16, 2, 1], "receiptRequest";
    SECURITY_LABEL = [1, 2, 840, 113549, 1, 9, 16, 2, 2], "securityLabel";
    CONTENT_HINTS = [1, 2, 840, 113549, 1, 9, 16, 2, 4], "contentHints";
    ENCRYPTION_KEY_PREFERENCE = [1, 2, 840, 113549, 1, 9, 16, 2, 11], "encryptionKeyPreference";
    SIGNING_CERTIFICATE = [1, 2, 840, 113549, 1, 9, 16, 2, 12], "signingCertificate";
    TIME_STAMP_TOKEN = [1, 2, 840, 113549, 1, 9, 16, 2, 14], "timeStampToken";
    CONTENT_TIME_STAMP = [1, 2, 840, 113549, 1, 9, 16, 2, 20], "contentTimestamp";
    ESC_TIME_STAMP = [1, 2, 840, 113549, 1, 9, 16, 2, 25], "escTimeStamp";
    CERT_CRL_TIME_STAMP = [1, 2, 840, 113549, 1, 9, 16, 2, 26], "certCRLTimestamp";
    CERTIFICATE_REFERENCES = [1, 2, 840, 113549, 1, 9, 16, 2, 21], "certificateRefs";
    REVOCATION_REFERENCES = [1, 2, 840, 113549, 1, 9, 16, 2, 22], "revocationRefs";
    CERTIFICATE_VALUES = [1, 2, 840, 113549, 1, 9, 16, 2, 23], "certValues";
    REVOCATION_VALUES = [1, 2, 840, 113549, 1, 9, 16, 2, 24], "revocationValues";
    ARCHIVE_TIME_STAMP = [1, 2, 840, 113549, 1, 9, 16, 2, 27], "archiveTimestamp";
    ARCHIVE_TIME_STAMP_V2 = [1, 2, 840, 113549, 1, 9, 16, 2, 48], "archiveTimestampV2";
    ARCHIVE_TIME_STAMP_V3 = [0, 4, 0, 1733, 2, 4], "archiveTimestampV3";
    ADOBE_REVOCATION = [1, 2, 840, 113583, 1, 1, 8], "adobe-revocationInfoArchival";
    SIGNING_CERTIFICATE_V2 = [1, 2, 840, 113549, 1, 9, 16, 2, 47], "signingCertificateV2";
    MULTIPLE_SIGNATURES = [1, 2, 840, 113549, 1, 9, 16, 2, 51], "multipleSignatures";
    MS_ENCRYPTION_KEY_PREFERENCE = [1, 3, 6, 1, 4, 1, 311, 16, 4], "microsoftRecipientInfo";
    OTHER_REVOCATION_OCSP = [1, 3, 6, 1, 5, 5, 7, 16, 2], "id-ri-ocsp-response";
    // Digests
    MD2 = [1, 2, 840, 113549, 2, 2], "md2";
    MD4 = [1, 2, 840, 113549, 2, 4], "md4";
    MD5 = [1, 2, 840, 113549, 2, 5], "md5";
    SHA1 = [1, 3, 14, 3, 2, 26], "sha1";
    RIPEMD160 = [1, 3, 36, 3, 2, 1], "ripemd160";
    SHA256 = [2, 16, 840, 1, 101, 3, 4, 2, 1], "sha256";
    SHA384 = [2, 16, 840, 1, 101, 3, 4, 2, 2], "sha384";
    SHA512 = [2, 16, 840, 1, 101, 3, 4, 2, 3], "sha512";
    SHA224 = [2, 16, 840, 1, 101, 3, 4, 2, 4], "sha224";
    SHA512_224 = [2, 16, 840, 1, 101, 3, 4, 2, 5], "sha512-224";
    SHA512_256 = [2, 16, 840, 1, 101, 3, 4, 2, 6], "sha512-256";
    SHA3_224 = [2, 16, 840, 1, 101, 3, 4, 2, 7], "sha3-224";
    SHA3_256 = [2, 16, 840, 1, 101, 3, 4, 2, 8], "sha3-256";
    SHA3_384 = [2, 16, 840, 1, 101, 3, 4, 2, 9], "sha3-384";
    SHA3_512 = [2, 16, 840, 1, 101, 3, 4, 2, 10], "sha3-512";
    SHAKE128 = [2, 16, 840, 1, 101, 3, 4, 2, 11], "shake128";
    SHAKE256 = [2, 16, 840, 1, 101, 3, 4, 2, 12], "shake256";
    SHAKE128_LEN = [2, 16, 840, 1, 101, 3, 4, 2, 17], "shake128-len";
    SHAKE256_LEN = [2, 16, 840, 1, 101, 3, 4, 2, 18], "shake256-len";
    // Public keys and signatures
    X500_RSA = [2, 5, 8, 1, 1], "rsa";
    RSA_ENCRYPTION = [1, 2, 840, 113549, 1, 1, 1], "rsaEncryption";
    MD2_WITH_RSA = [1, 2, 840, 113549, 1, 1, 2], "md2WithRSAEncryption";
    MD4_WITH_RSA = [1, 2, 840, 113549, 1, 1, 3], "md4WithRSAEncryption";
    MD5_WITH_RSA = [1, 2, 840, 113549, 1, 1, 4], "md5WithRSAEncryption";
    SHA1_WITH_RSA = [1, 2, 840, 113549, 1, 1, 5], "sha1WithRSAEncryption";
    RSAES_OAEP = [1, 2, 840, 113549, 1, 1, 7], "id-RSAES-OAEP";
    MGF1 = [1, 2, 840, 113549, 1, 1, 8], "id-mgf1";
    P_SPECIFIED = [1, 2, 840, 113549, 1, 1, 9], "id-pSpecified";
    RSASSA_PSS = [1, 2, 840, 113549, 1, 1, 10], "id-RSASSA-PSS";
    SHA256_WITH_RSA = [1, 2, 840, 113549, 1, 1, 11], "sha256WithRSAEncryption";
    SHA384_WITH_RSA = [1, 2, 840, 113549, 1, 1, 12], "sha384WithRSAEncryption";
    SHA512_WITH_RSA = [1, 2, 840, 113549, 1, 1, 13], "sha512WithRSAEncryption";
    SHA224_WITH_RSA = [1, 2, 840, 113549, 1, 1, 14], "sha224WithRSAEncryption";
    SHA512_224_WITH_RSA = [1, 2, 840, 113549, 1, 1, 15], "sha512-224WithRSAEncryption";
    SHA512_256_WITH_RSA = [1, 2, 840, 113549, 1, 1, 16], "sha512-256WithRSAEncryption";
    OIW_SHA1_WITH_RSA = [1, 3, 14, 3, 2, 29], "sha1WithRSASignature";
    OIW_MD5_WITH_RSA = [1, 3, 14, 3, 2, 3], "md5WithRSA";
    SHA3_224_WITH_RSA = [2, 16, 840, 1, 101, 3, 4, 3, 13], "id-rsassa-pkcs1-v1-5-with-sha3-224";
    SHA3_256_WITH_RSA = [2, 16, 840, 1, 101, 3, 4, 3, 14], "id-rsassa-pkcs1-v1-5-with-sha3-256";
    SHA3_384_WITH_RSA = [2, 16, 840, 1, 101, 3, 4, 3, 15], "id-rsassa-pkcs1-v1-5-with-sha3-384";
    SHA3_512_WITH_RSA = [2, 16, 840, 1, 101, 3, 4, 3, 16], "id-rsassa-pkcs1-v1-5-with-sha3-512";
    DSA = [1, 2, 840, 10040, 4, 1], "dsa";
    DSA_WITH_SHA1 = [1, 2, 840, 10040, 4, 3], "dsa-with-sha1";
    OIW_DSA = [1, 3, 14, 3, 2, 12], "dsa-oiw";
    OIW_DSA_WITH_SHA1 = [1, 3, 14, 3, 2, 27], "dsaWithSHA1";
    DSA_WITH_SHA224 = [2, 16, 840, 1, 101, 3, 4, 3, 1], "dsa-with-sha224";
    DSA_WITH_SHA256 = [2, 16, 840, 1, 101, 3, 4, 3, 2], "dsa-with-sha256";
    DSA_WITH_SHA384 = [2, 16, 840, 1, 101, 3, 4, 3, 3], "dsa-with-sha384";
    DSA_WITH_SHA512 = [2, 16, 840, 1, 101, 3, 4, 3, 4], "dsa-with-sha512";
    EC_PUBLIC_KEY = [1, 2, 840, 10045, 2, 1], "id-ecPublicKey";
    ECDSA_WITH_SHA1 = [1, 2, 840, 10045, 4, 1], "ecdsa-with-SHA1";
    ECDSA_WITH_SHA224 = [1, 2, 840, 10045, 4, 3, 1], "ecdsa-with-SHA224";
    ECDSA_WITH_SHA256 = [1, 2, 840, 10045, 4, 3, 2], "ecdsa-with-SHA256";
    ECDSA_WITH_SHA384 = [1, 2, 840, 10045, 4, 3, 3], "ecdsa-with-SHA384";
    ECDSA_WITH_SHA512 = [1, 2, 840, 10045, 4, 3, 4], "ecdsa-with-SHA512";
    ECDSA_WITH_SHA3_224 = [2, 16, 840, 1, 101, 3, 4, 3, 9], "id-ecdsa-with-sha3-224";
    ECDSA_WITH_SHA3_256 = [2, 16, 840, 1, 101, 3, 4, 3, 10], "id-ecdsa-with-sha3-256";
    ECDSA_WITH_SHA3_384 = [2, 16, 840, 1, 101, 3, 4, 3, 11], "id-ecdsa-with-sha3-384";
    ECDSA_WITH_SHA3_512 = [2, 16, 840, 1, 101, 3, 4, 3, 12], "id-ecdsa-with-sha3-512";
    PSS_SHAKE128 = [1, 3, 6, 1, 5, 5, 7, 6, 30], "id-RSASSA-PSS-SHAKE128";
    PSS_SHAKE256 = [1, 3, 6, 1, 5, 5, 7, 6, 31], "id-RSASSA-PSS-SHAKE256";
    ECDSA_WITH_SHAKE128 = [1, 3, 6, 1, 5, 5, 7, 6, 32], "id-ecdsa-with-shake128";
    ECDSA_WITH_SHAKE256 = [1, 3, 6, 1, 5, 5, 7, 6, 33], "id-ecdsa-with-shake256";
    ECDSA_WITH_SPECIFIED = [1, 2, 840, 10045, 4, 3], "ecdsa-with-Specified";
    RIPEMD160_WITH_RSA = [1, 3, 36, 3, 3, 1, 2], "rsaSignatureWithripemd160";
    OIW_MD4_WITH_RSA = [1, 3, 14, 3, 2, 2], "md4WithRSA";
    X25519 = [1, 3, 101, 110], "id-X25519";
    X448 = [1, 3, 101, 111], "id-X448";
    ED25519 = [1, 3, 101, 112], "id-Ed25519";
    ED448 = [1, 3, 101, 113], "id-Ed448";
    ML_DSA_44 = [2, 16, 840, 1, 101, 3, 4, 3, 17], "id-ml-dsa-44";
    ML_DSA_65 = [2, 16, 840, 1, 101, 3, 4, 3, 18], "id-ml-dsa-65";
    ML_DSA_87 = [2, 16, 840, 1, 101, 3, 4, 3, 19], "id-ml-dsa-87";
    ML_KEM_512 = [2, 16, 840, 1, 101, 3, 4, 4, 1], "id-ml-kem-512";
    ML_KEM_768 = [2, 16, 840, 1, 101, 3, 4, 4, 2], "id-ml-kem-768";
    ML_KEM_1024 = [2, 16, 840, 1, 101, 3, 4, 4, 3], "id-ml-kem-1024";
    DH_PUBLIC_NUMBER = [1, 2, 840, 10046, 2, 1], "dhpublicnumber";
    // Curves
    P_192 = [1, 2, 840, 10045, 3, 1, 1], "P-192";
    P_224 = [1, 3, 132, 0, 33], "P-224";
    P_256 = [1, 2, 840, 10045, 3, 1, 7], "P-256";
    P_384 = [1, 3, 132, 0, 34], "P-384";
    P_521 = [1, 3, 132, 0, 35], "P-521";
    SECP256K1 = [1, 3, 132, 0, 10], "secp256k1";
    BRAINPOOL_P256R1 = [1, 3, 36, 3, 3, 2, 8, 1, 1, 7], "brainpoolP256r1";
    BRAINPOOL_P320R1 = [1, 3, 36, 3, 3, 2, 8, 1, 1, 9], "brainpoolP320r1";
    BRAINPOOL_P384R1 = [1, 3, 36, 3, 3, 2, 8, 1, 1, 11], "brainpoolP384r1";
    BRAINPOOL_P512R1 = [1, 3, 36, 3, 3, 2, 8, 1, 1, 13], "brainpoolP512r1";
    // Key agreement (RFC 5753, 8418; X9.63 KDF and HKDF) and other recipients
    DH_SINGLE_PASS_STD_SHA1 = [1, 3, 133, 16, 840, 63, 0, 2], "dhSinglePass-stdDH-sha1kdf-scheme";
    DH_SINGLE_PASS_COFACTOR_SHA1 = [1, 3, 133, 16, 840, 63, 0, 3], "dhSinglePass-cofactorDH-sha1kdf-scheme";
    DH_SINGLE_PASS_STD_SHA224 = [1, 3, 132, 1, 11, 0], "dhSinglePass-stdDH-sha224kdf-scheme";
    DH_SINGLE_PASS_STD_SHA256 = [1, 3, 132, 1, 11, 1], "dhSinglePass-stdDH-sha256kdf-scheme";
    DH_SINGLE_PASS_STD_SHA384 = [1, 3, 132, 1, 11, 2], "dhSinglePass-stdDH-sha384kdf-scheme";
    DH_SINGLE_PASS_STD_SHA512 = [1, 3, 132, 1, 11, 3], "dhSinglePass-stdDH-sha512kdf-scheme";
    DH_SINGLE_PASS_COFACTOR_SHA224 = [1, 3, 132, 1, 14, 0], "dhSinglePass-cofactorDH-sha224kdf-scheme";
    DH_SINGLE_PASS_COFACTOR_SHA256 = [1, 3, 132, 1, 14, 1], "dhSinglePass-cofactorDH-sha256kdf-scheme";
    DH_SINGLE_PASS_COFACTOR_SHA384 = [1, 3, 132, 1, 14, 2], "dhSinglePass-cofactorDH-sha384kdf-scheme";
    DH_SINGLE_PASS_COFACTOR_SHA512 = [1, 3, 132, 1, 14, 3], "dhSinglePass-cofactorDH-sha512kdf-scheme";
    DH_SINGLE_PASS_STD_HKDF_SHA256 = [1, 2, 840, 113549, 1, 9, 16, 3, 19], "dhSinglePass-stdDH-hkdf-sha256-scheme";
    DH_SINGLE_PASS_STD_HKDF_SHA384 = [1, 2, 840, 113549, 1, 9, 16, 3, 20], "dhSinglePass-stdDH-hkdf-sha384-scheme";
    DH_SINGLE_PASS_STD_HKDF_SHA512 = [1, 2, 840, 113549, 1, 9, 16, 3, 21], "dhSinglePass-stdDH-hkdf-sha512-scheme";
    ESDH = [1, 2, 840, 113549, 1, 9, 16, 3, 5], "id-alg-ESDH";
    CMS_3DES_WRAP = [1, 2, 840, 113549, 1, 9, 16, 3, 6], "id-alg-CMS3DESwrap";
    CMS_RC2_WRAP = [1, 2, 840, 113549, 1, 9, 16, 3, 7], "id-alg-CMSRC2wrap";
    ZLIB_COMPRESS = [1, 2, 840, 113549, 1, 9, 16, 3, 8], "id-alg-zlibCompress";
    PWRI_KEK = [1, 2, 840, 113549, 1, 9, 16, 3, 9], "id-alg-PWRI-KEK";
    ORI_KEM = [1, 2, 840, 113549, 1, 9, 16, 13, 3], "id-ori-kem";
    HKDF_SHA256 = [1, 2, 840, 113549, 1, 9, 16, 3, 28], "id-alg-hkdf-with-sha256";
    HKDF_SHA384 = [1, 2, 840, 113549, 1, 9, 16, 3, 29], "id-alg-hkdf-with-sha384";
    HKDF_SHA512 = [1, 2, 840, 113549, 1, 9, 16, 3, 30], "id-alg-hkdf-with-sha512";
    CEK_HKDF_SHA256 = [1, 2, 840, 113549, 1, 9, 16, 3, 31], "id-alg-cek-hkdf-sha256";
    AES128_WRAP = [2, 16, 840, 1, 101, 3, 4, 1, 5], "aes128-wrap";
    AES192_WRAP = [2, 16, 840, 1, 101, 3, 4, 1, 25], "aes192-wrap";
    AES256_WRAP = [2, 16, 840, 1, 101, 3, 4, 1, 45], "aes256-wrap";
    AES128_WRAP_PAD = [2, 16, 840, 1, 101, 3, 4, 1, 8], "aes128-wrap-pad";
    AES192_WRAP_PAD = [2, 16, 840, 1, 101, 3, 4, 1, 28], "aes192-wrap-pad";
    AES256_WRAP_PAD = [2, 16, 840, 1, 101, 3, 4, 1, 48], "aes256-wrap-pad";
    CAMELLIA128_WRAP = [1, 2, 392, 200011, 61, 1, 1, 3, 2], "camellia128-wrap";
    CAMELLIA192_WRAP = [1, 2, 392, 200011, 61, 1, 1, 3, 3], "camellia192-wrap";
    CAMELLIA256_WRAP = [1, 2, 392, 200011, 61, 1, 1, 3, 4], "camellia256-wrap";
    // Content encryption
    AES128_ECB = [2, 16, 840, 1, 101, 3, 4, 1, 1], "aes-128-ecb";
    AES128_CBC = [2, 16, 840, 1, 101, 3, 4, 1, 2], "aes-128-cbc";
    AES128_OFB = [2, 16, 840, 1, 101, 3, 4, 1, 3], "aes-128-ofb";
    AES128_CFB = [2, 16, 840, 1, 101, 3, 4, 1, 4], "aes-128-cfb";
    AES128_GCM = [2, 16, 840, 1, 101, 3, 4, 1, 6], "aes-128-gcm";
    AES128_CCM = [2, 16, 840, 1, 101, 3, 4, 1, 7], "aes-128-ccm";
    AES192_CBC = [2, 16, 840, 1, 101, 3, 4, 1, 22], "aes-192-cbc";
    AES192_OFB = [2, 16, 840, 1, 101, 3, 4, 1, 23], "aes-192-ofb";
    AES192_CFB = [2, 16, 840, 1, 101, 3, 4, 1, 24], "aes-192-cfb";
    AES192_GCM = [2, 16, 840, 1, 101, 3, 4, 1, 26], "aes-192-gcm";
    AES192_CCM = [2, 16, 840, 1, 101, 3, 4, 1, 27], "aes-192-ccm";
    AES256_CBC = [2, 16, 840, 1, 101, 3, 4, 1, 42], "aes-256-cbc";
    AES256_OFB = [2, 16, 840, 1, 101, 3, 4, 1, 43], "aes-256-ofb";
    AES256_CFB = [2, 16, 840, 1, 101, 3, 4, 1, 44], "aes-256-cfb";
    AES256_GCM = [2, 16, 840, 1, 101, 3, 4, 1, 46], "aes-256-gcm";
    AES256_CCM = [2, 16, 840, 1, 101, 3, 4, 1, 47], "aes-256-ccm";
    CHACHA20_POLY1305 = [1, 2, 840, 113549, 1, 9, 16, 3, 18], "chacha20-poly1305";
    RC2_CBC = [1, 2, 840, 113549, 3, 2], "rc2-cbc";
    RC4 = [1, 2, 840, 113549, 3, 4], "rc4";
    DES_EDE3_CBC = [1, 2, 840, 113549, 3, 7], "des-ede3-cbc";
    DES_CBC = [1, 3, 14, 3, 2, 7], "des-cbc";
    CAST5_CBC = [1, 2, 840, 113533, 7, 66, 10], "cast5-cbc";
    IDEA_CBC = [1, 3, 6, 1, 4, 1, 188, 7, 1, 1, 2], "idea-cbc";
    CAMELLIA128_CBC = [1, 2, 392, 200011, 61, 1, 1, 1, 2], "camellia-128-cbc";
    CAMELLIA192_CBC = [1, 2, 392, 200011, 61, 1, 1, 1, 3], "camellia-192-cbc";
    CAMELLIA256_CBC = [1, 2, 392, 200011, 61, 1, 1, 1, 4], "camellia-256-cbc";
    SEED_CBC = [1, 2, 410, 200004, 1, 4], "seed-cbc";
    SEED_WRAP = [1, 2, 410, 200004, 7, 1, 1, 1], "seed-wrap";
    // Passwords (RFC 8018, 7292, 9579)
    PBE_MD5_DES = [1, 2, 840, 113549, 1, 5, 3], "pbeWithMD5AndDES-CBC";
    PBE_SHA1_DES = [1, 2, 840, 113549, 1, 5, 10], "pbeWithSHA1AndDES-CBC";
    PBKDF2 = [1, 2, 840, 113549, 1, 5, 12], "id-PBKDF2";
    PBES2 = [1, 2, 840, 113549, 1, 5, 13], "id-PBES2";
    PBMAC1 = [1, 2, 840, 113549, 1, 5, 14], "id-PBMAC1";
    SCRYPT = [1, 3, 6, 1, 4, 1, 11591, 4, 11], "id-scrypt";
    PKCS12_PBE_RC4_128 = [1, 2, 840, 113549, 1, 12, 1, 1], "pbeWithSHAAnd128BitRC4";
    PKCS12_PBE_RC4_40 = [1, 2, 840, 113549, 1, 12, 1, 2], "pbeWithSHAAnd40BitRC4";
    PKCS12_PBE_3DES = [1, 2, 840, 113549, 1, 12, 1, 3], "pbeWithSHAAnd3-KeyTripleDES-CBC";
    PKCS12_PBE_2DES = [1, 2, 840, 113549, 1, 12, 1, 4], "pbeWithSHAAnd2-KeyTripleDES-CBC";
    PKCS12_PBE_RC2_128 = [1, 2, 840, 113549, 1, 12, 1, 5], "pbeWithSHAAnd128BitRC2-CBC";
    PKCS12_PBE_RC2_40 = [1, 2, 840, 113549, 1, 12, 1, 6], "pbeWithSHAAnd40BitRC2-CBC";
    HMAC_SHA1 = [1, 2, 840, 113549, 2, 7], "hmacWithSHA1";
    HMAC_SHA224 = [1, 2, 840, 113549, 2, 8], "hmacWithSHA224";
    HMAC_SHA256 = [1, 2, 840, 113549, 2, 9], "hmacWithSHA256";
    HMAC_SHA384 = [1, 2, 840, 113549, 2, 10], "hmacWithSHA384";
    HMAC_SHA512 = [1, 2, 840, 113549, 2, 11], "hmacWithSHA512";
    PKCS12_KEY_BAG = [1, 2, 840, 113549, 1, 12, 10, 1, 1], "keyBag";
    PKCS12_SHROUDED_KEY_BAG = [1, 2, 840, 113549, 1, 12, 10, 1, 2], "pkcs8ShroudedKeyBag";
    PKCS12_CERT_BAG = [1, 2, 840, 113549, 1, 12, 10, 1, 3], "certBag";
    PKCS12_CRL_BAG = [1, 2, 840, 113549, 1, 12, 10, 1, 4], "crlBag";
    PKCS12_SECRET_BAG = [1, 2, 840, 113549, 1, 12, 10, 1, 5], "secretBag";
    PKCS12_SAFE_CONTENTS_BAG = [1, 2, 840, 113549, 1, 12, 10, 1, 6], "safeContentsBag";
    X509_CERTIFICATE_BAG = [1, 2, 840, 113549, 1, 9, 22, 1], "x509Certificate";
    // Certificate and CRL extensions (RFC 5280 §4.2, §5.2, §5.3)
    SUBJECT_KEY_IDENTIFIER = [2, 5, 29, 14], "subjectKeyIdentifier";
    KEY_USAGE = [2, 5, 29, 15], "keyUsage";
    PRIVATE_KEY_USAGE_PERIOD = [2, 5, 29, 16], "privateKeyUsagePeriod";
    SUBJECT_ALT_NAME = [2, 5, 29, 17], "subjectAltName";
    ISSUER_ALT_NAME = [2, 5, 29, 18], "issuerAltName";
    BASIC_CONSTRAINTS = [2, 5, 29, 19], "basicConstraints";
    CRL_NUMBER = [2, 5, 29, 20], "cRLNumber";
    REASON_CODE = [2, 5, 29, 21], "reasonCode";
    INVALIDITY_DATE = [2, 5, 29, 24], "invalidityDate";
    DELTA_CRL_INDICATOR = [2, 5, 29, 27], "deltaCRLIndicator";
    ISSUING_DISTRIBUTION_POINT = [2, 5, 29, 28], "issuingDistributionPoint";
    CERTIFICATE_ISSUER = [2, 5, 29, 29], "certificateIssuer";
    NAME_CONSTRAINTS = [2, 5, 29, 30], "nameConstraints";
    CRL_DISTRIBUTION_POINTS = [2, 5, 29, 31], "cRLDistributionPoints";
    CERTIFICATE_POLICIES = [2, 5, 29, 32], "certificatePolicies";
    ANY_POLICY = [2, 5, 29, 32, 0], "anyPolicy";
    POLICY_MAPPINGS = [2, 5, 29, 33], "policyMappings";
    AUTHORITY_KEY_IDENTIFIER = [2, 5, 29, 35], "authorityKeyIdentifier";
    POLICY_CONSTRAINTS = [2, 5, 29, 36], "policyConstraints";
    EXTENDED_KEY_USAGE = [2, 5, 29, 37], "extKeyUsage";
    ANY_EXTENDED_KEY_USAGE = [2, 5, 29, 37, 0], "anyExtendedKeyUsage";
    FRESHEST_CRL = [2, 5, 29, 46], "freshestCRL";
    INHIBIT_ANY_POLICY = [2, 5, 29, 54], "inhibitAnyPolicy";
    EXPIRED_CERTS_ON_CRL = [2, 5, 29, 60], "expiredCertsOnCRL";
    AUTHORITY_INFO_ACCESS = [1, 3, 6, 1, 5, 5, 7, 1, 1], "authorityInfoAccess";
    QC_STATEMENTS = [1, 3, 6, 1, 5, 5, 7, 1, 3], "qcStatements";
    SUBJECT_INFO_ACCESS = [1, 3, 6, 1, 5, 5, 7, 1, 11], "subjectInfoAccess";
    SERVER_AUTH = [1, 3, 6, 1, 5, 5, 7, 3, 1], "serverAuth";
    CLIENT_AUTH = [1, 3, 6, 1, 5, 5, 7, 3, 2], "clientAuth";
    CODE_SIGNING = [1, 3, 6, 1, 5, 5, 7, 3, 3], "codeSigning";
    EMAIL_PROTECTION = [1, 3, 6, 1, 5, 5, 7, 3, 4], "emailProtection";
    TIME_STAMPING = [1, 3, 6, 1, 5, 5, 7, 3, 8], "timeStamping";
    OCSP_SIGNING = [1, 3, 6, 1, 5, 5, 7, 3, 9], "OCSPSigning";
    SMTP_UTF8_MAILBOX = [1, 3, 6, 1, 5, 5, 7, 8, 9], "id-on-SmtpUTF8Mailbox";
    OCSP_BASIC = [1, 3, 6, 1, 5, 5, 7, 48, 1, 1], "id-pkix-ocsp-basic";
    OCSP_NO_CHECK = [1, 3, 6, 1, 5, 5, 7, 48, 1, 5], "id-pkix-ocsp-nocheck";
    OCSP_ARCHIVE_CUTOFF = [1, 3, 6, 1, 5, 5, 7, 48, 1, 6], "id-pkix-ocsp-archive-cutoff";
    // What a certificate is linted for (RFC 5280 §4.2.1.4, §4.2.1.8, §4.2.2.1; S/MIME BR §7.1.2.3)
    SUBJECT_DIRECTORY_ATTRIBUTES = [2, 5, 29, 9], "subjectDirectoryAttributes";
    CPS_QUALIFIER = [1, 3, 6, 1, 5, 5, 7, 2, 1], "id-qt-cps";
    USER_NOTICE_QUALIFIER = [1, 3, 6, 1, 5, 5, 7, 2, 2], "id-qt-unotice";
    ACCESS_OCSP = [1, 3, 6, 1, 5, 5, 7, 48, 1], "id-ad-ocsp";
    ACCESS_CA_ISSUERS = [1, 3, 6, 1, 5, 5, 7, 48, 2], "id-ad-caIssuers";
    LEGAL_ENTITY_IDENTIFIER = [1, 3, 6, 1, 4, 1, 52266, 1], "lei";
    LEGAL_ENTITY_ROLE = [1, 3, 6, 1, 4, 1, 52266, 2], "lei-role";
    ADOBE_TIMESTAMP = [1, 2, 840, 113583, 1, 1, 9, 1], "adobe-timestamp";
    ADOBE_ARCHIVE_REV_INFO = [1, 2, 840, 113583, 1, 1, 9, 2], "adobe-archiveRevInfo";
    // Naming attributes (RFC 4519, 5280)
    COMMON_NAME = [2, 5, 4, 3], "CN";
    SURNAME = [2, 5, 4, 4], "SN";
    SERIAL_NUMBER = [2, 5, 4, 5], "serialNumber";
    COUNTRY = [2, 5, 4, 6], "C";
    LOCALITY = [2, 5, 4, 7], "L";
    STATE = [2, 5, 4, 8], "ST";
    STREET = [2, 5, 4, 9], "street";
    ORGANIZATION = [2, 5, 4, 10], "O";
    ORGANIZATIONAL_UNIT = [2, 5, 4, 11], "OU";
    TITLE = [2, 5, 4, 12], "title";
    POSTAL_CODE = [2, 5, 4, 17], "postalCode";
    GIVEN_NAME = [2, 5, 4, 42], "givenName";
    INITIALS = [2, 5, 4, 43], "initials";
    GENERATION_QUALIFIER = [2, 5, 4, 44], "generationQualifier";
    DN_QUALIFIER = [2, 5, 4, 46], "dnQualifier";
    PSEUDONYM = [2, 5, 4, 65], "pseudonym";
    ORGANIZATION_IDENTIFIER = [2, 5, 4, 97], "organizationIdentifier";
    USER_ID = [0, 9, 2342, 19200300, 100, 1, 1], "UID";
    DOMAIN_COMPONENT = [0, 9, 2342, 19200300, 100, 1, 25], "DC";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_those_of_the_standards() {
        assert_eq!(
            DATA.content(),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]
        );
        assert_eq!(ANY_POLICY.content(), [0x55, 0x1d, 0x20, 0]);
        assert_eq!(
            BRAINPOOL_P256R1.content(),
            [0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7]
        );
        assert_eq!(SHA256.to_string(), "2.16.840.1.101.3.4.2.1");
        assert_eq!(USER_ID.to_string(), "0.9.2342.19200300.100.1.1");
        assert_eq!(CAMELLIA128_CBC.to_string(), "1.2.392.200011.61.1.1.1.2");
    }

    #[test]
    fn every_name_is_there_once() {
        for (index, (oid, name)) in NAMES.iter().enumerate() {
            assert_eq!(oid.name(), Some(*name));
            assert!(oid.content().len() < MAX_OCTETS, "{name}");
            for (other, other_name) in &NAMES[index + 1..] {
                assert_ne!(name, other_name);
                assert_ne!(oid, other, "{name} {other_name}");
            }
        }
    }

    #[test]
    fn odd_identifiers_print_without_panic() {
        assert_eq!(Oid::from_content(&[]), None);
        assert_eq!(Oid::from_content(&[0x81]), None);
        assert_eq!(
            Oid::from_content(&[0x88, 0x37]).unwrap().to_string(),
            "2.999"
        );
        let giant = [[0xff; 40].as_slice(), &[0x7f]].concat();
        assert_eq!(Oid::from_content(&giant).unwrap().to_string(), "?");
    }
}
