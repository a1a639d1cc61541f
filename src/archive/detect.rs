//! What a file is. Its content decides; its name only settles what the content leaves open.

use memchr::memmem;

use crate::archive::eml;
use crate::archive::mbox::separator;
use crate::archive::mbox::separator::Before;
use crate::archive::mbox::separator::FromLines;
use crate::archive::mbox::separator::Line;
use crate::mime::message::StorageFinding;
use crate::mime::message::StorageFindings;

/// How the file was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It is an argument: the user says that it is mail.
    Argument,
    /// It lies in a folder.
    InFolder,
    /// It lies in `cur` or `new` of a Maildir: a message, whatever is in it.
    MaildirMessage,
}

/// What the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detected {
    /// Nothing, or line ends only.
    Empty,
    /// An mbox. The first `skip` bytes are a byte order mark and blank lines, then `leading` bytes are no message.
    Mbox {
        skip: usize,
        leading: usize,
        pending: StorageFindings,
    },
    /// One message behind `skip` bytes as above.
    Mail { skip: usize },
    /// A CMS structure.
    Cms,
    /// No mail; what to tell who named it as an argument.
    Other(&'static str),
}

/// Looks at a file's first bytes. `complete`: there are no more.
pub(super) fn detect(head: &[u8], complete: bool, named: Named, name: &[u8]) -> Detected {
    let skip = mark_and_blank_lines(head);
    let rest = head.get(skip..).unwrap_or_default();
    if rest.is_empty() && complete {
        return Detected::Empty;
    }
    if is_cms_der(head) || is_cms_pem(rest, named) {
        return Detected::Cms;
    }
    if let Some(pending) = first_separator(rest, complete, named, name) {
        return Detected::Mbox {
            skip,
            leading: 0,
            pending,
        };
    }
    let mail = eml::is_mail(rest);
    if mail && !has_mbox_name(name) {
        return Detected::Mail { skip };
    }
    match (certain_separator(rest, complete), mail) {
        (Some(_), true) => Detected::Mbox {
            skip,
            leading: 0,
            pending: StorageFindings::default().with(StorageFinding::SeparatorMissing),
        },
        (None, true) => Detected::Mail { skip },
        (Some((leading, pending)), false) => Detected::Mbox {
            skip,
            leading,
            pending,
        },
        (None, false) if named == Named::MaildirMessage => Detected::Mail { skip },
        (None, false) => Detected::Other(problem(head)),
    }
}

/// UTF-8's byte order mark and line ends.
fn mark_and_blank_lines(head: &[u8]) -> usize {
    let rest = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = rest
        .iter()
        .position(|octet| !matches!(octet, b'\r' | b'\n'));
    head.len() - rest.len() + text.unwrap_or(rest.len())
}

/// `rest` begins with a `From ` line that starts an mbox. A bare one counts if the user or the name says that it is an mbox.
fn first_separator(
    rest: &[u8],
    complete: bool,
    named: Named,
    name: &[u8],
) -> Option<StorageFindings> {
    if !rest.starts_with(b"From ") {
        return None;
    }
    let Line::Separator(findings) = separator::judge(rest, Before::FileStart, complete) else {
        return None;
    };
    let strong = separator::begins_an_mbox(rest, complete);
    (strong || named == Named::Argument || has_mbox_name(name)).then_some(findings)
}

/// The first separator that leaves no doubt: blank line, asctime date and header field. Mboxes are cut into pieces and written behind
/// one another, so one may begin in the middle of a message.
fn certain_separator(rest: &[u8], complete: bool) -> Option<(usize, StorageFindings)> {
    FromLines::new(rest, 1..rest.len())
        .filter(|at| separator::before(rest, *at) == Before::BlankLine)
        .find_map(|at| {
            let line = rest.get(at..).unwrap_or_default();
            match separator::judge(line, Before::OtherLine, complete) {
                Line::Separator(_) => Some((at, StorageFindings::default())),
                Line::Body | Line::Undecided => None,
            }
        })
}

/// Whether the name says that the file is mail.
pub(super) fn has_mail_name(name: &[u8]) -> bool {
    has_suffix(name, &[b".eml", b".emlx", b".msg"]) || has_mbox_name(name)
}

