//! Revocation at a clock, by CRLs made to order.

use mailseal::asn1::{Oid, Tag, Writer, oid};
use mailseal::limits::Limits;
use mailseal::pki::pool::{PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{
    Anchors, Chain, Hierarchy, Purpose, Revocation, RevocationOptions, Trust,
};
use mailseal::pki::x509::crl::RevocationReason;

use super::authority::{Party, Revoked, Wanted, crl, day, key_usage};

const SERIAL: u64 = 3;

struct Scene {
    root: Party,
    signer: Vec<u8>,
    roots: Vec<Vec<u8>>,
    others: Vec<Vec<u8>>,
}

impl Scene {
    fn new() -> Self {
        let root = Party::new("Root");
        let signer = Party::new("Signer");
        Self {
            signer: Wanted::signer(&signer, SERIAL, "a@example.com").by(&root),
            roots: vec![Wanted::ca(&root, 1).by(&root)],
            others: Vec::new(),
            root,
        }
    }

    /// The answers on these days, with these CRLs.
    fn ask(
        &self,
        crls: &[(Vec<u8>, Provenance)],
        options: RevocationOptions,
        days: &[i64],
    ) -> Vec<Revocation> {
        self.with_trust(crls, |trust, path| {
            let judge = |at: &i64| trust.revocation(path, day(*at), options).unwrap().value();
            days.iter().map(judge).collect()
        })
    }

    fn with_trust<T>(
        &self,
        crls: &[(Vec<u8>, Provenance)],
        ask: impl FnOnce(&mut Trust<'_>, &[mailseal::pki::pool::CertificateId]) -> T,
    ) -> T {
        let mut builder = PoolBuilder::new(Spool::memory());
        let (id, _) = builder
            .insert_certificate(&self.signer, Provenance::Message)
            .unwrap();
        for other in &self.others {
            builder
                .insert_certificate(other, Provenance::Message)
                .unwrap();
        }
        for (der, provenance) in crls {
            builder.insert_crl(der, *provenance).unwrap();
        }
        let anchors = Anchors::new(self.roots.iter().map(Vec::as_slice), &mut builder).unwrap();
        let pool = builder.finish();
        let limits = Limits::default();
        let hierarchy = Hierarchy::new(&pool, &anchors, &limits).unwrap();
        let mut trust = Trust::new(&pool, &hierarchy, &limits);
        let judged = trust.chain(id, Purpose::EmailSigning, day(10)).unwrap();
        assert_eq!(judged.value, Chain::Trusted);
        ask(&mut trust, &judged.path)
    }

    fn given(&self, days: (i64, i64), revoked: &[Revoked]) -> (Vec<u8>, Provenance) {
        (crl(&self.root, days, revoked, &[]), Provenance::Given)
    }

    fn given_with(
        &self,
        days: (i64, i64),
        revoked: &[Revoked],
        extensions: &[(Oid<'static>, bool, Vec<u8>)],
    ) -> (Vec<u8>, Provenance) {
        (
            crl(&self.root, days, revoked, extensions),
            Provenance::Given,
        )
    }
}

const DEFAULT: RevocationOptions = RevocationOptions {
    use_crls: true,
    trust_embedded: false,
};

const EMBEDDED: RevocationOptions = RevocationOptions {
    use_crls: true,
    trust_embedded: true,
};

#[test]
fn the_clock_decides() {
    let scene = Scene::new();
    use Revocation::{Good, NotChecked, Revoked as Gone, RevokedLater, Stale, Unknown};
    let clean = scene.given((100, 130), &[Revoked::new(99, 90, None)]);
    assert_eq!(
        scene.ask(&[clean.clone()], DEFAULT, &[50, 100, 130, 131]),
        [Good, Good, Good, Stale]
    );
    assert_eq!(scene.ask(&[], DEFAULT, &[100]), [NotChecked]);
    let off = RevocationOptions {
        use_crls: false,
        trust_embedded: false,
    };
    let gone = scene.given((200, 230), &[Revoked::new(SERIAL, 150, Some(4))]);
    assert_eq!(scene.ask(&[gone.clone()], off, &[210]), [NotChecked]);
    assert_eq!(
        scene.ask(&[gone.clone()], DEFAULT, &[149, 150, 400]),
        [RevokedLater, Gone, Gone]
    );
    // An older clean CRL does not help, nor does a newer one that forgot.
    let forgot = scene.given((300, 330), &[]);
    for crls in [[clean.clone(), gone.clone()], [gone.clone(), forgot]] {
        assert_eq!(scene.ask(&crls, DEFAULT, &[120, 310]), [RevokedLater, Gone]);
    }
    // Somebody else's CRL speaks for nobody here.
    let other = Party::new("Other");
    let foreign = (crl(&other, (100, 130), &[], &[]), Provenance::Given);
    assert_eq!(scene.ask(&[foreign], DEFAULT, &[110]), [Unknown]);
}

#[test]
fn the_earlier_of_two_dates_counts() {
    let scene = Scene::new();
    let mut entry = Revoked::new(SERIAL, 150, Some(1));
    entry.invalid = Some(120);
    let crls = [scene.given((200, 230), &[entry])];
    assert_eq!(
        scene.ask(&crls, DEFAULT, &[119, 120]),
        [Revocation::RevokedLater, Revocation::Revoked]
    );
    entry.invalid = Some(180);
    let crls = [scene.given((200, 230), &[entry])];
    assert_eq!(
        scene.ask(&crls, DEFAULT, &[149, 150]),
        [Revocation::RevokedLater, Revocation::Revoked]
    );
}

#[test]
fn a_suspension_lasts_until_it_is_removed() {
    let scene = Scene::new();
    let hold = scene.given((100, 130), &[Revoked::new(SERIAL, 90, Some(6))]);
    let removed = scene.given((200, 230), &[Revoked::new(SERIAL, 150, Some(8))]);
    use Revocation::{Good, Revoked as Gone, RevokedLater};
    assert_eq!(
        scene.ask(&[hold.clone()], DEFAULT, &[80, 95, 500]),
        [RevokedLater, Gone, Gone]
    );
    assert_eq!(
        scene.ask(
            &[hold.clone(), removed.clone()],
            DEFAULT,
            &[80, 95, 149, 150, 220]
        ),
        [RevokedLater, Gone, Gone, Good, Good]
    );
    // The mail that carries the removal can't speak for its own signer.
    let embedded = (removed.0, Provenance::Message);
    assert_eq!(
        scene.ask(&[hold.clone(), embedded.clone()], DEFAULT, &[220]),
        [Gone]
    );
    assert_eq!(
        scene.ask(&[hold.clone(), embedded], EMBEDDED, &[220]),
        [Good]
    );
    let known = scene.with_trust(&[hold], |trust, path| {
        trust.known_revocations(path, DEFAULT)
    });
    let known = known.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].reason, RevocationReason::CertificateHold);
    assert!(!known[0].reason.makes_claimed_time_worthless());
}

#[test]
fn crls_found_in_mail_prove_revocations_only() {
    let scene = Scene::new();
    let mail = |days, revoked: &[Revoked]| (scene.given(days, revoked).0, Provenance::Message);
    let clean = mail((100, 130), &[]);
    let gone = mail((200, 230), &[Revoked::new(SERIAL, 150, None)]);
    assert_eq!(
        scene.ask(&[clean.clone()], DEFAULT, &[110]),
        [Revocation::NotChecked]
    );
    assert_eq!(
        scene.ask(&[clean.clone()], EMBEDDED, &[110]),
        [Revocation::Good]
    );
    assert_eq!(
        scene.ask(&[gone.clone()], DEFAULT, &[160]),
        [Revocation::Revoked]
    );
    // The same CRL given as a file is given.
    let given = (clean.0.clone(), Provenance::Given);
    assert_eq!(
        scene.ask(&[clean, given], DEFAULT, &[110]),
        [Revocation::Good]
    );
    let known = scene.with_trust(&[gone], |trust, path| {
        trust.known_revocations(path, DEFAULT)
    });
    assert!(known.unwrap()[0].reason.makes_claimed_time_worthless());
}

#[test]
fn a_crl_after_the_certificate_expired_clears_nobody() {
    let scene = Scene::new();
    let late = scene.given((1100, 1130), &[]);
    assert_eq!(scene.ask(&[late], DEFAULT, &[500]), [Revocation::Unknown]);
    let since = |since| {
        let text = day(since).to_string().replace(['-', ':', 'T'], "");
        let value = Writer::encode(|w| w.primitive(Tag::GENERALIZED_TIME, text.as_bytes()));
        (oid::EXPIRED_CERTS_ON_CRL, false, value)
    };
    let keeps = scene.given_with((1100, 1130), &[], &[since(900)]);
    assert_eq!(scene.ask(&[keeps], DEFAULT, &[500]), [Revocation::Good]);
    let keeps_newer = scene.given_with((1100, 1130), &[], &[since(1050)]);
    assert_eq!(
        scene.ask(&[keeps_newer], DEFAULT, &[500]),
        [Revocation::Unknown]
    );
}

#[test]
fn partial_crls_never_clear_anybody() {
    let scene = Scene::new();
    let scope = |write: &dyn Fn(&mut Writer)| {
        let value = Writer::encode(|w| w.sequence(|w| write(w)));
        (oid::ISSUING_DISTRIBUTION_POINT, true, value)
    };
    let number = Writer::encode(|w| w.small_integer(1));
    let named = |w: &mut Writer| {
        w.explicit(0, |w| {
            w.explicit(0, |w| w.primitive(Tag::context(6), b"http://x/1.crl"));
        });
    };
    for (what, extension) in [
        ("delta", (oid::DELTA_CRL_INDICATOR, true, number)),
        ("point", scope(&named)),
        (
            "authorities",
            scope(&|w| w.primitive(Tag::context(2), &[0xff])),
        ),
        (
            "attributes",
            scope(&|w| w.primitive(Tag::context(5), &[0xff])),
        ),
        (
            "reasons",
            scope(&|w| w.primitive(Tag::context(3), &[6, 0x40])),
        ),
        ("unknown", (oid::SHA256, true, vec![5, 0])),
        (
            "damaged",
            (oid::ISSUING_DISTRIBUTION_POINT, true, vec![0x30, 5]),
        ),
    ] {
        let crls = [scene.given_with((100, 130), &[], &[extension])];
        assert_eq!(
            scene.ask(&crls, DEFAULT, &[110]),
            [Revocation::Unknown],
            "{what}"
        );
    }
    let users = scope(&|w| w.primitive(Tag::context(1), &[0xff]));
    let crls = [scene.given_with((100, 130), &[], &[users])];
    assert_eq!(
        scene.ask(&crls, DEFAULT, &[110]),
        [Revocation::Good],
        "users"
    );
    // Reasons that complete one another.
    let parts: Vec<_> = [[5, 0x60, 0].as_slice(), &[7, 0x1f, 0x80]]
        .iter()
        .map(|bits| {
            let part = scope(&|w| w.primitive(Tag::context(3), bits));
            scene.given_with((100, 130), &[], &[part])
        })
        .collect();
    assert_eq!(
        scene.ask(&parts, DEFAULT, &[110]),
        [Revocation::Good],
        "all reasons"
    );
}

#[test]
fn a_crl_needs_a_signer_who_may() {
    let mut scene = Scene::new();
    let gone = [Revoked::new(SERIAL, 50, None)];
    // The right name, another key.
    let mut mallory = Party::new("Mallory");
    mallory.name = scene.root.name.clone();
    let forged = (crl(&mallory, (100, 130), &gone, &[]), Provenance::Given);
    assert_eq!(
        scene.ask(&[forged.clone()], DEFAULT, &[110]),
        [Revocation::Unknown]
    );

    // A signer of CRLs under the same name, certified by the root, with and without cRLSign.
    for (bits, expected) in [([6], Revocation::Revoked), ([0], Revocation::Unknown)] {
        let certificate = Wanted::new(&mallory, 40)
            .with(oid::KEY_USAGE, true, key_usage(&bits))
            .by(&scene.root);
        scene.others = vec![certificate];
        assert_eq!(scene.ask(&[forged.clone()], DEFAULT, &[110]), [expected]);
    }
    // One that another anchor certified.
    let other = Party::new("Other root");
    let signer = Wanted::new(&mallory, 40).with(oid::KEY_USAGE, true, key_usage(&[6]));
    scene.others = vec![signer.by(&other)];
    scene.roots.push(Wanted::ca(&other, 1).by(&other));
    assert_eq!(scene.ask(&[forged], DEFAULT, &[110]), [Revocation::Unknown]);
}

#[test]
fn the_worst_certificate_of_the_path_counts() {
    let mut scene = Scene::new();
    let (middle, signer) = (Party::new("Middle"), Party::new("Signer"));
    scene.others = vec![Wanted::ca(&middle, 20).by(&scene.root)];
    scene.signer = Wanted::signer(&signer, SERIAL, "a@example.com").by(&middle);
    let below = (crl(&middle, (100, 130), &[], &[]), Provenance::Given);
    let above = scene.given((100, 130), &[Revoked::new(20, 90, Some(2))]);
    let (value, named, incomplete) = scene.with_trust(&[below.clone(), above], |trust, path| {
        let judged = trust.revocation(path, day(110), DEFAULT).unwrap();
        let named = judged.worst.unwrap().certificate == path[1];
        (judged.value(), named, judged.is_incomplete())
    });
    assert_eq!(
        (value, named, incomplete),
        (Revocation::Revoked, true, false)
    );
    let judged = scene.with_trust(&[below], |trust, path| {
        trust.revocation(path, day(110), DEFAULT).unwrap()
    });
    assert_eq!(judged.value(), Revocation::Unknown);
    assert!(judged.is_incomplete());
}

#[test]
fn a_large_crl_is_searched_fast_and_right() {
    let scene = Scene::new();
    let many: Vec<Revoked> = (10..30_000)
        .map(|serial| Revoked::new(serial * 7, 50, None))
        .collect();
    let der = crl(&scene.root, (100, 130), &many, &[]);
    let read = mailseal::pki::x509::Crl::read(der.clone()).unwrap();
    assert_eq!(read.len(), many.len());
    let oracle = openssl::x509::X509Crl::from_der(&der).unwrap();
    assert_eq!(oracle.get_revoked().unwrap().len(), many.len());
    for serial in (0..210_000u64).step_by(13) {
        let octets = serial.to_be_bytes();
        let integer = Writer::encode(|w| w.unsigned(&octets));
        let integer = mailseal::asn1::Reader::new(&integer).integer().unwrap();
        let found = !read.entries(read.issuer(), integer).is_empty();
        assert_eq!(
            found,
            serial % 7 == 0 && (70..210_000).contains(&serial),
            "{serial}"
        );
    }
}

/// Somebody with a certificate of the authority issues others in its name, more than any budget. His own revocation, and
/// everybody else's trust, stay what they are.
#[test]
fn a_flood_from_below_hides_no_revocation() {
    let mut scene = Scene::new();
    let mallory = Party::new("Mallory");
    scene.signer = Wanted::signer(&mallory, SERIAL, "m@example.com").by(&scene.root);
    let gone = scene.given((200, 230), &[Revoked::new(SERIAL, 150, Some(1))]);
    // Many keys with the root's name and key identifier, each below Mallory's certificate.
    for serial in 0..2000 {
        let mut forged = Wanted::ca(&scene.root, 1000 + serial);
        forged.spki = Party::new("").spki();
        scene.others.push(forged.by(&mallory));
    }
    assert_eq!(
        scene.ask(&[gone], DEFAULT, &[149, 160]),
        [Revocation::RevokedLater, Revocation::Revoked]
    );
    let honest = Party::new("Honest");
    scene.signer = Wanted::signer(&honest, 7, "h@example.com").by(&scene.root);
    scene
        .others
        .push(Wanted::signer(&mallory, SERIAL, "m@example.com").by(&scene.root));
    assert_eq!(scene.ask(&[], DEFAULT, &[10]), [Revocation::NotChecked]);
}

/// Twice as many lists, or lists twice as long, cost at most two and a half times as much (with room for a busy machine).
#[test]
fn d_07_revocation_lists_cost_in_proportion() {
    let scene = Scene::new();
    let many = |count: i64, entries: u64| -> Vec<(Vec<u8>, Provenance)> {
        let revoked: Vec<Revoked> = (10..10 + entries)
            .map(|serial| Revoked::new(serial, 50, None))
            .collect();
        let list = |number| crl(&scene.root, (100 + number, 400), &revoked, &[]);
        (0..count)
            .map(|number| (list(number), Provenance::Message))
            .collect()
    };
    let cost = |lists: &[(Vec<u8>, Provenance)]| {
        let best = (0..7).map(|_| {
            let before = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let answers = scene.ask(lists, EMBEDDED, &[10, 200, 300]);
            assert_eq!(answers, [Revocation::Good; 3]);
            let after = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            (after.tv_sec - before.tv_sec) * 1_000_000_000 + (after.tv_nsec - before.tv_nsec)
        });
        best.min().unwrap()
    };
    for (once, twice) in [
        (many(50, 1000), many(100, 1000)),
        (many(2, 20_000), many(2, 40_000)),
    ] {
        let (once, twice) = (cost(&once), cost(&twice));
        assert!(twice < once * 4, "{once} ns, {twice} ns");
    }
}
