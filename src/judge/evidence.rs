//! What the operator stands for: which hosts' Received fields and which header fields tell a true time (`asserted`).

use crate::asn1::Time;
use crate::facts::axis::{Grade, TimeSource};
use crate::facts::finding::Finding;
use crate::facts::record::{MessageFacts, Trace};
use crate::judge::clock::RatedTime;

/// Who is believed about times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// `--trust-received`: hosts whose Received fields are true.
    pub hosts: Vec<Host>,
    /// `--assert-time header:NAME`: header fields, in lower case.
    pub fields: Vec<String>,
    /// `--use-file-time`: a file's time is a claimed one, the last of all.
    pub file_time: bool,
}

/// A host, or all hosts below a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// This one, in lower case.
    One(String),
    /// All whose name ends so: a dot and the domain, in lower case.
    Below(String),
}

impl Host {
    /// As it is given: a host's name, or `.example.com` for all hosts below example.com.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::One(text) | Self::Below(text) => text,
        }
    }

    fn is(&self, host: &str) -> bool {
        match self {
            Self::One(name) => host == name,
            Self::Below(domain) => host.len() > domain.len() && host.ends_with(domain),
        }
    }
}

/// The times of a message that the operator stands for, the earliest first.
///
/// Of the Received fields only the topmost counts, and only if a trusted host wrote it. Every server puts its field on top
/// (RFC 5321 §4.4), so all that the sender could forge stands below the topmost, be it in a trusted host's name: were the lower ones
/// followed from host to host, one forged field directly below the true one would date the mail. The mail was there when it arrived
/// at the last host; that is all that is needed.
///
/// A named field counts where it stands once, or always with the same time. What is later than `now` counts for nothing.
#[must_use]
pub fn asserted(
    facts: &MessageFacts,
    evidence: &Evidence,
    now: Time,
) -> (Vec<RatedTime>, Vec<Finding>) {
    let mut times = Vec::new();
    let mut findings = Vec::new();
    let Trace {
        received_by,
        fields,
    } = &facts.trace;
    let received = facts
        .times
        .iter()
        .find(|time| time.source == TimeSource::Received);
    if let (Some(host), Some(time)) = (received_by, received)
        && evidence.hosts.iter().any(|trusted| trusted.is(host))
    {
        times.push((TimeSource::Received, time.at));
    }
    for name in &evidence.fields {
        let mut named = fields
            .iter()
            .filter(|field| field.name == *name)
            .map(|field| field.at);
        let Some(first) = named.next() else {
            continue;
        };
        match first.filter(|_| named.all(|other| other == first)) {
            Some(at) => times.push((TimeSource::HeaderField, at)),
            None => findings.push(Finding::AssertedTimeUnusable),
        }
    }
    if times.iter().any(|(_, at)| *at > now) {
        findings.push(Finding::AssertedTimeUnusable);
    }
    times.retain(|(_, at)| *at <= now);
    times.sort_by_key(|(source, at)| (*at, *source));
    let times = times.into_iter().map(|(source, at)| RatedTime {
        source,
        grade: Grade::Asserted,
        at,
    });
    (times.collect(), findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::record::{ClaimedTime, FieldTime};

    fn at(seconds: i64) -> Time {
        Time::from_unix(seconds).unwrap()
    }

    fn facts(by: &str, received: i64, fields: &[(&str, i64)]) -> MessageFacts {
        MessageFacts {
            times: vec![ClaimedTime {
                source: TimeSource::Received,
                at: at(received),
            }],
            trace: Trace {
                received_by: Some(by.to_owned()),
                fields: fields
                    .iter()
                    .map(|(name, seconds)| FieldTime {
                        name: (*name).to_owned(),
                        at: (*seconds > 0).then(|| at(*seconds)),
                    })
                    .collect(),
            },
            ..MessageFacts::default()
        }
    }

    #[test]
    fn only_what_the_operator_stands_for_counts() {
        let evidence = Evidence {
            hosts: vec![
                Host::One("mx.example.com".to_owned()),
                Host::Below(".example.org".to_owned()),
            ],
            fields: vec!["delivery-date".to_owned()],
            file_time: false,
        };
        let times = |facts: &MessageFacts| {
            let (times, findings) = asserted(facts, &evidence, at(1000));
            let times: Vec<_> = times
                .iter()
                .map(|time| (time.source, time.at.unix()))
                .collect();
            (times, findings.len())
        };
        for (by, fields, expected, findings) in [
            (
                "mx.example.com",
                &[][..],
                &[(TimeSource::Received, 500)][..],
                0,
            ),
            ("a.example.org", &[], &[(TimeSource::Received, 500)], 0),
            ("example.org", &[], &[], 0),
            (".example.org", &[], &[], 0),
            ("evilexample.org", &[], &[], 0),
            ("mx.example.com.evil", &[], &[], 0),
            (
                "x",
                &[("delivery-date", 400), ("date", 1)],
                &[(TimeSource::HeaderField, 400)],
                0,
            ),
            (
                "x",
                &[("delivery-date", 400), ("delivery-date", 300)],
                &[],
                1,
            ),
            (
                "x",
                &[("delivery-date", 400), ("delivery-date", 400)],
                &[(TimeSource::HeaderField, 400)],
                0,
            ),
            ("x", &[("delivery-date", 2000)], &[], 1),
            // One of them can't be read.
            ("x", &[("delivery-date", 400), ("delivery-date", 0)], &[], 1),
            (
                "mx.example.com",
                &[("delivery-date", 400)],
                &[(TimeSource::HeaderField, 400), (TimeSource::Received, 500)],
                0,
            ),
        ] {
            assert_eq!(
                times(&facts(by, 500, fields)),
                (expected.to_vec(), findings),
                "{by} {fields:?}"
            );
        }
    }
}
