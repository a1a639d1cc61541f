//! What header fields that a signature protects say of those outside, and of whom they were meant for.

use crate::facts::finding::Finding;
use crate::limits::Limits;
use crate::mime::address::Addresses;
use crate::mime::compare::{Match, compare};
use crate::mime::header::Header;
use crate::mime::media::{MediaType, Reading};
use crate::mime::write::protect::is_protected;

/// How a part protects header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `hp="clear"` (RFC 9788 §2.1.1).
    Clear,
    /// `hp="cipher"`.
    Cipher,
    /// The drafts' `protected-headers`, or a message/rfc822 around the message (RFC 8551 §3.1).
    Old,
}

impl Scheme {
    /// Of a part that [protects header fields](super::part::protects_headers).
    pub fn of(media: &MediaType) -> Self {
        match media.text("hp", Reading::First).unwrap_or_default() {
            hp if hp.eq_ignore_ascii_case("clear") => Self::Clear,
            hp if hp.eq_ignore_ascii_case("cipher") => Self::Cipher,
            // No `hp`, or another value: it is no scheme that is known, and its part protects fields all the same.
            _ => Self::Old,
        }
    }
}

/// What is to be told of a protected header. From is told of elsewhere.
///
/// `outer` is the message's own header; `opened_by` the addresses of the certificates whose keys answer to an encryption around it.
pub(super) fn findings(
    scheme: Scheme,
    inner: &Header<'_>,
    outer: &Header<'_>,
    opened_by: &[String],
    limits: &Limits,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match scheme {
        Scheme::Old => findings.push(Finding::HeaderProtectionOld),
        // RFC 9788 §4.10.2: what stood outside when it was sent is what stands inside, or in HP-Outer.
        Scheme::Clear | Scheme::Cipher if outside_differs(scheme, inner, outer) => {
            findings.push(Finding::OuterHeaderDiffers);
        }
        Scheme::Clear | Scheme::Cipher => {}
    }
    if is_for_others(inner, opened_by, limits) {
        findings.push(Finding::RecipientNotAddressed);
    }
    findings
}

fn outside_differs(scheme: Scheme, inner: &Header<'_>, outer: &Header<'_>) -> bool {
    let told = told_outside(inner);
    if scheme == Scheme::Cipher && told.is_empty() {
        return false; // It does not say.
    }
    let mut names: Vec<String> = inner
        .fields()
        .map(|field| String::from_utf8_lossy(field.name).to_ascii_lowercase())
        .chain(told.iter().map(|(name, _)| name.clone()))
        .filter(|name| is_protected(name) && !matches!(name.as_str(), "from" | "sender"))
        .collect();
    names.sort_unstable();
    names.dedup();
    names.iter().any(|name| {
        let expected: Vec<String> = match scheme {
            Scheme::Cipher => told
                .iter()
                .filter(|(of, _)| of == name)
                .map(|(_, value)| value.clone())
                .collect(),
            Scheme::Clear | Scheme::Old => values(inner, name),
        };
        // Decrypting puts what stands inside back to where it was hidden.
        let stands = values(outer, name);
        expected != stands && (scheme == Scheme::Clear || values(inner, name) != stands)
    })
}

/// The HP-Outer fields: name in lower case and value (RFC 9788 §2.2).
fn told_outside(inner: &Header<'_>) -> Vec<(String, String)> {
    inner
        .all("hp-outer")
        .filter_map(|field| {
            let line = field.unfolded();
            let told = Header::new(&line).fields().next()?;
            let name = String::from_utf8_lossy(told.name).to_ascii_lowercase();
            Some((name, plain(&told.text().text)))
        })
        .collect()
}

fn values(header: &Header<'_>, name: &str) -> Vec<String> {
    header
        .all(name)
        .map(|field| plain(&field.text().text))
        .collect()
}

/// Folding and encoding change blanks.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// It is addressed to somebody, but to none of those who can open it, and is not from one of them.
fn is_for_others(inner: &Header<'_>, opened_by: &[String], limits: &Limits) -> bool {
    if opened_by.is_empty() {
        return false;
    }
    let named = |names: &[&str]| -> Vec<String> {
        inner
            .fields()
            .filter(|field| names.iter().any(|name| field.is(name)))
            .flat_map(|field| Addresses::read(&field.unfolded(), limits).mailboxes)
            .map(|mailbox| mailbox.address)
            .filter(|address| !address.is_empty())
            .collect()
    };
    let is_one = |address: &String| {
        opened_by
            .iter()
            .any(|one| compare(one, address) != Match::None)
    };
    let to = named(&["to", "cc", "bcc"]);
    !to.is_empty() && !to.iter().chain(&named(&["from"])).any(is_one)
}
