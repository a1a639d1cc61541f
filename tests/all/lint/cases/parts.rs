//! Version, serial number, validity, keys, signature algorithms, usage.

use mailseal::asn1::{Tag, Time, Writer, oid};
use mailseal::pki::lint::Profile;

use super::super::sample::*;
use super::{Case, ancient, base, case, legacy, multipurpose};

fn times(write: impl Fn(&mut Writer)) -> Sample {
    Sample::plain().change(|s| s.validity = Some(Writer::encode(|w| w.sequence(|w| write(w)))))
}

fn utc(text: &str) -> impl Fn(&mut Writer) {
    move |w| w.primitive(Tag::UTC_TIME, text.as_bytes())
}

fn generalized(seconds: i64) -> impl Fn(&mut Writer) {
    move |w| w.generalized_time(Time::from_unix(seconds).unwrap())
}

/// An odd number of this many bits without a small factor: 2^n - k.
fn modulus(bits: usize) -> Vec<u8> {
    let key = openssl::rsa::Rsa::generate(bits as u32).unwrap();
    key.n().to_vec()
}

fn with_rsa(modulus: &[u8], exponent: &[u8]) -> Sample {
    base().key(&rsa(modulus, exponent))
}

fn rsa_usage(bits: &[usize]) -> Vec<u8> {
    usage(bits)
}

pub fn cases() -> Vec<Case> {
    let plain = Sample::plain;
    let n = modulus(2048);
    let mut all = vec![
        case(
            "validity-unreadable",
            plain(),
            times(|w| {
                utc("240301000000Z")(w);
                utc("249901000000Z")(w);
            }),
            // Nothing is outside: the next test knows.
            plain(),
        ),
        case(
            "version-not-3",
            base(),
            base().change(|s| s.version = 2),
            plain(),
        ),
        case(
            "extensions-without-version-3",
            plain(),
            plain().change(|s| s.version = 2),
            plain().change(|s| s.extensions.clear()),
        ),
        case(
            "serial-not-positive",
            plain(),
            plain().change(|s| s.serial = vec![0xff]),
            ancient(plain()),
        ),
        case(
            "serial-too-long",
            plain(),
            plain().change(|s| s.serial = vec![0x11; 21]),
            ancient(plain()),
        ),
        case(
            "serial-low-entropy",
            base(),
            base().change(|s| s.serial = vec![0x11; 7]),
            plain(),
        ),
        case(
            "validity-reversed",
            plain(),
            plain().seconds(-5),
            ancient(plain()),
        ),
        case(
            "time-wrong-type",
            plain(),
            times(|w| {
                utc("240301000000Z")(w);
                generalized(day(2026, 1, 1))(w);
            }),
            times(|w| {
                utc("980301000000Z")(w);
                generalized(day(2026, 1, 1))(w);
            }),
        ),
        case(
            "time-not-der",
            plain(),
            times(|w| {
                utc("2403010000Z")(w);
                utc("260301000000Z")(w);
            }),
            times(|w| {
                utc("9803010000Z")(w);
                utc("260301000000Z")(w);
            }),
        ),
        case(
            "validity-over-825-days",
            base().seconds(825 * DAY),
            base().seconds(825 * DAY + 1),
            legacy(Profile::Mailbox).seconds(1000 * DAY),
        ),
        case(
            "validity-over-1185-days",
            legacy(Profile::Mailbox).seconds(1185 * DAY),
            legacy(Profile::Mailbox).seconds(1186 * DAY),
            multipurpose(Profile::Mailbox).seconds(1186 * DAY),
        ),
        case(
            "validity-at-maximum",
            base(),
            base().seconds(825 * DAY),
            plain().seconds(825 * DAY),
        ),
        case(
            "legacy-after-its-end",
            multipurpose(Profile::Sponsor).issued(day(2025, 7, 15)),
            legacy(Profile::Sponsor).issued(day(2025, 7, 15)),
            legacy(Profile::Sponsor).issued(day(2025, 7, 14)),
        ),
        case(
            "key-algorithm-forbidden",
            base(),
            base().key(&KEYS.x25519),
            plain().key(&KEYS.x25519),
        ),
        case(
            "key-algorithm-encoding",
            base(),
            base().key(&spki(
                oid::RSA_ENCRYPTION,
                None,
                &[0x30, 6, 2, 1, 0x33, 2, 1, 3],
            )),
            base().key(&KEYS.x25519),
        ),
        case(
            "ec-curve-forbidden",
            ec().key(&KEYS.p384),
            ec().key(&KEYS.secp256k1),
            base(),
        ),
        case(
            "ec-point-invalid",
            ec(),
            ec().key(&spki(
                oid::EC_PUBLIC_KEY,
                Some(&Writer::encode(|w| w.oid(oid::P_256))),
                &[&[4][..], &[0x55; 64]].concat(),
            )),
            base(),
        ),
        case(
            "rsa-modulus-short",
            base(),
            with_rsa(&modulus(1024), &[1, 0, 1]),
            ec(),
        ),
        case(
            "rsa-modulus-odd-size",
            base(),
            with_rsa(&[&[1][..], &n].concat(), &[1, 0, 1]),
            ec(),
        ),
        case(
            "rsa-exponent-forbidden",
            with_rsa(&n, &[3]),
            with_rsa(&n, &[1, 0, 0]),
            ec(),
        ),
        case("rsa-exponent-range", base(), with_rsa(&n, &[3]), ec()),
        case(
            "rsa-modulus-small-factor",
            base(),
            with_rsa(&[0xff; 256], &[1, 0, 1]),
            ec(),
        ),
        case(
            "signature-algorithm-forbidden",
            base(),
            base().change(|s| {
                s.inner_algorithm =
                    Writer::encode(|w| w.algorithm(oid::SHA1_WITH_RSA, Some(&[5, 0])));
                s.outer_algorithm = s.inner_algorithm.clone();
            }),
            plain(),
        ),
        case(
            "signature-algorithms-differ",
            plain(),
            plain().change(|s| {
                s.outer_algorithm =
                    Writer::encode(|w| w.algorithm(oid::SHA512_WITH_RSA, Some(&[5, 0])))
            }),
            ancient(plain()),
        ),
    ];
    all.extend(usages());
    all
}