fn has_mbox_name(name: &[u8]) -> bool {
    has_suffix(name, &[b"mbox", b".mbx", b".mbs"])
}

fn has_suffix(name: &[u8], suffixes: &[&[u8]]) -> bool {
    let lower = name.to_ascii_lowercase();
    let name = [&b".gz"[..], b".zst"]
        .iter()
        .find_map(|suffix| lower.strip_suffix(*suffix))
        .unwrap_or(&lower);
    suffixes.iter().any(|suffix| name.ends_with(suffix))
}

/// A SEQUENCE that begins with a content type of RFC 5652 or RFC 2634 and their kin: 1.2.840.113549.1.7.x or 1.2.840.113549.1.9.16.1.x.
fn is_cms_der(head: &[u8]) -> bool {
    let content = match head {
        [0x30, 0..=0x80, rest @ ..]
        | [0x30, 0x81, _, rest @ ..]
        | [0x30, 0x82, _, _, rest @ ..]
        | [0x30, 0x83, _, _, _, rest @ ..]
        | [0x30, 0x84, _, _, _, _, rest @ ..] => rest,
        _ => return false,
    };
    const PKCS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01";
    let arcs = match content {
        [0x06, 0x09 | 0x0b, rest @ ..] => rest.strip_prefix(PKCS).unwrap_or_default(),
        _ => return false,
    };
    matches!(
        (content, arcs),
        ([_, 0x09, ..], [0x07, _, ..]) | ([_, 0x0b, ..], [0x09, 0x10, 0x01, _, ..])
    )
}

/// RFC 7468 §8, §9, and the older label of RFC 1421 times. Text may stand before it (§5.2), but in a folder that is a text about CMS.
fn is_cms_pem(rest: &[u8], named: Named) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let at = match memmem::find(rest, BEGIN) {
        Some(at) if at == 0 || named == Named::Argument => at,
        _ => return false,
    };
    let line_start = at == 0 || rest.get(at - 1) == Some(&b'\n');
    let label = rest.get(at + BEGIN.len()..).unwrap_or_default();
    line_start
        && !eml::is_mail(rest)
        && [&b"CMS-----"[..], b"PKCS7-----", b"PKCS #7 SIGNED DATA-----"]
            .iter()
            .any(|known| label.starts_with(known))
}

