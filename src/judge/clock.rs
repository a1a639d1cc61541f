//! The clocks: which times a signature is judged at, and who stands for them.

use crate::asn1::Time;
use crate::facts::axis::{Grade, TimeSource};
use crate::facts::finding::Finding;
use crate::facts::record::{ClaimedTime, SignatureFacts};

/// The run's clock; the others come from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The run's instant, or `--at`.
    pub now: Time,
}

/// A time with its source and grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatedTime {
    /// Where it stands.
    pub source: TimeSource,
    /// Who stands for it.
    pub grade: Grade,
    /// When.
    pub at: Time,
}

/// Every claimed time of a signature, best first: signingTime, then those of its message.
#[must_use]
pub fn claimed(signature: &SignatureFacts, message: &[ClaimedTime]) -> Vec<RatedTime> {
    let signing = signature.signing_time.map(|at| ClaimedTime {
        source: TimeSource::SigningTime,
        at,
    });
    signing
        .iter()
        .chain(message)
        .map(|time| RatedTime {
            source: time.source,
            grade: Grade::Claimed,
            at: time.at,
        })
        .collect()
}

/// What the times say about each other (catalogue row A-12).
#[must_use]
pub fn contradictions(signature: &SignatureFacts, message: &[ClaimedTime]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(signing) = signature.signing_time else {
        return findings;
    };
    let of = |source| {
        message
            .iter()
            .find(|time| time.source == source)
            .map(|time| time.at)
    };
    if let Some(date) = of(TimeSource::Date)
        && signing.unix().abs_diff(date.unix()) > SKEW_SECONDS
    {
        findings.push(Finding::TimeSkew);
    }
    if let Some(received) = of(TimeSource::Received)
        && signing.unix() > received.unix().saturating_add(CLOCK_TOLERANCE_SECONDS)
    {
        findings.push(Finding::TimeOrder);
    }
    findings
}

/// signingTime lies behind a time at which somebody else has seen the signature.
#[must_use]
pub fn order(signature: &SignatureFacts, seen: &[RatedTime]) -> Option<Finding> {
    let signing = signature.signing_time?;
    let is_before =
        |time: &RatedTime| signing.unix() > time.at.unix().saturating_add(CLOCK_TOLERANCE_SECONDS);
    seen.iter().any(is_before).then_some(Finding::TimeOrder)
}

/// Thunderbird's threshold between Date and signingTime.
const SKEW_SECONDS: u64 = 3600;

/// Mail servers' clocks differ by minutes.
const CLOCK_TOLERANCE_SECONDS: i64 = 300;
