//! Who signs and receives the samples. Most carry their own certificate only: the authority's is in `keys/`, and mails stay small.

use std::sync::LazyLock;

use mailseal::asn1::Time;
use mailseal::asn1::oid;

use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::certificates::time;
use crate::toolkit::extensions;
use crate::toolkit::people;

/// Declares holders that are made once.
macro_rules! holders {
    ($($(#[$doc:meta])* $name:ident = $make:expr;)*) => {
        $(
            $(#[$doc])*
            pub fn $name() -> &'static Holder {
                static HOLDER: LazyLock<Holder> = LazyLock::new(|| $make);
                &HOLDER
            }
        )*
    };
}

holders! {
    alice = lean(people::alice().clone());
    bob = lean(people::bob().clone());
    carol = lean(people::carol().clone());
    /// Nobody has his key.
    dave = lean(people::person("dave", 103, "rsa2048-5"));
    erin = lean(people::person("erin", 104, "x25519-1"));
    /// Alice once more, with a P-256 key.
    alice_ec = lean(people::person("alice", 105, "p256-2"));
    pss = lean(people::person("pat", 110, "rsapss2048-1"));
    p384 = lean(people::person("paul", 111, "p384-1"));
    brainpool = lean(people::person("bruno", 112, "brainpool256-1"));
    ed25519 = lean(people::person("edith", 113, "ed25519-1"));
    dsa = lean(people::person("dora", 114, "dsa2048-1"));
    ml_dsa = lean(people::person("quentin", 115, "mldsa44-1"));
    /// 2020.
    expired = dated("ernest", 120, day(2020, 1, 1), day(2021, 1, 1));
    /// 2022 to 2024: valid when mail is signed, and no more at [`people::now`].
    expiring = dated("ella", 121, day(2022, 1, 1), day(2025, 1, 1));
    future = dated("fay", 122, day(2035, 1, 1), day(2040, 1, 1));
    server = issued("server", &Wanted::mail(130, "server@example.com")
        .with(extensions::extended_key_usage(false, &[oid::SERVER_AUTH])));
    nameless = issued("nameless", &Wanted::mail(131, "nobody@example.com").without(oid::SUBJECT_ALT_NAME));
    /// Revoked in 2023: his key was lost.
    revoked = issued("rita", &Wanted::mail(140, "rita@example.com"));
    /// Revoked in September 2024: superseded.
    superseded = issued("sam", &Wanted::mail(141, "sam@example.com"));
    /// Revoked in September 2024: his key was lost.
    compromised = issued("karl", &Wanted::mail(142, "karl@example.com"));
    /// An authority whose certificate and CRL come with the mail.
    second_authority = {
        // RSA, so that certificates and lists are the same each time they are made.
        let party = Party::new("Second Sample Authority", "rsa2048-6");
        Holder::below_root(party, &Wanted::ca(3), people::root())
    };
    second_revoked = Holder::below(
        Party::new("rene", "p256-3"),
        &Wanted::mail(7, "rene@example.com"),
        second_authority(),
    );
    /// Somebody below an authority whose certificate is nowhere.
    orphan = {
        let party = Party::new("Lost Sample Authority", "p256-4");
        let lost = Holder::below_root(party, &Wanted::ca(4), people::root());
        lean(Holder::below(
            Party::new("otto", "p256-3"),
            &Wanted::mail(8, "otto@example.com"),
            &lost,
        ))
    };
    /// Somebody whose certificate is nowhere.
    nowhere = issued("nora", &Wanted::mail(150, "nora@example.com"));
    /// With the name and address of Alice, below a root that nobody trusts.
    impostor = Holder::below(
        Party::new("alice", "p256-3"),
        &Wanted::mail(9, "alice@example.com"),
        people::stranger(),
    );
    self_signed = {
        let party = Party::new("selma", "p256-3");
        Holder::root(party, &Wanted::mail(10, "selma@example.com"))
    };
}

/// The timestamps on samples.
pub fn timestamp_authority() -> &'static Holder {
    people::timestamp_authority()
}

/// An hour after [`people::sent`].
pub fn stamped() -> Time {
    time(2024, 5, 15, 11, 30, 0)
}

fn dated(name: &str, serial: u64, from: Time, to: Time) -> Holder {
    let wanted = Wanted::mail(serial, &format!("{name}@example.com")).validity(from, to);
    issued(name, &wanted)
}

fn issued(name: &str, wanted: &Wanted) -> Holder {
    lean(people::issued(name, "p256-3", wanted))
}

/// Without the chain.
fn lean(mut holder: Holder) -> Holder {
    holder.chain.clear();
    holder
}
