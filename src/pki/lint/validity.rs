//! Version, serial number and validity.

use std::borrow::Cow;

use crate::asn1::time::TimeForm;
use crate::asn1::{Element, Tag};
use crate::pki::lint::rule::{
    BR, Found, LEGACY_END, Level, RFC_2459, RFC_3280, RFC_5280, Rule, told, when,
};
use crate::pki::lint::scope;
use crate::pki::lint::view::View;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "validity-unreadable",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.5",
        demand: "notBefore and notAfter are times",
        since: None,
        applies: scope::any,
        broken: |c| match (c.certificate.not_before, c.certificate.not_after) {
            (Ok(_), Ok(_)) => None,
            (Err(_), _) => Some(Cow::Borrowed(
                "notBefore can't be read; rules with a date were not looked at",
            )),
            (Ok(_), Err(_)) => Some(Cow::Borrowed("notAfter can't be read")),
        },
        same: &[],
    },
    Rule {
        code: "version-not-3",
        level: Level::Must,
        source: "S/MIME BR §7.1.1",
        demand: "the version is 3",
        since: BR,
        applies: scope::br,
        broken: |c| version(c, 3),
        same: &[
            "e_invalid_certificate_version",
            "pkix.certificate_version_is_not_v3",
        ],
    },
    Rule {
        code: "extensions-without-version-3",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.1",
        demand: "a certificate with extensions has version 3",
        since: RFC_2459,
        applies: |c| !c.certificate.extensions.list.is_empty(),
        broken: |c| version(c, 3),
        same: &["e_cert_extensions_version_not_3"],
    },
    Rule {
        code: "serial-not-positive",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.2",
        demand: "the serial number is positive",
        since: RFC_3280,
        applies: scope::any,
        broken: |c| {
            let serial = c.certificate.serial;
            let positive = !serial.is_negative() && !serial.magnitude().is_empty();
            told(
                (!positive).then(|| format!("the serial number is {}", c.certificate.serial_hex())),
            )
        },
        same: &[
            "e_serial_number_not_positive",
            "pkix.certificate_serial_number_out_of_range",
        ],
    },
    Rule {
        code: "serial-too-long",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.2",
        demand: "the serial number has at most 20 octets (S/MIME BR §7.1: it is below 2^159)",
        since: RFC_3280,
        applies: scope::any,
        broken: |c| {
            let octets = c.certificate.serial.minimal().len();
            told((octets > 20).then(|| format!("it has {octets} octets")))
        },
        same: &[
            "e_serial_number_longer_than_20_octets",
            "pkix.certificate_serial_number_out_of_range",
        ],
    },
    Rule {
        code: "serial-low-entropy",
        // MUST, but a short number is a sign and no proof: random bits may be zeros.
        level: Level::Should,
        source: "S/MIME BR §7.1",
        demand: "the serial number has 64 random bits: fewer than 8 octets can't hold them",
        since: BR,
        applies: scope::br,
        broken: |c| {
            let octets = c.certificate.serial.magnitude().len();
            told((octets < 8).then(|| format!("it has {octets} octets")))
        },
        same: &["w_serial_number_low_entropy"],
    },
    Rule {
        code: "validity-reversed",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.5",
        demand: "notAfter is not before notBefore",
        since: RFC_5280,
        applies: scope::any,
        broken: |c| {
            when(
                seconds(c).is_some_and(|seconds| seconds < 1),
                "notAfter is before notBefore",
            )
        },
        same: &[
            "e_validity_time_not_positive",
            "pkix.certificate_negative_validity_period",
        ],
    },
    Rule {
        code: "time-wrong-type",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.5",
        demand: "a time is a UTCTime through the year 2049, then a GeneralizedTime",
        since: RFC_2459,
        applies: scope::any,
        broken: wrong_time_type,
        same: &["e_wrong_time_format_pre2050", "pkix.wrong_time_useful_type"],
    },
    Rule {
        code: "time-not-der",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.5.1, §4.1.2.5.2",
        demand: "a time has seconds, no fraction, and ends in Z",
        since: RFC_2459,
        applies: scope::any,
        broken: |c| {
            when(
                c.certificate.time_form == TimeForm::Deviating,
                "seconds are missing, a fraction is there, or a zone other than Z",
            )
        },
        same: &[
            "e_utc_time_does_not_include_seconds",
            "e_utc_time_not_in_zulu",
            "e_generalized_time_does_not_include_seconds",
            "e_generalized_time_includes_fraction_seconds",
            "e_generalized_time_not_in_zulu",
            "pkix.utctime_incorrect_syntax",
            "pkix.generalizedtime_incorrect_syntax",
        ],
    },
    Rule {
        code: "validity-over-825-days",
        level: Level::Must,
        source: "S/MIME BR §6.3.2",
        demand: "Strict and Multipurpose: valid for at most 825 days",
        since: BR,
        applies: scope::strict_or_multipurpose,
        broken: |c| over(c, 825),
        same: &["cabf.smime.certificate_validity_period_exceeds_825_days"],
    },
    Rule {
        code: "validity-over-1185-days",
        level: Level::Must,
        source: "S/MIME BR §6.3.2",
        demand: "Legacy: valid for at most 1185 days",
        since: BR,
        applies: scope::legacy,
        broken: |c| over(c, 1185),
        same: &["cabf.smime.certificate_validity_period_exceeds_1185_days"],
    },
    Rule {
        code: "validity-at-maximum",
        level: Level::Should,
        source: "S/MIME BR §6.3.2",
        demand: "a certificate is not issued for the whole time that is allowed",
        since: BR,
        applies: |c| scope::claimed(c).is_some(),
        broken: |c| {
            let days = if scope::legacy(c) { 1185 } else { 825 };
            when(
                seconds(c) == Some(days * DAY),
                "it is valid for exactly the time that is allowed",
            )
        },
        same: &["cabf.smime.certificate_validity_period_at_maximum"],
    },
    Rule {
        code: "legacy-after-its-end",
        level: Level::Must,
        source: "S/MIME BR §7.1.6.1",
        demand: "from 2025-07-15 nothing is issued under the Legacy generation",
        since: LEGACY_END,
        applies: |c| scope::claimed(c).is_some(),
        broken: |c| when(scope::legacy(c), "it claims the Legacy generation"),
        same: &[
            "e_legacy_generation_deprecated",
            "cabf.smime.legacy_generation_certificate_issued_after_prohibition",
        ],
    },
];

