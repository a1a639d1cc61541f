//! A row of the table, and how it is held against a certificate.

use std::borrow::Cow;

use crate::asn1::Time;
use crate::pki::lint::view::View;
use crate::pki::words::words;

words! {
    /// How strongly a clause speaks (RFC 2119).
    pub enum Level {
        /// SHOULD and SHOULD NOT; also a MUST of which a certificate holds a sign but no proof.
        Should = "should",
        /// MUST, MUST NOT, SHALL and SHALL NOT.
        Must = "must",
    }
}

/// What was found where a rule is broken; None where it is kept.
pub(super) type Found = Option<Cow<'static, str>>;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in reports; never changes its meaning.
    pub code: &'static str,
    /// How strongly its clause speaks.
    pub level: Level,
    /// The clause.
    pub source: &'static str,
    /// What the clause demands, in a few words.
    pub demand: &'static str,
    /// Certificates issued before are not held against it: the clause was not in force. None: the certificate can't even be dated.
    pub since: Option<Time>,
    /// What it is about.
    pub(super) applies: fn(&View<'_>) -> bool,
    /// What breaks it.
    pub(super) broken: fn(&View<'_>) -> Found,
    /// Rules of zlint (`e_…`, `w_…`, `n_…`) and pkilint (`pkix.…`, `cabf.…`) that look for the same; several where theirs are cut
    /// otherwise, none where no counterpart was found.
    pub same: &'static [&'static str],
}

/// A rule's answer for one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It says nothing about such a certificate, or was not in force when that was issued.
    OutOfScope,
    /// Kept.
    Kept,
    /// Broken, and by what.
    Broken(Cow<'static, str>),
}

impl Rule {
    /// Holds the rule against a certificate. Never fails.
    #[must_use]
    pub fn judge(&self, view: &View<'_>) -> Verdict {
        let in_force = match (self.since, view.certificate.not_before) {
            (None, _) => true,
            (Some(since), Ok(issued)) => issued >= since,
            // Undated: `validity-unreadable` says so, and nothing that depends on the date.
            (Some(_), Err(_)) => false,
        };
        if !in_force || !(self.applies)(view) {
            return Verdict::OutOfScope;
        }
        match (self.broken)(view) {
            Some(found) => Verdict::Broken(found),
            None => Verdict::Kept,
        }
    }

    /// Those of [`Rule::same`] that are zlint's.
    pub fn zlint(&self) -> impl Iterator<Item = &'static str> {
        self.same.iter().copied().filter(|id| !id.contains('.'))
    }

    /// Those of [`Rule::same`] that are pkilint's.
    pub fn pkilint(&self) -> impl Iterator<Item = &'static str> {
        self.same.iter().copied().filter(|id| id.contains('.'))
    }
}

/// A constant text for what is broken.
pub(super) fn when(broken: bool, found: &'static str) -> Found {
    broken.then_some(Cow::Borrowed(found))
}

/// A text with what stands in the certificate.
pub(super) fn told(found: Option<String>) -> Found {
    found.map(Cow::Owned)
}

/// RFC 2459, January 1999: for clauses of RFC 5280 that it is known to have had already.
pub(super) const RFC_2459: Option<Time> = Some(Time::midnight(1999, 1, 1));

/// RFC 3280, April 2002: for clauses of RFC 5280 that it is known to have brought.
pub(super) const RFC_3280: Option<Time> = Some(Time::midnight(2002, 4, 1));

/// RFC 5280 was published in May 2008.
pub(super) const RFC_5280: Option<Time> = Some(Time::midnight(2008, 5, 1));

/// The first compliance date of the S/MIME Baseline Requirements (§1.2.1).
pub(super) const BR: Option<Time> = Some(Time::midnight(2023, 9, 1));

/// Publication of version 1.0.9: the EUID as registration reference (§1.2.1).
pub(super) const BR_1_0_9: Option<Time> = Some(Time::midnight(2025, 5, 14));

/// The end of the Legacy generation (§1.2.1, §7.1.6.1).
pub(super) const LEGACY_END: Option<Time> = Some(Time::midnight(2025, 7, 15));

/// Publication of version 1.0.11: ML-DSA and ML-KEM (§1.2.1).
pub(super) const BR_1_0_11: Option<Time> = Some(Time::midnight(2025, 8, 22));

/// From then on only emailProtection and clientAuth are allowed (ballot SMC018, version 1.0.16).
pub(super) const MAIL_ONLY: Option<Time> = Some(Time::midnight(2027, 7, 1));
