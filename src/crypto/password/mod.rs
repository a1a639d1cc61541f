//! Passwords of key files and messages: PBES2 and PBES1 (RFC 8018), PKCS #12's own scheme (RFC 7292 §B), the MAC over a PKCS #12
//! file (RFC 7292 §4, RFC 9579), and the key wrap of messages (RFC 3211).
//!
//! Every count and size is checked against the limits before anything is derived.

pub mod derive;

mod pkcs12_kdf;

pub mod encryption;

pub mod mac;

pub mod key_wrap;

use std::fmt;

use zeroize::Zeroizing;

pub use encryption::PasswordEncryption;
pub use key_wrap::PasswordWrap;
pub use mac::PasswordMac;

/// Why a password did not open something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PasswordError {
    /// More rounds or memory than the limits allow; nothing was derived.
    TooManyRounds,
    /// An algorithm that is not known: its name or dotted identifier.
    UnsupportedAlgorithm(String),
    /// Parameters that are none.
    Malformed,
    /// The padding or the MAC is wrong: most likely the password is.
    WrongPassword,
}

/// A password in the two forms that the standards have. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Password {
    /// As given, UTF-8 as a rule: PBES1, PBES2, PBMAC1.
    octets: Zeroizing<Vec<u8>>,
    /// BMPString with its two zero octets (RFC 7292 §B.1): PKCS #12.
    bmp: Zeroizing<Vec<u8>>,
}

impl Password {
    /// A password as typed or as it stands in a file: UTF-8, else taken as Latin-1 for PKCS #12.
    #[must_use]
    pub fn new(octets: &[u8]) -> Self {
        let units: Zeroizing<Vec<u16>> = Zeroizing::new(match std::str::from_utf8(octets) {
            Ok(text) => text.encode_utf16().collect(),
            Err(_) => octets.iter().copied().map(u16::from).collect(),
        });
        Self::with_units(octets, &units)
    }

    /// The readings to try in order. Most passwords have one; OpenSSL before 1.1.0 widened each UTF-8 octet of a password outside ASCII
    /// to 16 bits, and an empty password is written as no octets at all or as the two zero octets alone.
    #[must_use]
    pub fn readings(octets: &[u8]) -> Vec<Self> {
        let mut readings = vec![Self::new(octets)];
        if octets.is_empty() {
            readings.push(Self {
                octets: Zeroizing::new(Vec::new()),
                bmp: Zeroizing::new(Vec::new()),
            });
        } else if !octets.is_ascii() && std::str::from_utf8(octets).is_ok() {
            let units: Zeroizing<Vec<u16>> =
                Zeroizing::new(octets.iter().copied().map(u16::from).collect());
            readings.push(Self::with_units(octets, &units));
        }
        readings
    }

    /// No octets at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    fn with_units(octets: &[u8], units: &[u16]) -> Self {
        let mut bmp = Zeroizing::new(Vec::with_capacity(2 * units.len() + 2));
        for unit in units {
            bmp.extend_from_slice(&unit.to_be_bytes());
        }
        bmp.extend_from_slice(&[0, 0]);
        Self {
            octets: Zeroizing::new(octets.to_vec()),
            bmp,
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) fn bmp(&self) -> &[u8] {
        &self.bmp
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_as_bmp_strings() {
        // RFC 7292 §B.1: "Beavis"
        let beavis = [0, 0x42, 0, 0x65, 0, 0x61, 0, 0x76, 0, 0x69, 0, 0x73, 0, 0];
        assert_eq!(Password::new(b"Beavis").bmp(), beavis);
        assert_eq!(Password::new("é€𝄞".as_bytes()).bmp().len(), 2 * 4 + 2);
        assert_eq!(Password::new(&[0xe9]).bmp(), [0, 0xe9, 0, 0]);
        assert_eq!(Password::readings(b"plain").len(), 1);
        assert_eq!(Password::readings("é".as_bytes()).len(), 2);
        let empty = Password::readings(b"");
        assert_eq!((empty[0].bmp(), empty[1].bmp()), (&[0, 0][..], &[][..]));
        assert_eq!(format!("{:?}", empty[0]), "Password");
    }
}
