//! The steps about revocation: the list or OCSP response that decided, who signed it, and what it says.

use std::fmt::Write as _;

use crate::pki::trust::{Chain, Revocation};
use crate::report::extract::{Place, SignatureFiles, expected, instant, seconds, skipped, verify};
use crate::report::reread::{Judgement, RevocationSource, Signer, sha256};

/// The list that decided says what the report says.
pub(super) fn revocation(out: &mut String, place: &Place, signer: &Signer, files: &SignatureFiles) {
    let at = signer.decisive();
    let (Some(value), Some(source)) = (at.revocation, &at.revocation_source) else {
        if let Some(value) = at.revocation {
            let _ = writeln!(
                out,
                "note 'revocation: {}, no list and no OCSP response decided'",
                value.as_str()
            );
        }
        return;
    };
    if !(files.crl || files.ocsp) || !files.asked {
        let _ = writeln!(
            out,
            "unasked 'revocation: the list or OCSP response that decided is not at hand; give --crl of the report'"
        );
        return;
    }
    if files.ocsp {
        response(out, place, value, source, files);
        return;
    }
    let (list, asked) = (place.file("crl", "pem"), place.file("asked", "pem"));
    if let Some(digest) = source.crl.as_deref().filter(|text| sha256(text).is_some()) {
        let _ = writeln!(
            out,
            "step good 'the revocation list is the one of the report' der_is crl {list} {digest}"
        );
    }
    match files.list_of_issuer {
        true => {
            let _ = writeln!(
                out,
                "step good 'the list is signed by the authority that issued the certificate' is_signed_list {list} {}",
                place.file("issuer", "pem")
            );
        }
        false => {
            let _ = writeln!(
                out,
                "unasked 'who signed the list: it is of another issuer or another key than the certificate'"
            );
        }
    }
    let (title, test) = match value {
        Revocation::Revoked | Revocation::RevokedLater => ("has", "is_listed"),
        Revocation::Good => ("does not have", "is_not_listed"),
        Revocation::NotChecked | Revocation::Stale | Revocation::Unknown => {
            let _ = writeln!(out, "note 'revocation: {}'", value.as_str());
            return;
        }
    };
    let _ = writeln!(
        out,
        "step good 'the list {title} the certificate, revocation {}{}' {test} {list} {asked}",
        value.as_str(),
        since(source)
    );
    let of_signer = signer.signer.certificate.as_deref() == Some(source.certificate.as_str());
    if let Some(seconds) = in_force(at)
        && of_signer
        && at.chain == Some(Chain::Trusted)
        && files.anchor
        && skipped(signer, Chain::Trusted, files).is_none()
    {
        let _ = writeln!(
            out,
            "step {} 'path and list together at {}' {}",
            expected(value != Revocation::Revoked),
            instant(&at.at),
            verify(
                place,
                files,
                seconds,
                &format!(" -crl_check -CRLfile {list}")
            )
        );
    }
}

/// The OCSP response that decided verifies, and says what the report says.
fn response(
    out: &mut String,
    place: &Place,
    value: Revocation,
    source: &RevocationSource,
    files: &SignatureFiles,
) {
    let carried = place.file("ocsp", "der");
    if let Some(digest) = source.ocsp.as_deref().filter(|text| sha256(text).is_some()) {
        let _ = writeln!(
            out,
            "step good 'the OCSP response is the one of the report' digest_is sha256 {carried} {digest}"
        );
    }
    let status = match value {
        Revocation::Revoked | Revocation::RevokedLater => "revoked",
        Revocation::Good => "good",
        Revocation::NotChecked | Revocation::Stale | Revocation::Unknown => {
            let _ = writeln!(out, "note 'revocation: {}'", value.as_str());
            return;
        }
    };
    let (true, true, Some(produced)) = (files.issuer, files.anchor, files.produced_at) else {
        let _ = writeln!(
            out,
            "unasked 'the OCSP response: the issuer or the anchor is not at hand; give --ca and --certs of the report'"
        );
        return;
    };
    let issuer = place.file("issuer", "pem");
    let when = match files.anchor_expired {
        true => "-no_check_time".to_owned(),
        false => format!("-attime {}", produced.unix()),
    };
    let mut line = format!(
        "response_says {} {issuer} {} {status} {when} -validity_period {ANY_AGE} -partial_chain -CAfile {} -verify_other {issuer}",
        match files.ocsp_is_basic {
            true => place.file("response", "der"),
            false => carried,
        },
        place.file("asked", "pem"),
        place.file("anchor", "pem")
    );
    if files.chain {
        // It finds the authorities between the responder and the anchor here.
        let _ = write!(line, " -verify_other {}", place.file("chain", "pem"));
    }
    let _ = writeln!(
        out,
        "step good 'the OCSP response verifies at {} and says {status}, revocation {}{}' {line}",
        String::from_utf8_lossy(&produced.rfc3339()),
        value.as_str(),
        since(source)
    );
}

/// Seconds by which a response may be out of date for `openssl ocsp`, which holds it against today: whether it covers the clock is the report's
/// to say, and it names `this_update` and `next_update`. 47 years, so that today less that is not before 1970.
const ANY_AGE: u32 = 1_500_000_000;

/// From when on it is revoked, as it is written here.
fn since(source: &RevocationSource) -> String {
    match source.revoked_at.as_deref().map(instant) {
        Some(at) if !at.is_empty() => format!(" from {at} on"),
        Some(_) | None => String::new(),
    }
}

/// The clock's time, if the list was in force then: openssl takes no other.
fn in_force(at: &Judgement) -> Option<i64> {
    let source = at.revocation_source.as_ref()?;
    let now = seconds(&at.at)?;
    let from = seconds(source.this_update.as_deref()?)?;
    let until = seconds(source.next_update.as_deref()?)?;
    (from <= now && now <= until).then_some(now)
}