/// Strict, with a key on P-256 and usages for it.
fn ec() -> Sample {
    base()
        .with(oid::KEY_USAGE, true, usage(&[0, 4]))
        .key(&KEYS.p256)
}

fn eddsa() -> Sample {
    base()
        .with(oid::KEY_USAGE, true, usage(&[0]))
        .key(&KEYS.ed25519)
}

fn post_quantum(algorithm: mailseal::asn1::Oid<'static>, bits: &[usize]) -> Sample {
    base()
        .issued(day(2025, 8, 22))
        .with(oid::KEY_USAGE, true, usage(bits))
        .key(&spki(
            algorithm,
            None,
            &vec![
                7;
                if algorithm == oid::ML_DSA_44 {
                    1312
                } else {
                    800
                }
            ],
        ))
}

fn usages() -> Vec<Case> {
    let plain = Sample::plain;
    let with_usage =
        |sample: Sample, bits: &[usize]| sample.with(oid::KEY_USAGE, true, rsa_usage(bits));
    let purposed = |sample: Sample, all: &[mailseal::asn1::Oid<'_>]| {
        sample.with(oid::EXTENDED_KEY_USAGE, false, purposes(all))
    };
    let mail = oid::EMAIL_PROTECTION;
    vec![
        case(
            "key-usage-missing",
            base(),
            base().without(oid::KEY_USAGE),
            plain().without(oid::KEY_USAGE),
        ),
        case(
            "key-usage-not-critical",
            plain(),
            plain().critical(oid::KEY_USAGE, false),
            plain().without(oid::KEY_USAGE),
        ),
        case(
            "key-usage-empty",
            plain(),
            with_usage(plain(), &[]),
            plain().without(oid::KEY_USAGE),
        ),
        case(
            "key-usage-cert-sign-without-ca",
            plain(),
            with_usage(plain(), &[0, 5]),
            Sample::root(),
        ),
        case(
            "key-usage-rsa-strict",
            with_usage(base(), &[0, 1, 2]),
            with_usage(base(), &[2, 3]),
            with_usage(multipurpose(Profile::Mailbox), &[2, 3]),
        ),
        case(
            "key-usage-rsa",
            with_usage(multipurpose(Profile::Mailbox), &[2, 3]),
            with_usage(legacy(Profile::Mailbox), &[0, 3]),
            with_usage(base(), &[0, 3]),
        ),
        case(
            "key-usage-ec",
            ec().with(oid::KEY_USAGE, true, usage(&[4, 7])),
            ec().with(oid::KEY_USAGE, true, usage(&[0, 7])),
            base(),
        ),
        case(
            "key-usage-eddsa",
            eddsa(),
            eddsa().with(oid::KEY_USAGE, true, usage(&[0, 4])),
            ec(),
        ),
        case(
            "key-usage-ml-dsa",
            post_quantum(oid::ML_DSA_44, &[0, 1]),
            post_quantum(oid::ML_DSA_44, &[0, 2]),
            post_quantum(oid::ML_KEM_512, &[2]),
        ),
        case(
            "key-usage-ml-kem",
            post_quantum(oid::ML_KEM_512, &[2]),
            post_quantum(oid::ML_KEM_512, &[0, 2]),
            post_quantum(oid::ML_DSA_44, &[0]),
        ),
        case(
            "extended-key-usage-missing",
            base(),
            base().without(oid::EXTENDED_KEY_USAGE),
            plain().without(oid::EXTENDED_KEY_USAGE),
        ),
        case(
            "email-protection-missing",
            base(),
            purposed(base(), &[oid::CLIENT_AUTH]),
            base().without(oid::EXTENDED_KEY_USAGE),
        ),
        case(
            "extended-key-usage-forbidden",
            purposed(multipurpose(Profile::Mailbox), &[mail, oid::CLIENT_AUTH]),
            purposed(multipurpose(Profile::Mailbox), &[mail, oid::SERVER_AUTH]),
            purposed(plain(), &[mail, oid::SERVER_AUTH]),
        ),
        case(
            "extended-key-usage-strict",
            base(),
            purposed(base(), &[mail, oid::CLIENT_AUTH]),
            purposed(multipurpose(Profile::Mailbox), &[mail, oid::CLIENT_AUTH]),
        ),
        case(
            "extended-key-usage-mail-only",
            purposed(multipurpose(Profile::Mailbox), &[mail, oid::CLIENT_AUTH])
                .issued(day(2027, 7, 1)),
            purposed(multipurpose(Profile::Mailbox), &[mail, oid::OCSP_SIGNING])
                .issued(day(2027, 7, 1)),
            purposed(multipurpose(Profile::Mailbox), &[mail, oid::OCSP_SIGNING])
                .issued(day(2027, 6, 30)),
        ),
        case(
            "mail-extended-key-usage",
            purposed(plain(), &[oid::ANY_EXTENDED_KEY_USAGE]),
            purposed(plain(), &[oid::CLIENT_AUTH]),
            purposed(plain(), &[oid::CLIENT_AUTH]).without(oid::SUBJECT_ALT_NAME),
        ),
        case(
            "any-purpose-critical",
            purposed(plain(), &[oid::ANY_EXTENDED_KEY_USAGE]),
            purposed(plain(), &[oid::ANY_EXTENDED_KEY_USAGE])
                .critical(oid::EXTENDED_KEY_USAGE, true),
            plain(),
        ),
    ]
}
