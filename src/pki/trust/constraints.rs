//! Name constraints on mail addresses (RFC 5280 §4.2.1.10, RFC 9598 §6). All other forms of names are OpenSSL's part of the
//! confirmation.

use crate::asn1::oid;
use crate::limits::Limits;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::general_name::GeneralName;

/// An address lies outside what an authority may certify, something can't be read, or comparing took more than
/// [`Limits::name_checks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violated;

/// Checks the addresses of every certificate of `path` (the signer first) against the constraints of all above it.
/// Certificates that an authority issued to itself are exempt, unless they are the signer's.
pub(super) fn check(path: &[Certificate<'_>], limits: &Limits) -> Result<(), Violated> {
    let mut left = limits.name_checks;
    let mut below: Vec<Mailbox> = Vec::new();
    let mut unreadable = false;
    for (index, certificate) in path.iter().enumerate() {
        let constraints = certificate
            .extensions
            .name_constraints()
            .map_err(|_| Violated)?;
        if let (Some(constraints), true) = (constraints, index > 0) {
            if unreadable {
                return Err(Violated);
            }
            let permitted = bases(&constraints.permitted);
            let excluded = bases(&constraints.excluded);
            let comparisons = below.len().saturating_mul(permitted.len() + excluded.len());
            left = u32::try_from(comparisons)
                .ok()
                .and_then(|comparisons| left.checked_sub(comparisons))
                .ok_or(Violated)?;
            let allowed = |mailbox: &Mailbox| {
                (permitted.is_empty() || permitted.iter().any(|base| base.holds(mailbox)))
                    && !excluded.iter().any(|base| base.holds(mailbox))
            };
            let constrains = !permitted.is_empty() || !excluded.is_empty();
            if constrains && !below.iter().all(allowed) {
                return Err(Violated);
            }
        }
        if index == 0 || !certificate.is_self_issued() {
            match mailboxes(certificate) {
                Ok(mailboxes) => below.extend(mailboxes),
                Err(Violated) => unreadable = true,
            }
        }
    }
    Ok(())
}

struct Mailbox {
    /// None for what has no `@`: it lies in no subtree, and so in no permitted one.
    parts: Option<(String, String)>,
}

impl Mailbox {
    fn new(text: &str) -> Self {
        Self {
            parts: text
                .rsplit_once('@')
                .map(|(local, domain)| (local.to_owned(), ascii_domain(domain))),
        }
    }
}

enum Base {
    /// One mailbox.
    Mailbox(String, String),
    /// All mailboxes at one host.
    Host(String),
    /// All mailboxes at hosts inside a domain; begins with a dot.
    Inside(String),
}

impl Base {
    fn new(text: &str) -> Self {
        match text.rsplit_once('@') {
            Some((local, domain)) => Self::Mailbox(local.to_owned(), ascii_domain(domain)),
            None => match text.strip_prefix('.') {
                Some(domain) => Self::Inside(format!(".{}", ascii_domain(domain))),
                None => Self::Host(ascii_domain(text)),
            },
        }
    }

    fn holds(&self, mailbox: &Mailbox) -> bool {
        let Some((local, domain)) = &mailbox.parts else {
            return false;
        };
        match self {
            Self::Mailbox(only, host) => local == only && domain == host,
            // An empty base is every mailbox, as OpenSSL and others read it.
            Self::Host(host) => host.is_empty() || domain == host,
            Self::Inside(suffix) => domain.ends_with(suffix.as_str()),
        }
    }
}

/// The A-label form in lower case (RFC 9598 §5); what has none is only made lower-case.
fn ascii_domain(domain: &str) -> String {
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase())
}

fn bases(subtrees: &[GeneralName<'_>]) -> Vec<Base> {
    subtrees
        .iter()
        .filter_map(|name| match name {
            GeneralName::Rfc822(octets) => Some(Base::new(&String::from_utf8_lossy(octets))),
            _ => None,
        })
        .collect()
}

/// The addresses that the constraints of authorities above are about. Those of the subject's name only where there is no
/// subjectAltName (RFC 5280 §4.2.1.10).
fn mailboxes(certificate: &Certificate<'_>) -> Result<Vec<Mailbox>, Violated> {
    let names = certificate.extensions.subject_alt_name();
    Ok(match names.map_err(|_| Violated)? {
        Some(names) => names
            .iter()
            .filter_map(|name| match name {
                GeneralName::Rfc822(octets) | GeneralName::SmtpUtf8Mailbox(octets) => {
                    Some(Mailbox::new(&String::from_utf8_lossy(octets)))
                }
                _ => None,
            })
            .collect(),
        None => certificate
            .subject
            .texts(oid::EMAIL_ADDRESS)
            .iter()
            .map(|text| Mailbox::new(text))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_hold_what_rfc_5280_says() {
        for (base, mailbox, held) in [
            ("example.com", "a@example.com", true),
            ("example.com", "a@EXAMPLE.com", true),
            ("example.com", "a@sub.example.com", false),
            ("example.com", "a@example.com.evil.org", false),
            ("example.com", "\"x@evil.org\"@example.com", true),
            ("example.com", "example.com", false),
            (".example.com", "a@sub.example.com", true),
            (".example.com", "a@example.com", false),
            (".example.com", "a@badexample.com", false),
            ("a@example.com", "a@example.com", true),
            ("a@example.com", "A@example.com", false),
            ("a@example.com", "b@example.com", false),
            ("bücher.example", "a@xn--bcher-kva.example", true),
            ("xn--bcher-kva.example", "zoë@bücher.example", true),
            ("", "a@b", true),
        ] {
            let (base_read, mailbox_read) = (Base::new(base), Mailbox::new(mailbox));
            assert_eq!(base_read.holds(&mailbox_read), held, "{base} {mailbox}");
        }
    }
}
