//! Header fields as facts: for people, for the comparison of addresses, and as claimed times.

use crate::asn1::Time;
use crate::facts::axis::TimeSource;
use crate::facts::finding::Finding;
use crate::facts::record::{Addresses, ClaimedTime, HeaderText, Headers};
use crate::limits::Limits;
use crate::mime::address::{Addresses as AddressList, Mailbox};
use crate::mime::date;
use crate::mime::header::{Field, Header};
use crate::mime::message::Origin;

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
    let received = header.first("received").and_then(|field| {
        let value = field.unfolded();
        let semicolon = memchr::memrchr(b';', &value)?;
        date::read(value.get(semicolon + 1..)?)
    });
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
