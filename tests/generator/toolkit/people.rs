//! The cast: one root, one authority below it, people with certificates of every kind, and some who are not what they say.

use std::sync::LazyLock;

use mailseal::asn1::Time;
use mailseal::asn1::oid;

use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::certificates::name;
use crate::toolkit::certificates::time;
use crate::toolkit::keys;

/// The anchor (RSA-2048, 2010 to 2040).
pub fn root() -> &'static Holder {
    static ROOT: LazyLock<Holder> =
        LazyLock::new(|| Holder::root(Party::new("Sample Root", "rsa2048-1"), &Wanted::ca(1)));
    &ROOT
}

/// The authority that issues to people (RSA-2048, 2010 to 2040).
pub fn authority() -> &'static Holder {
    static AUTHORITY: LazyLock<Holder> = LazyLock::new(|| {
        let party = Party::new("Sample Mail Authority", "rsa2048-2");
        let mut authority = Holder::below_root(party, &Wanted::ca(2), root());
        authority.chain.clear();
        authority
    });
    &AUTHORITY
}

/// A root that nobody trusts.
pub fn stranger() -> &'static Holder {
    static STRANGER: LazyLock<Holder> =
        LazyLock::new(|| Holder::root(Party::new("Another Root", "p256-6"), &Wanted::ca(1)));
    &STRANGER
}

/// alice@example.com, RSA-2048.
pub fn alice() -> &'static Holder {
    static ALICE: LazyLock<Holder> = LazyLock::new(|| person("alice", 100, "rsa2048-3"));
    &ALICE
}

/// bob@example.com, P-256.
pub fn bob() -> &'static Holder {
    static BOB: LazyLock<Holder> = LazyLock::new(|| person("bob", 101, "p256-1"));
    &BOB
}

/// carol@example.com, RSA-2048.
pub fn carol() -> &'static Holder {
    static CAROL: LazyLock<Holder> = LazyLock::new(|| person("carol", 102, "rsa2048-4"));
    &CAROL
}

/// The timestamp authority (P-256).
pub fn timestamp_authority() -> &'static Holder {
    static TSA: LazyLock<Holder> = LazyLock::new(|| {
        let party = Party::new("Sample Timestamps", "p256-5");
        Holder::below(party, &Wanted::timestamp_authority(90), authority())
    });
    &TSA
}

/// Somebody with a certificate of the authority for `NAME@example.com`, valid from 2020 to 2030.
pub fn person(local_part: &str, serial: u64, key: &str) -> Holder {
    let address = format!("{local_part}@example.com");
    issued(local_part, key, &Wanted::mail(serial, &address))
}

/// A person with the certificate that `wanted` says, issued by the authority.
pub fn issued(common_name: &str, key: &str, wanted: &Wanted) -> Holder {
    Holder::below(Party::new(common_name, key), wanted, authority())
}

/// A common name and an emailAddress in the subject.
pub fn with_address_in_name(common_name: &str, address: &str, key: &str) -> Party {
    let name = name(&[
        (oid::COMMON_NAME, common_name),
        (oid::EMAIL_ADDRESS, address),
    ]);
    Party::named(name, keys::key(key))
}

/// When samples are signed unless they say otherwise: 2024-05-15 10:30:00 UTC, which [`SENT_DATE`] says too.
pub fn sent() -> Time {
    time(2024, 5, 15, 10, 30, 0)
}

/// [`sent`] as a Date field has it.
pub const SENT_DATE: &str = "Wed, 15 May 2024 10:30:00 +0000";

/// The clock `now` that samples are judged at: everybody of the cast is still valid.
pub fn now() -> Time {
    day(2025, 6, 1)
}
