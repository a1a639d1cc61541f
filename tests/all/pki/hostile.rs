//! Certificates made to cost (catalogue rows D-11 to D-13): a verdict comes, and it is the right one.

use std::sync::mpsc;
use std::thread;

use mailseal::asn1::{Writer, oid};
use mailseal::limits::Limits;
use mailseal::pki::pool::{PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{
    Anchors, Chain, ChainJudgement, Hierarchy, Purpose, Trust, TrustFinding,
};

use super::authority::{Party, Wanted, constraints, day, mailboxes, name};
use crate::program::HANG;

/// Judges the first certificate on day 10; a judgement that never comes fails.
#[track_caller]
fn judged(certificates: Vec<Vec<u8>>, root: Vec<u8>) -> ChainJudgement {
    judged_without(certificates, root, &[])
}

/// The same, with these distrusted.
#[track_caller]
fn judged_without(
    certificates: Vec<Vec<u8>>,
    root: Vec<u8>,
    distrusted: &[&[u8]],
) -> ChainJudgement {
    let distrusted = distrusted
        .iter()
        .map(|der| openssl::sha::sha256(der))
        .collect();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let limits = Limits::default();
        let mut builder = PoolBuilder::new(Spool::memory());
        for der in &certificates {
            builder
                .insert_certificate(der, Provenance::Message)
                .unwrap();
        }
        let anchors = Anchors::new([root.as_slice()], &mut builder)
            .unwrap()
            .without(&distrusted);
        let pool = builder.finish();
        let hierarchy = Hierarchy::new(&pool, &anchors, &limits).unwrap();
        let id = pool.find(&openssl::sha::sha256(&certificates[0])).unwrap();
        let mut trust = Trust::new(&pool, &hierarchy, &limits);
        let found = trust.chain(id, Purpose::EmailSigning, day(10)).unwrap();
        send.send(found)
    });
    receive.recv_timeout(HANG).unwrap()
}

/// A root, and eight authorities one below the other.
struct Tower {
    root: Party,
    levels: Vec<Party>,
    signer: Party,
}

impl Tower {
    fn new() -> Self {
        let level = |number| Party::new(&format!("Level {number}"));
        Self {
            root: Party::new("Root"),
            levels: (0..8).map(level).collect(),
            signer: Party::new("Signer"),
        }
    }

    fn root(&self) -> Vec<u8> {
        Wanted::ca(&self.root, 1).by(&self.root)
    }

    fn signer(&self) -> Vec<u8> {
        Wanted::signer(&self.signer, 2, "a@example.com").by(&self.levels[7])
    }

    /// Who is above a level.
    fn above(&self, level: usize) -> &Party {
        match level.checked_sub(1) {
            Some(above) => &self.levels[above],
            None => &self.root,
        }
    }
}

#[test]
fn d_11_fifty_good_certificates_at_each_of_eight_levels() {
    let tower = Tower::new();
    // 50^8 paths, every one of them good.
    let mut pool = vec![tower.signer()];
    for level in 0..8 {
        for serial in 0..50 {
            pool.push(Wanted::ca(&tower.levels[level], 100 + serial).by(tower.above(level)));
        }
    }
    let found = judged(pool, tower.root());
    assert_eq!(found.value, Chain::Trusted);
    assert_eq!(found.path.len(), 10);
}

#[test]
fn d_11_fifty_forged_certificates_at_each_of_eight_levels_hide_no_good_one() {
    let tower = Tower::new();
    let mut pool = vec![tower.signer()];
    for level in 0..8 {
        let (own, above) = (&tower.levels[level], tower.above(level));
        for serial in 0..25 {
            // The right name, issuer and key identifiers, but another's signature; or another's key of the same name.
            pool.push(Wanted::ca(own, 100 + serial).forged(above, &tower.signer));
            let mut other = Party::new("other");
            other.name.clone_from(&own.name);
            pool.push(Wanted::ca(&other, 200 + serial).forged(above, &other));
        }
        pool.push(Wanted::ca(own, 3).by(above));
    }
    let found = judged(pool, tower.root());
    assert_eq!(found.value, Chain::Trusted);
    assert_eq!(found.path.len(), 10);
}

#[test]
fn d_11_loops_without_an_end_have_one() {
    let tower = Tower::new();
    // Everybody certifies everybody, several times, and nobody is below the root.
    let mut pool = vec![tower.signer()];
    for (number, subject) in tower.levels.iter().enumerate() {
        for (other, issuer) in tower.levels.iter().enumerate() {
            for serial in 0..5 {
                let serial = 1000 + (number * 100 + other * 10 + serial) as u64;
                pool.push(Wanted::ca(subject, serial).by(issuer));
            }
        }
    }
    let found = judged(pool.clone(), tower.root());
    assert_ne!(found.value, Chain::Trusted);
    assert_eq!(found.anchor, None);
    // One certificate later it is a good one.
    pool.push(Wanted::ca(&tower.levels[7], 9).by(&tower.root));
    let found = judged(pool, tower.root());
    assert_eq!(found.value, Chain::Trusted);
    assert_eq!(found.path.len(), 3);
}