fn problem(head: &[u8]) -> &'static str {
    match head {
        [b'P', b'K', 3, 4, ..] => "is a ZIP archive. Unpack it and name the folder.",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] | [b'B', b'Z', b'h', ..] => {
            "is compressed with xz or bzip2. Unpack it, or pipe it in: xz -dc FILE | mailseal … -"
        }
        [b'!', b'B', b'D', b'N', ..] => "is an Outlook data file. Export it as mbox or .eml.",
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            "is compressed more than once. Unpack it first."
        }
        _ if head.get(257..262) == Some(b"ustar") => {
            "is a tar archive. Unpack it and name the folder."
        }
        _ => {
            "is no mail: neither an mbox, nor a message with a header, nor a CMS file. Name a mail archive, or the folder that it is in."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(head: &[u8], name: &str) -> Detected {
        detect(head, true, Named::InFolder, name.as_bytes())
    }

    const MBOX: Detected = Detected::Mbox {
        skip: 0,
        leading: 0,
        pending: StorageFindings::NONE,
    };

    #[test]
    fn content_decides() {
        let mail = b"From: a@b\nDate: x\n\ntext\n";
        assert_eq!(in_folder(mail, "a.p7m"), Detected::Mail { skip: 0 });
        assert_eq!(in_folder(mail, "a.mbox"), Detected::Mail { skip: 0 });
        let mbox = b"From a@b Thu Jan  1 00:00:00 2015\nFrom: a\n\n";
        assert_eq!(in_folder(mbox, "a.eml"), MBOX);
        assert_eq!(
            in_folder(b"\xef\xbb\xbf\r\nFrom: a@b\r\nDate: x\r\n", "a"),
            Detected::Mail { skip: 5 }
        );
        for nothing in [&b""[..], b"\n\r\n", b"\xef\xbb\xbf"] {
            assert_eq!(in_folder(nothing, "a"), Detected::Empty);
        }
    }

    #[test]
    fn what_is_no_mail_is_other() {
        let tar = [&[0; 257][..], b"ustar\0"].concat();
        for head in [
            &b"# mailseal\n\nA program.\n"[..],
            b"-----BEGIN CERTIFICATE-----\nMIIB",
            b"-----BEGIN PRIVATE KEY-----\nMIIB",
            b"{\"a\": 1}\n{\"a\": 2}\n",
            b"From the desk of the chair\n\nDear all,\n",
            b"From 9:00 on we meet.\n",
            b"See\n-----BEGIN CMS-----\nMIIB",
            b"\x30\x82\x01\x00\x02\x01\x03\x30",
            b"PK\x03\x04",
            b"\x1f\x8b\x08\x00",
            &tar,
        ] {
            assert!(
                matches!(in_folder(head, "a.txt"), Detected::Other(_)),
                "{}",
                head.escape_ascii()
            );
        }
    }

    #[test]
    fn a_from_field_with_a_blank_before_its_colon_begins_no_mbox() {
        let mail = b"From : m@x\nFrom: a@b\nDate: x\n\ntext\n";
        for name in ["a.eml", "a.mbox", "a"] {
            assert_eq!(in_folder(mail, name), Detected::Mail { skip: 0 });
        }
    }

    #[test]
    fn names_and_arguments_settle_what_is_open() {
        let ten = b"From x\n\nhi";
        assert!(matches!(in_folder(ten, "x"), Detected::Other(_)));
        for mbox in [
            in_folder(ten, "X.MBOX"),
            in_folder(ten, "x.mbox.gz"),
            detect(ten, true, Named::Argument, b"x"),
        ] {
            assert!(matches!(
                mbox,
                Detected::Mbox {
                    skip: 0,
                    leading: 0,
                    ..
                }
            ));
        }
        assert_eq!(
            detect(b"no header", true, Named::MaildirMessage, b""),
            Detected::Mail { skip: 0 }
        );
    }

    #[test]
    fn an_mbox_may_begin_in_the_middle_of_a_message() {
        let tail = b"end of a mail\n\nFrom a@b Thu Jan  1 00:00:00 2015\nFrom: a\n\n";
        assert_eq!(
            in_folder(tail, "x"),
            Detected::Mbox {
                skip: 0,
                leading: 15,
                pending: StorageFindings::NONE
            }
        );
        let header = [&b"From: a\nTo: b\n\n"[..], tail].concat();
        assert_eq!(in_folder(&header, "x.eml"), Detected::Mail { skip: 0 });
        assert_eq!(
            in_folder(&header, "x.mbox"),
            Detected::Mbox {
                skip: 0,
                leading: 0,
                pending: StorageFindings::NONE.with(StorageFinding::SeparatorMissing)
            }
        );
    }

    #[test]
    fn bare_cms_is_told_by_its_content_type() {
        const SIGNED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0";
        const TST: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17\xa0";
        for header in [
            &b"\x30\x80"[..],
            b"\x30\x20",
            b"\x30\x81\x90",
            b"\x30\x82\x10\x00",
            b"\x30\x83\x01\x00\x00",
        ] {
            for kind in [SIGNED, TST] {
                assert_eq!(in_folder(&[header, kind].concat(), "a"), Detected::Cms);
            }
        }
        for pem in ["CMS", "PKCS7", "PKCS #7 SIGNED DATA"] {
            let pem = format!("-----BEGIN {pem}-----\nMIIB\n");
            assert_eq!(in_folder(pem.as_bytes(), "a"), Detected::Cms);
            let after_text = format!("subject=/CN=a\n{pem}");
            assert_eq!(
                detect(after_text.as_bytes(), true, Named::Argument, b"a"),
                Detected::Cms
            );
        }
        assert!(matches!(
            in_folder(b"\x30\x80\x06\x03\x55\x04\x03", "a"),
            Detected::Other(_)
        ));
    }
}
