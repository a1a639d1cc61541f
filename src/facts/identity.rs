//! Does the signer's certificate speak for the sender (RFC 8550 §3)?

use crate::facts::axis::Identity;
use crate::facts::record::Addresses;
use crate::mime::compare::{Match, compare};

/// Compares the addresses of a certificate with those of a message.
///
/// Only addr-specs count, never a display name or a common name. Sender is looked at only where From, which a reader sees, is one
/// mailbox and does not match; and such a match is a value of its own.
#[must_use]
pub fn identity(message: &Addresses, certificate: &[String]) -> Identity {
    if message.from_fields > 1 || message.from.len() > 1 {
        return Identity::AmbiguousFrom;
    }
    let Some(from) = message.from.first().filter(|from| !from.is_empty()) else {
        return Identity::NoFrom;
    };
    if certificate.is_empty() {
        return Identity::NoCertificateAddress;
    }
    match best(from, certificate) {
        Match::Exact => Identity::MatchFrom,
        Match::CasefoldLocal => Identity::MatchCasefoldLocal,
        Match::None => {
            let sender = message
                .sender
                .iter()
                .any(|sender| best(sender, certificate) != Match::None);
            if sender {
                Identity::MatchSenderOnly
            } else {
                Identity::Mismatch
            }
        }
    }
}

/// As [`identity`], where a signature also protects a header: both are shown, by one mail program or another, so the worse counts.
#[must_use]
pub fn identity_in_both(
    message: &Addresses,
    protected: Option<&Addresses>,
    certificate: &[String],
) -> Identity {
    let outer = identity(message, certificate);
    match protected {
        Some(protected) => outer.worse(identity(protected, certificate)),
        None => outer,
    }
}

/// Do both name the same mailboxes in From?
#[must_use]
pub fn same_from(one: &Addresses, other: &Addresses) -> bool {
    let names_all = |one: &Addresses, other: &Addresses| {
        one.from
            .iter()
            .all(|address| best(address, &other.from) != Match::None)
    };
    one.from_fields == other.from_fields && names_all(one, other) && names_all(other, one)
}

impl Identity {
    /// The one that speaks less for the sender.
    fn worse(self, other: Self) -> Self {
        let rank = |identity| match identity {
            Self::MatchFrom => 0,
            Self::MatchCasefoldLocal => 1,
            Self::NoFrom => 2,
            Self::NoCertificateAddress => 3,
            Self::MatchSenderOnly => 4,
            Self::AmbiguousFrom => 5,
            Self::Mismatch => 6,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }
}

fn best(address: &str, certificate: &[String]) -> Match {
    let mut best = Match::None;
    for candidate in certificate {
        match compare(address, candidate) {
            Match::Exact => return Match::Exact,
            Match::CasefoldLocal => best = Match::CasefoldLocal,
            Match::None => {}
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(from_fields: u32, from: &[&str], sender: &[&str]) -> Addresses {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Addresses {
            from: owned(from),
            from_fields,
            sender: owned(sender),
        }
    }

    /// Rows of the catalogue.
    #[test]
    fn a_19_each_combination_has_its_value() {
        let alice = &["alice@example.com"][..];
        for (message, certificate, expected) in [
            (addresses(1, alice, &[]), alice, Identity::MatchFrom),
            (
                addresses(1, &["alice@EXAMPLE.com"], &[]),
                alice,
                Identity::MatchFrom,
            ),
            (
                addresses(1, &["ALICE@example.com"], &[]),
                alice,
                Identity::MatchCasefoldLocal,
            ),
            (
                addresses(1, &["mallory@example.com"], alice),
                alice,
                Identity::MatchSenderOnly,
            ),
            (
                addresses(1, &["mallory@example.com"], &[]),
                alice,
                Identity::Mismatch,
            ),
            (
                addresses(1, alice, &[]),
                &["bob@example.com", "alice@example.com"],
                Identity::MatchFrom,
            ),
            (
                addresses(1, alice, &[]),
                &[],
                Identity::NoCertificateAddress,
            ),
            (addresses(2, alice, &[]), alice, Identity::AmbiguousFrom),
            (
                addresses(1, &["alice@example.com", "mallory@example.com"], &[]),
                alice,
                Identity::AmbiguousFrom,
            ),
            (addresses(0, &[], alice), alice, Identity::NoFrom),
            (addresses(1, &[], alice), alice, Identity::NoFrom),
            (addresses(1, &[""], alice), alice, Identity::NoFrom),
            (
                addresses(1, &["", "alice@example.com"], &[]),
                alice,
                Identity::AmbiguousFrom,
            ),
            (
                addresses(1, &["alice@bücher.example"], &[]),
                &["alice@xn--bcher-kva.example"],
                Identity::MatchFrom,
            ),
        ] {
            let certificate: Vec<String> =
                certificate.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(
                identity(&message, &certificate),
                expected,
                "{message:?} {certificate:?}"
            );
        }
    }
}
