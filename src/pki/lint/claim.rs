//! What a certificate claims to be, by the policy identifiers that the Baseline Requirements reserve (§7.1.6.1).

use crate::asn1::Oid;
use crate::pki::words::words;

words! {
    /// Whose identity was checked (S/MIME BR §1.2).
    pub enum Profile {
        /// Nobody's: the mailbox alone.
        Mailbox = "mailbox",
        /// An organization's.
        Organization = "organization",
        /// A person's, by the organization that the person belongs to.
        Sponsor = "sponsor",
        /// A person's.
        Individual = "individual",
    }
}

words! {
    /// How closely the profile is defined (S/MIME BR §1.2).
    pub enum Generation {
        /// Ended on 2025-07-15.
        Legacy = "legacy",
        /// For other uses too.
        Multipurpose = "multipurpose",
        /// For mail alone.
        Strict = "strict",
    }
}

/// What the reserved policy identifiers of a certificate say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// None is there, or the policies can't be read.
    NotClaimed,
    /// One.
    One(Profile, Generation),
    /// Several that differ: for a subscriber's certificate a contradiction, for an authority's a list of what it may issue.
    Several,
}

impl Claim {
    /// From all policies of a certificate.
    #[must_use]
    pub fn of<'p>(policies: impl Iterator<Item = Oid<'p>>) -> Self {
        let mut claim = Self::NotClaimed;
        for (profile, generation) in policies.filter_map(reserved) {
            claim = match claim {
                Self::NotClaimed => Self::One(profile, generation),
                Self::One(p, g) if (p, g) == (profile, generation) => claim,
                Self::One(_, _) | Self::Several => Self::Several,
            };
        }
        claim
    }

    /// The profile's word, `not_claimed` or `conflict`.
    #[must_use]
    pub fn profile(self) -> &'static str {
        match self {
            Self::NotClaimed => "not_claimed",
            Self::One(profile, _) => profile.as_str(),
            Self::Several => "conflict",
        }
    }

    /// The generation's word; empty where there is not one.
    #[must_use]
    pub fn generation(self) -> &'static str {
        match self {
            Self::One(_, generation) => generation.as_str(),
            Self::NotClaimed | Self::Several => "",
        }
    }
}

/// Profile and generation of a reserved policy identifier, 2.23.140.1.5.{1..4}.{1..3}.
#[must_use]
fn reserved(policy: Oid<'_>) -> Option<(Profile, Generation)> {
    let [0x67, 0x81, 0x0c, 1, 5, profile, generation] = *policy.content() else {
        return None;
    };
    let profile = match profile {
        1 => Profile::Mailbox,
        2 => Profile::Organization,
        3 => Profile::Sponsor,
        4 => Profile::Individual,
        _ => return None,
    };
    let generation = match generation {
        1 => Generation::Legacy,
        2 => Generation::Multipurpose,
        3 => Generation::Strict,
        _ => return None,
    };
    Some((profile, generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(policies: &[&[u8]]) -> Claim {
        Claim::of(
            policies
                .iter()
                .map(|content| Oid::from_content(content).unwrap()),
        )
    }

    #[test]
    fn a_claim_is_one_none_or_a_contradiction() {
        let strict: &[u8] = &[0x67, 0x81, 0x0c, 1, 5, 1, 3];
        let sponsor: &[u8] = &[0x67, 0x81, 0x0c, 1, 5, 3, 1];
        assert_eq!(
            Oid::from_content(strict).unwrap().to_string(),
            "2.23.140.1.5.1.3"
        );
        let one = Claim::One(Profile::Mailbox, Generation::Strict);
        assert_eq!(claim(&[strict, &[0x2a, 3]]), one);
        assert_eq!(claim(&[strict, strict]), one);
        assert_eq!(
            claim(&[sponsor]),
            Claim::One(Profile::Sponsor, Generation::Legacy)
        );
        assert_eq!(claim(&[strict, sponsor, strict]), Claim::Several);
        // 2.23.140.1.5.5.1, 2.23.140.1.5.1.4 and 2.23.140.1.2.1 are not reserved for mail.
        for other in [
            &[0x67, 0x81, 0x0c, 1, 5, 5, 1][..],
            &[0x67, 0x81, 0x0c, 1, 5, 1, 4],
            &[0x67, 0x81, 0x0c, 1, 2, 1],
        ] {
            assert_eq!(claim(&[other]), Claim::NotClaimed);
        }
        assert_eq!((one.profile(), one.generation()), ("mailbox", "strict"));
        assert_eq!(Claim::Several.profile(), "conflict");
    }
}
