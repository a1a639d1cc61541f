//! Mail addresses of a certificate's subject.

use crate::asn1::oid;
use crate::pki::words::words;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::general_name::GeneralName;

words! {
    /// Where in a certificate an address stands.
    pub enum AddressSource {
        /// `rfc822Name` of the subjectAltName (RFC 5280 §4.2.1.6).
        SubjectAltName = "rfc822_name",
        /// `SmtpUTF8Mailbox` of the subjectAltName (RFC 9598 §3).
        SmtpUtf8Mailbox = "smtp_utf8_mailbox",
        /// `emailAddress` of the subject's name (RFC 2985 §5.2.1).
        SubjectName = "subject_name",
    }
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateAddress {
    /// `local@domain` as written.
    pub text: String,
    /// Where it stands.
    pub source: AddressSource,
}

/// All addresses that a certificate speaks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateAddresses {
    /// In the order written, each once. Those of the subject's name only where the subjectAltName has no mailbox at all.
    pub list: Vec<CertificateAddress>,
    /// An address of the subject's name that is none of the subjectAltName's, letters' case aside: finding `dn_san_conflict`.
    pub conflict: Vec<String>,
    /// A mailbox or common name with a control character, NUL, or a character that changes the direction of text or shows
    /// as nothing: such a mailbox is in no list, so it matches nothing. Finding `cert_string_suspicious`.
    pub suspicious: Vec<String>,
}

impl CertificateAddresses {
    /// Collects the addresses. Never fails: a subjectAltName that can't be read speaks for nobody, and then the subject's
    /// name does not either. The text of a common name never counts.
    #[must_use]
    pub fn read(certificate: &Certificate<'_>) -> Self {
        let mut all = Self::default();
        let (names, readable) = match certificate.extensions.subject_alt_name() {
            Ok(names) => (names.unwrap_or_default(), true),
            Err(_) => (Vec::new(), false),
        };
        let mut san_has_mailbox = false;
        for name in names {
            let (octets, source) = match name {
                GeneralName::Rfc822(octets) => (octets, AddressSource::SubjectAltName),
                GeneralName::SmtpUtf8Mailbox(octets) => (octets, AddressSource::SmtpUtf8Mailbox),
                _ => continue,
            };
            san_has_mailbox = true;
            // An rfc822Name is an IA5String: octets beyond ASCII name nobody.
            match std::str::from_utf8(octets) {
                Ok(text) if text.is_ascii() || source == AddressSource::SmtpUtf8Mailbox => {
                    all.add(text, source);
                }
                _ => all
                    .suspicious
                    .push(String::from_utf8_lossy(octets).into_owned()),
            }
        }
        for text in certificate.subject.texts(oid::EMAIL_ADDRESS) {
            if san_has_mailbox {
                let same = |known: &CertificateAddress| known.text.eq_ignore_ascii_case(&text);
                if !all.list.iter().any(same) {
                    all.conflict.push(text);
                }
            } else if readable {
                all.add(&text, AddressSource::SubjectName);
            }
        }
        for text in certificate.subject.texts(oid::COMMON_NAME) {
            if is_suspicious(&text) {
                all.suspicious.push(text);
            }
        }
        all
    }

    fn add(&mut self, text: &str, source: AddressSource) {
        if is_suspicious(text) {
            self.suspicious.push(text.to_owned());
            return;
        }
        let is_mailbox = text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if is_mailbox && !self.list.iter().any(|known| known.text == text) {
            self.list.push(CertificateAddress {
                text: text.to_owned(),
                source,
            });
        }
    }
}

/// A control character, or one that reorders or hides text (Unicode's bidirectional controls and zero-width characters).
#[must_use]
pub fn is_suspicious(text: &str) -> bool {
    text.chars().any(|character| {
        character.is_control()
            || matches!(
                character,
                '\u{061c}'
                    | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{2069}'
                    | '\u{feff}'
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_text_is_suspicious() {
        for text in [
            "a\0@b",
            "a\n@b",
            "a\u{202e}@b",
            "a\u{200b}@b",
            "a\u{85}@b",
            "\u{feff}a@b",
        ] {
            assert!(is_suspicious(text), "{text:?}");
        }
        for text in [
            "a@b",
            "zoë@bücher.example",
            "*@b",
            "a b@c",
            "用户@例子.测试",
        ] {
            assert!(!is_suspicious(text), "{text:?}");
        }
    }
}