#[test]
fn d_12_a_hundred_thousand_names_against_as_many_constraints() {
    let tower = Tower::new();
    let addresses: Vec<String> = (0..100_000)
        .map(|number| format!("a{number}@example.com"))
        .collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let bases: Vec<String> = (0..100_000)
        .map(|number| format!("host{number}.example.org"))
        .collect();
    let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
    let signer = Wanted::signer(&tower.signer, 2, "a@example.com")
        .with(oid::SUBJECT_ALT_NAME, false, mailboxes(&addresses))
        .by(&tower.levels[0]);
    let middle = |excluded: &[&str]| {
        Wanted::ca(&tower.levels[0], 3)
            .with(oid::NAME_CONSTRAINTS, true, constraints(&[], excluded))
            .by(&tower.root)
    };
    let found = judged(vec![signer.clone(), middle(&bases)], tower.root());
    assert_eq!(found.value, Chain::NameConstraint);
    // What can be compared within the bound is: none of the names is excluded.
    let found = judged(vec![signer, middle(&bases[..10])], tower.root());
    assert_eq!(found.value, Chain::Trusted);
}

/// `certificatePolicies` and `policyMappings` of CVE-2023-0464: each policy maps to each at every level.
fn bomb(party: &Party, serial: u64) -> Wanted {
    let policy = |w: &mut Writer, number: u64| {
        w.raw(&[6, 4, 0x2a, 3, 4, u8::try_from(number).unwrap()]);
    };
    let policies = Writer::encode(|w| {
        w.sequence(|w| (0..50).for_each(|number| w.sequence(|w| policy(w, number))));
    });
    let mappings = Writer::encode(|w| {
        w.sequence(|w| {
            for from in 0..50 {
                for to in 0..50 {
                    w.sequence(|w| {
                        policy(w, from);
                        policy(w, to);
                    });
                }
            }
        });
    });
    Wanted::ca(party, serial)
        .with(oid::CERTIFICATE_POLICIES, false, policies)
        .with(oid::POLICY_MAPPINGS, true, mappings)
}

#[test]
fn d_13_a_tree_of_policies_is_not_grown() {
    let tower = Tower::new();
    let mut pool = vec![tower.signer()];
    for level in 0..8 {
        pool.push(bomb(&tower.levels[level], 3).by(tower.above(level)));
    }
    let found = judged(pool, tower.root());
    assert_eq!(found.value, Chain::Trusted);
    assert!(!found.findings.contains(&TrustFinding::PathBudget));
}

/// Many who have the root's name and key identifier: one of them is right.
#[test]
fn d_11_a_crowd_of_roots() {
    let tower = Tower::new();
    let signer = Wanted::signer(&tower.signer, 2, "a@example.com").by(&tower.root);
    let mut pool = vec![signer];
    for serial in 0..2000 {
        let mut other = Party::new("other");
        other.name = name(&[(oid::COMMON_NAME, "Root")]);
        pool.push(Wanted::ca(&other, serial).by(&other));
    }
    let found = judged(pool, tower.root());
    assert_eq!(found.value, Chain::Trusted);
    assert_eq!(found.path.len(), 2);
}

#[test]
fn what_is_distrusted_does_not_come_back_in_another_coat() {
    let tower = Tower::new();
    let signer = Wanted::signer(&tower.signer, 2, "a@example.com").by(&tower.levels[0]);
    let middle = Wanted::ca(&tower.levels[0], 3).by(&tower.root);
    // The outer length in four octets: nobody signed it.
    assert_eq!(middle[..2], [0x30, 0x82]);
    let recoded = [&[0x30, 0x84, 0, 0][..], &middle[2..]].concat();
    let anew = Wanted::ca(&tower.levels[0], 4).by(&tower.root);
    let trusted = judged_without(vec![signer.clone(), middle.clone()], tower.root(), &[]);
    assert_eq!(trusted.value, Chain::Trusted);
    for other in [&middle, &recoded, &anew] {
        let pool = vec![signer.clone(), middle.clone(), other.clone()];
        let found = judged_without(pool, tower.root(), &[&middle]);
        assert_ne!(found.value, Chain::Trusted);
    }
    let pool = vec![signer, middle];
    let root = tower.root();
    let found = judged_without(pool, root.clone(), &[&root]);
    assert_ne!(found.value, Chain::Trusted);
}
