//! Header fields as facts: for people, for the comparison of addresses, and as claimed times.

use crate::asn1::Time;
use crate::facts::axis::TimeSource;
use crate::facts::finding::Finding;
use crate::facts::record::{Addresses, ClaimedTime, FieldTime, HeaderText, Headers, Trace};
use crate::limits::Limits;
use crate::mime::address::{Addresses as AddressList, Mailbox};
use crate::mime::date;
use crate::mime::header::{Field, Header};
use crate::mime::message::Origin;
use crate::mime::received;

/// The fields that a report shows.
#[must_use]
pub fn headers(header: &Header<'_>) -> Headers {
    let mut headers = Headers::default();
    for field in header.fields() {
        let slot = if field.is("message-id") {
            &mut headers.message_id
        } else if field.is("from") {
            &mut headers.from
        } else if field.is("sender") {
            &mut headers.sender
        } else if field.is("subject") {
            &mut headers.subject
        } else if field.is("date") {
            if headers.date.is_none() {
                headers.date_utc = date::read(&field.unfolded()).and_then(Time::from_unix);
            }
            &mut headers.date
        } else {
            continue;
        };
        if slot.is_none() {
            *slot = Some(text(&field));
        }
    }
    headers
}

/// The instant that the first Date names: [`Headers::date_utc`] alone.
#[must_use]
pub fn date(header: &Header<'_>) -> Option<Time> {
    let field = header.first("date")?;
    date::read(&field.unfolded()).and_then(Time::from_unix)
}

fn text(field: &Field<'_>) -> HeaderText {
    let decoded = field.text();
    HeaderText {
        text: decoded.text.trim().to_owned(),
        bytes: decoded.not_utf8.then(|| field.value.to_vec()),
    }
}

/// The addr-specs of From and Sender, and what is odd about how they are shown.
#[must_use]
pub fn addresses(header: &Header<'_>, limits: &Limits) -> (Addresses, Vec<Finding>) {
    let mut addresses = Addresses::default();
    let mut findings = Vec::new();
    for field in header.fields() {
        if field.is("from") {
            addresses.from_fields += 1;
            let list = AddressList::read(&field.unfolded(), limits);
            if list
                .mailboxes
                .iter()
                .any(|mailbox| mailbox.display_names_another_address())
            {
                findings.push(Finding::DisplayNameAddressMismatch);
            }
            addresses
                .from
                .extend(list.mailboxes.into_iter().filter_map(shown_as_address));
        } else if field.is("sender") {
            let list = AddressList::read(&field.unfolded(), limits);
            addresses.sender.extend(with_address(list));
        }
    }
    findings.dedup();
    (addresses, findings)
}

/// Names without an address are left out: an unquoted comma in a display name makes two of one. What only looks like an address
/// counts, though it never matches: mail programs show it, so it may not stand unseen beside the signer's.
fn shown_as_address(mailbox: Mailbox) -> Option<String> {
    (!mailbox.address.is_empty() || mailbox.malformed).then_some(mailbox.address)
}

/// Names without an address are left out.
fn with_address(list: AddressList) -> impl Iterator<Item = String> {
    let addresses = list.mailboxes.into_iter().map(|mailbox| mailbox.address);
    addresses.filter(|address| !address.is_empty())
}

/// A mailing list sent it on (RFC 2369 §3, RFC 2919 §3).
#[must_use]
pub fn is_list_mail(header: &Header<'_>) -> bool {
    const FIELDS: [&str; 7] = [
        "list-id",
        "list-post",
        "list-help",
        "list-subscribe",
        "list-unsubscribe",
        "list-owner",
        "list-archive",
    ];
    header
        .fields()
        .any(|field| FIELDS.iter().any(|name| field.is(name)))
}

/// What the message says about when it was sent, best first (verdict.md, "Clocks"). `date` is [`Headers::date_utc`].
#[must_use]
pub fn times(header: &Header<'_>, date: Option<Time>, origin: Option<&Origin>) -> Vec<ClaimedTime> {
    // RFC 5321 §4.4: the time stands behind the last semicolon.
    let received = header
        .first("received")
        .and_then(|field| behind_semicolon(&field.unfolded()));
    [
        (TimeSource::Date, date.map(Time::unix)),
        (TimeSource::Received, received),
        (
            TimeSource::FromLine,
            origin.and_then(|origin| origin.from_line_seconds),
        ),
        (
            TimeSource::FileName,
            origin.and_then(|origin| origin.file_name_seconds),
        ),
        (
            TimeSource::FileTime,
            origin.and_then(|origin| origin.file_seconds),
        ),
    ]
    .into_iter()
    .filter_map(|(source, seconds)| {
        Some(ClaimedTime {
            source,
            at: Time::from_unix(seconds?)?,
        })
    })
    .collect()
}

/// What the header holds that an operator may stand for: who wrote the topmost Received field, and every field that names a time.
///
/// `limits.header_times` bounds the fields; where there are more, none is kept: one that contradicts may be among those left out.
#[must_use]
pub fn trace(header: &Header<'_>, limits: &Limits) -> Trace {
    let mut fields = Vec::new();
    for field in header.fields().filter(|field| !field.is("received")) {
        if let Some(at) = time_of(&field) {
            if fields.len() == limits.header_times {
                fields.clear();
                break;
            }
            fields.push(FieldTime {
                name: String::from_utf8_lossy(field.name).to_ascii_lowercase(),
                at: Some(at),
            });
        }
    }
    // The one that can't be read may be the true one.
    for number in 0..fields.len() {
        let name = fields.get(number).map(|field| field.name.clone());
        let Some(name) = name else { continue };
        let unread = header
            .fields()
            .any(|field| field.is(&name) && time_of(&field).is_none());
        if unread
            && !fields
                .iter()
                .any(|one| one.name == name && one.at.is_none())
        {
            fields.push(FieldTime { name, at: None });
        }
    }
    Trace {
        received_by: header
            .first("received")
            .and_then(|field| received::by(&field.unfolded())),
        fields,
    }
}

/// A date as mail writes it (RFC 5322 §3.3) or as RFC 3339 does, alone or behind the last semicolon.
fn time_of(field: &Field<'_>) -> Option<Time> {
    // A quick look first: most fields hold no clock.
    memchr::memchr(b':', field.value)?;
    let value = field.unfolded();
    let alone = || Some(&*value).filter(|value| value.len() <= DATE_BYTES);
    let seconds = behind_semicolon(&value).or_else(|| {
        let value = alone()?;
        date::read(value).or_else(|| date::read_rfc3339(value))
    });
    Time::from_unix(seconds?)
}

/// RFC 5321 §4.4: the time stands behind the last semicolon.
fn behind_semicolon(value: &[u8]) -> Option<i64> {
    let semicolon = memchr::memrchr(b';', value)?;
    let rest = value.get(semicolon + 1..)?;
    date::read(rest).filter(|_| rest.len() <= DATE_BYTES)
}

/// Longer values are no dates, though a day and a clock may stand in them.
const DATE_BYTES: usize = 200;
