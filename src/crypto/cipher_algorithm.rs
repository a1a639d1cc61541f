//! The content ciphers: name, identifier, length of key and IV, and where OpenSSL has them.

use std::sync::OnceLock;

use openssl::cipher::Cipher;
use openssl::cipher::CipherRef;

use crate::asn1::Oid;
use crate::asn1::oid;
use crate::crypto::legacy;
use crate::crypto::legacy::Library;
use crate::crypto::sys;

/// How a cipher works on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Cbc,
    /// No padding, no IV, no tag: RC4.
    Stream,
    Gcm,
    Ccm,
    ChaCha,
}

macro_rules! fetch {
    (Default, $name:literal) => {
        Cipher::fetch(None, $name, None).ok()
    };
    (Legacy, $name:literal) => {
        legacy::cipher($name)
    };
}

macro_rules! ciphers {
    ($($(#[$doc:meta])* $name:ident = $oid:ident, $text:literal, $library:ident $fetched:literal, $mode:ident, $key_bytes:literal;)*) => {
        /// The content ciphers that mailseal decrypts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CipherAlgorithm {
            $($(#[$doc])* $name,)*
        }

        impl CipherAlgorithm {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The object identifier.
            #[must_use]
            pub fn oid(self) -> Oid<'static> {
                match self {
                    $(Self::$name => oid::$oid,)*
                }
            }

            /// The name that reports use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Length of the key in bytes; for RC2, RC4 and CAST5, which take others too, the usual one.
            #[must_use]
            pub fn key_bytes(self) -> usize {
                match self {
                    $(Self::$name => $key_bytes,)*
                }
            }

            pub(crate) fn mode(self) -> Mode {
                match self {
                    $(Self::$name => Mode::$mode,)*
                }
            }

            /// Only OpenSSL's legacy provider has it: nobody should encrypt with it any more.
            #[must_use]
            pub fn is_legacy(self) -> bool {
                match self {
                    $(Self::$name => legacy::is_legacy(Library::$library),)*
                }
            }

            /// What OpenSSL computes it with, fetched once for all threads.
            pub(crate) fn cipher(self) -> Option<&'static CipherRef> {
                match self {
                    $(Self::$name => {
                        static FETCHED: OnceLock<Option<Cipher>> = OnceLock::new();
                        FETCHED.get_or_init(|| {
                            sys::start();
                            fetch!($library, $fetched)
                        }).as_deref()
                    })*
                }
            }
        }
    };
}

ciphers! {
    /// RFC 3565.
    Aes128Cbc = AES128_CBC, "aes-128-cbc", Default "AES-128-CBC", Cbc, 16;
    /// RFC 3565.
    Aes192Cbc = AES192_CBC, "aes-192-cbc", Default "AES-192-CBC", Cbc, 24;
    /// RFC 3565.
    Aes256Cbc = AES256_CBC, "aes-256-cbc", Default "AES-256-CBC", Cbc, 32;
    /// RFC 3370 §5.1.
    TripleDesCbc = DES_EDE3_CBC, "des-ede3-cbc", Default "DES-EDE3-CBC", Cbc, 24;
    /// RFC 5084 §3.2.
    Aes128Gcm = AES128_GCM, "aes-128-gcm", Default "AES-128-GCM", Gcm, 16;
    /// RFC 5084 §3.2.
    Aes192Gcm = AES192_GCM, "aes-192-gcm", Default "AES-192-GCM", Gcm, 24;
    /// RFC 5084 §3.2.
    Aes256Gcm = AES256_GCM, "aes-256-gcm", Default "AES-256-GCM", Gcm, 32;
    /// RFC 5084 §3.1.
    Aes128Ccm = AES128_CCM, "aes-128-ccm", Default "AES-128-CCM", Ccm, 16;
    /// RFC 5084 §3.1.
    Aes192Ccm = AES192_CCM, "aes-192-ccm", Default "AES-192-CCM", Ccm, 24;
    /// RFC 5084 §3.1.
    Aes256Ccm = AES256_CCM, "aes-256-ccm", Default "AES-256-CCM", Ccm, 32;
    /// RFC 8103.
    ChaCha20Poly1305 = CHACHA20_POLY1305, "chacha20-poly1305", Default "ChaCha20-Poly1305", ChaCha, 32;
    /// RFC 3657 §2.
    Camellia128Cbc = CAMELLIA128_CBC, "camellia-128-cbc", Default "CAMELLIA-128-CBC", Cbc, 16;
    /// RFC 3657 §2.
    Camellia192Cbc = CAMELLIA192_CBC, "camellia-192-cbc", Default "CAMELLIA-192-CBC", Cbc, 24;
    /// RFC 3657 §2.
    Camellia256Cbc = CAMELLIA256_CBC, "camellia-256-cbc", Default "CAMELLIA-256-CBC", Cbc, 32;
    /// RFC 4010 §2.
    SeedCbc = SEED_CBC, "seed-cbc", Legacy "SEED-CBC", Cbc, 16;
    /// RFC 2984 §3.
    Cast5Cbc = CAST5_CBC, "cast5-cbc", Legacy "CAST5-CBC", Cbc, 16;
    /// RFC 3058 §2.
    IdeaCbc = IDEA_CBC, "idea-cbc", Legacy "IDEA-CBC", Cbc, 16;
    /// RFC 3370 §5.2: with effective key bits of its own.
    Rc2Cbc = RC2_CBC, "rc2-cbc", Legacy "RC2-CBC", Cbc, 16;
    /// The OIW's; RFC 8018 §B.2.1 has it for passwords.
    DesCbc = DES_CBC, "des-cbc", Legacy "DES-CBC", Cbc, 8;
    /// RSA's, in no S/MIME standard; Netscape and Outlook could be told to use it.
    Rc4 = RC4, "rc4", Legacy "RC4", Stream, 16;
}

impl CipherAlgorithm {
    /// Authenticates what it encrypts.
    #[must_use]
    pub fn is_aead(self) -> bool {
        !matches!(self.mode(), Mode::Cbc | Mode::Stream)
    }

    /// The linked OpenSSL can compute it.
    #[must_use]
    pub fn is_available(self) -> bool {
        self.cipher().is_some()
    }

    /// Its parameters are the IV alone, in an OCTET STRING.
    pub(crate) fn has_plain_iv(self) -> bool {
        let own = [Self::Rc2Cbc, Self::Cast5Cbc, Self::IdeaCbc];
        self.mode() == Mode::Cbc && !own.contains(&self)
    }

    /// The length of IV or nonce in bytes that is written.
    pub(crate) fn nonce_bytes(self) -> usize {
        match self.mode() {
            Mode::Cbc => match self {
                Self::TripleDesCbc
                | Self::DesCbc
                | Self::Rc2Cbc
                | Self::Cast5Cbc
                | Self::IdeaCbc => 8,
                _ => 16,
            },
            Mode::Stream => 0,
            Mode::Gcm | Mode::Ccm | Mode::ChaCha => 12,
        }
    }

    /// An IV or nonce of this length is accepted. GCM takes any (SP 800-38D §5.2.1.1, bounded here by OpenSSL's 128 bytes), CCM 7 to
    /// 13 (RFC 5084 §3.1).
    pub(crate) fn accepts_nonce(self, bytes: usize) -> bool {
        match self.mode() {
            Mode::Cbc | Mode::Stream | Mode::ChaCha => bytes == self.nonce_bytes(),
            Mode::Gcm => (1..=128).contains(&bytes),
            Mode::Ccm => (7..=13).contains(&bytes),
        }
    }
}
