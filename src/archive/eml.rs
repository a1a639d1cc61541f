//! A file that is one message: told by its header.

use memchr::memchr;

use crate::archive::mbox::separator::is_field_name;

/// Fields one of which a message has. The other one may be any.
const TELLING: [&str; 6] = [
    "from",
    "date",
    "received",
    "message-id",
    "mime-version",
    "content-type",
];

/// Whether `head` begins with a header that has two different fields, one of them telling (RFC 5322 §2.2, §3.6).
///
/// Lines that are no field are passed over up to the blank line: one odd line must not hide a signed mail.
/// A mail that was delivered twice may begin with a quoted separator, `>From `.
pub(super) fn is_mail(head: &[u8]) -> bool {
    let mut rest = head;
    if rest.starts_with(b">From ") {
        rest = memchr(b'\n', rest).map_or(&[][..], |end| rest.get(end + 1..).unwrap_or_default());
    }
    let (mut first, mut two, mut telling) = (None, false, false);
    while let Some(octet) = rest.first() {
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        rest = behind;
        if matches!(line, [b'\n'] | [b'\r', b'\n']) {
            return false;
        }
        if matches!(octet, b' ' | b'\t') {
            continue;
        }
        let Some(name) = field_name(line) else {
            continue;
        };
        telling |= TELLING
            .iter()
            .any(|telling| name.eq_ignore_ascii_case(telling.as_bytes()));
        two |= first.is_some_and(|first: &[u8]| !first.eq_ignore_ascii_case(name));
        first = first.or(Some(name));
        if two && telling {
            return true;
        }
    }
    false
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|octet| !is_field_name(*octet))?;
    let (name, rest) = line.split_at_checked(end)?;
    let colon = rest.trim_ascii_start().first() == Some(&b':');
    (colon && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_two_different_fields_one_of_them_telling() {
        for (head, mail) in [
            ("From: a\nTo: b\n\n", true),
            ("To: b\r\nDATE : x\r\n", true),
            ("Subject: a\n b\n\tc\nMIME-Version: 1.0", true),
            (
                ">From a@b Thu Jan  1 00:00:00 2015\nReceived: a\nX: y\n",
                true,
            ),
            ("Received: a\nReceived: b\n\nX: y\n", false),
            ("From: a\n\nTo: b\n", false),
            ("Subject: a\nTo: b\n\n", false),
            ("HTTP/1.1 200 OK\nFrom: a\nTo: b\n", true),
            (" From: a\nTo: b\n", false),
            ("From: a\nno field\nTo: b\n", true),
            ("From: a\n\0To: b\nSubject: c\n", true),
            ("X-\u{e9}: y\r\nFrom: a\r\nTo: b\r\n", true),
            ("  \r\nFrom: a\r\nTo: b\r\n", true),
            ("2235\nFrom: a\nTo: b\n", true),
            ("From: a\nno field\r\n\r\nTo: b\n", false),
            ("Dear all\n\nFrom: a\nTo: b\n", false),
            (": a\nDate: b\n", false),
            ("-----BEGIN CERTIFICATE-----\nMIIB\n", false),
            ("{\"from\": 1, \"date\": 2}\n", false),
            ("", false),
        ] {
            assert_eq!(is_mail(head.as_bytes()), mail, "{head:?}");
        }
    }
}
