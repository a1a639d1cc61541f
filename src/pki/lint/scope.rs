//! What rules are about: the conditions that many rows share.

use crate::pki::lint::claim::{Claim, Generation, Profile};
use crate::pki::lint::view::{Kind, View};

/// Every certificate.
pub(super) fn any(_: &View<'_>) -> bool {
    true
}

/// Who is no authority.
pub(super) fn subscriber(c: &View<'_>) -> bool {
    c.kind == Kind::Subscriber
}

/// An authority.
pub(super) fn authority(c: &View<'_>) -> bool {
    !subscriber(c)
}

/// Bound by the Baseline Requirements, whatever it is.
pub(super) fn br(c: &View<'_>) -> bool {
    c.bound
}

/// A subscriber's certificate bound by the Baseline Requirements.
pub(super) fn br_subscriber(c: &View<'_>) -> bool {
    c.bound && subscriber(c)
}

/// An authority bound by the Baseline Requirements.
pub(super) fn br_authority(c: &View<'_>) -> bool {
    c.bound && authority(c)
}

/// A root bound by the Baseline Requirements.
pub(super) fn br_root(c: &View<'_>) -> bool {
    c.bound && c.kind == Kind::Root
}

/// A subordinate authority bound by the Baseline Requirements.
pub(super) fn br_subordinate(c: &View<'_>) -> bool {
    c.bound && c.kind == Kind::Subordinate
}

/// Subscriber, and what it claims, where that is one thing.
pub(super) fn claimed(c: &View<'_>) -> Option<(Profile, Generation)> {
    match c.claim {
        Claim::One(profile, generation) if br_subscriber(c) => Some((profile, generation)),
        Claim::One(_, _) | Claim::NotClaimed | Claim::Several => None,
    }
}

/// Claims this profile.
pub(super) fn profile(c: &View<'_>, wanted: Profile) -> bool {
    claimed(c).is_some_and(|(profile, _)| profile == wanted)
}

/// Claims to name a person.
pub(super) fn person(c: &View<'_>) -> bool {
    profile(c, Profile::Sponsor) || profile(c, Profile::Individual)
}

/// Claims to name an organization.
pub(super) fn organization(c: &View<'_>) -> bool {
    profile(c, Profile::Sponsor) || profile(c, Profile::Organization)
}

/// Claims this generation.
pub(super) fn generation(c: &View<'_>, wanted: Generation) -> bool {
    claimed(c).is_some_and(|(_, generation)| generation == wanted)
}

/// Claims the Strict generation.
pub(super) fn strict(c: &View<'_>) -> bool {
    generation(c, Generation::Strict)
}

/// Claims the Legacy generation.
pub(super) fn legacy(c: &View<'_>) -> bool {
    generation(c, Generation::Legacy)
}

/// Claims the Strict or the Multipurpose generation.
pub(super) fn strict_or_multipurpose(c: &View<'_>) -> bool {
    strict(c) || generation(c, Generation::Multipurpose)
}

/// Claims the Legacy or the Multipurpose generation.
pub(super) fn legacy_or_multipurpose(c: &View<'_>) -> bool {
    legacy(c) || generation(c, Generation::Multipurpose)
}