/// Seconds of a day, as S/MIME BR §6.3.2 counts them.
const DAY: i64 = 86_400;

/// How long it is valid: notAfter is the last second of it (RFC 5280 §4.1.2.5).
fn seconds(c: &View<'_>) -> Option<i64> {
    match (c.certificate.not_before, c.certificate.not_after) {
        (Ok(from), Ok(to)) => Some(to.unix() - from.unix() + 1),
        _ => None,
    }
}

fn over(c: &View<'_>, days: i64) -> Found {
    let seconds = seconds(c).filter(|seconds| *seconds > days * DAY);
    told(seconds.map(|seconds| match seconds % DAY {
        0 => format!("it is valid for {} days", seconds / DAY),
        rest => format!("it is valid for {} days and {rest} s", seconds / DAY),
    }))
}

fn version(c: &View<'_>, wanted: u64) -> Found {
    match c.certificate.version {
        Ok(version) if version == wanted => None,
        Ok(version) => Some(Cow::Owned(format!("the version is {version}"))),
        Err(_) => Some(Cow::Borrowed("the version can't be read")),
    }
}

fn wrong_time_type(c: &View<'_>) -> Found {
    let fields = c.fields();
    // Validity is the third SEQUENCE: behind signature and issuer.
    let validity = fields
        .iter()
        .filter(|field| field.tag == Tag::SEQUENCE)
        .nth(2)?;
    let mut r = validity.reader().ok()?;
    let wrong = |element: Element<'_>| {
        let (time, _) = element.as_time().ok()?;
        (element.tag == Tag::GENERALIZED_TIME && time.year() < 2050)
            .then(|| format!("{time} is a GeneralizedTime"))
    };
    while let Ok(element) = r.element() {
        if let Some(found) = wrong(element) {
            return Some(Cow::Owned(found));
        }
    }
    None
}
