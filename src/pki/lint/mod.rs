//! Rules for certificates, as rows of a table: the S/MIME Baseline Requirements of the CA/Browser Forum (read in version 1.0.12, and where a
//! row says so in a later one), and what RFC 5280 and RFC 8550 demand of every certificate that mail carries.
//!
//! A rule is held against a certificate that is in its scope and was issued (`notBefore`) when the rule was in force. The rules of the
//! Baseline Requirements bind those who claim them: a certificate with a policy identifier below 2.23.140.1.5
//! ([`Regime::AsClaimed`]), or each one where the caller knows that its authority is publicly trusted ([`Regime::Public`]).
//!
//! Nothing here needs a clock, an issuer or the network, so what only those could tell is no rule: whether a signature holds, an address
//! was checked, or an issuer's name is that of its own certificate.

mod access;
mod alt_name;
mod authority;
mod claim;
mod country;
mod extension;
mod factors;
mod key;
mod mailbox;
mod name;
mod organization;
mod policy;
mod read;
mod rule;
mod scope;
mod subject;
mod usage;
mod validity;
mod view;

pub use claim::{Claim, Generation, Profile};
pub use rule::{Level, Rule, Verdict};
pub use view::{Kind, Regime, View};

use std::borrow::Cow;

use crate::pki::x509::Certificate;

/// A rule that a certificate breaks.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which one.
    pub rule: &'static Rule,
    /// What was found; text from the certificate stands in it as it is.
    pub found: Cow<'static, str>,
}

/// The table, in groups: the order of the report.
const TABLE: &[&[Rule]] = &[
    validity::RULES,
    name::RULES,
    subject::RULES,
    organization::RULES,
    alt_name::RULES,
    key::RULES,
    usage::RULES,
    policy::RULES,
    access::RULES,
    extension::RULES,
    authority::RULES,
];

/// Every rule, in the order of the report.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLE.iter().copied().flatten()
}

/// The rules that a certificate breaks, in the order of the table. Never fails; the cost is bounded by the certificate's size.
#[must_use]
pub fn lint(view: &View<'_>) -> Vec<Broken> {
    rules()
        .filter_map(|rule| match rule.judge(view) {
            Verdict::Broken(found) => Some(Broken { rule, found }),
            Verdict::Kept | Verdict::OutOfScope => None,
        })
        .collect()
}

/// The codes of the rules that a certificate breaks, as it claims: the column `lint` of a table of certificates.
#[must_use]
pub fn codes(certificate: &Certificate<'_>) -> Vec<&'static str> {
    lint(&View::new(certificate, Regime::AsClaimed))
        .into_iter()
        .map(|broken| broken.rule.code)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_complete_and_its_code_is_its_own() {
        let mut codes = BTreeSet::new();
        for rule in rules() {
            assert!(codes.insert(rule.code), "{} twice", rule.code);
            let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(rule.code.chars().all(is_code), "{}", rule.code);
            assert!(rule.source.contains('§'), "{}", rule.code);
            assert!(
                !rule.demand.is_empty() && !rule.demand.ends_with('.'),
                "{}",
                rule.code
            );
            for id in rule.same {
                let zlint = ["e_", "w_", "n_"].iter().any(|start| id.starts_with(start));
                let pkilint = ["cabf.", "pkix."].iter().any(|start| id.starts_with(start));
                assert!(zlint != pkilint, "{}: {id}", rule.code);
            }
            assert_eq!(
                rule.zlint().count() + rule.pkilint().count(),
                rule.same.len()
            );
        }
        assert!(codes.len() >= 60, "{}", codes.len());
    }
}
