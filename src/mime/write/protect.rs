//! Header protection, written (RFC 9788 §5.2): the header fields stand in the payload that is signed or encrypted, and what must not be
//! read outside is replaced there.

use std::borrow::Cow;
use std::ops::Range;

use crate::limits::Limits;
use crate::mime::header::{Field, unfold};
use crate::mime::media::{MediaType, Reading, TransferEncoding};
use crate::mime::transfer;
use crate::mime::tree::{Part, Tree};
use crate::mime::write::encode::{WIDTH, base64_lines, is_safe};
use crate::mime::write::field::{describes_body, lines, write_field};
use crate::mime::write::{CannotWrite, LINE_OCTETS};

/// How a payload protects its header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderProtection {
    /// `hp="clear"`: the payload is signed and not encrypted (RFC 9788 §2.1.1).
    Clear,
    /// `hp="cipher"`: it is encrypted.
    Cipher {
        /// What is not read outside.
        confidentiality: Confidentiality,
        /// Whether the hidden fields stand in the text too, for readers that know nothing of this (RFC 9788 §2.1.2). The text is
        /// changed by it.
        legacy_display: bool,
    },
}

/// A header confidentiality policy (RFC 9788 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confidentiality {
    /// Subject is replaced by `[...]`, Comments and Keywords are left out (`hcp_baseline`).
    #[default]
    Baseline,
    /// All fields are read outside as they are inside (`hcp_no_confidentiality`).
    None,
}

/// What becomes of a field outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// It stands there as it is.
    Kept,
    /// With this value.
    Replaced(&'static str),
    /// It does not stand there.
    Removed,
}

/// In place of a Subject (RFC 9788 §3.2.1).
pub const PLACEHOLDER: &str = "[...]";

impl HeaderProtection {
    /// What becomes outside of the field of this name, in lower case. Bcc leaves in no case, and HP-Outer of another envelope says
    /// nothing of this one. What decrypting noted of an earlier inside does not leave the inside.
    #[must_use]
    pub fn outside(self, name: &str) -> Outside {
        let is_confidential = match self {
            Self::Clear => false,
            Self::Cipher {
                confidentiality, ..
            } => confidentiality == Confidentiality::Baseline,
        };
        match name {
            "bcc" | "resent-bcc" | "hp-outer" => Outside::Removed,
            "subject" if is_confidential => Outside::Replaced(PLACEHOLDER),
            "comments" | "keywords" if is_confidential => Outside::Removed,
            _ if is_confidential && name.starts_with("x-mailseal-") => Outside::Removed,
            _ => Outside::Kept,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Cipher { .. } => "cipher",
        }
    }
}

/// The payload that protects `header`, the message's whole header block: `entity`, as [`super::entity`] gives it, with the fields in its
/// header, `hp` at its Content-Type, and, where it is to be encrypted, an HP-Outer for each field outside (RFC 9788 §2.2).
///
/// Trace fields and those of mailing lists and stores are added on the way and are not protected. [`HeaderProtection::outside`] says what
/// must become of the fields outside.
///
/// # Errors
/// `HeaderLine` where a field has a word that does not fit into a line.
pub fn protect(
    header: &[u8],
    entity: &[u8],
    protection: HeaderProtection,
    limits: &Limits,
) -> Result<Vec<u8>, CannotWrite> {
    let tree = Tree::read(entity, limits);
    let mut out = Vec::with_capacity(entity.len() + 2 * header.len() + 256);
    let mut shown = Vec::new();
    let mut outer = Vec::new();
    for line in lines(header) {
        let (name, Some(field)) = (line.name(), line.field) else {
            continue;
        };
        if !is_protected(&name) {
            continue;
        }
        write_field(&line, LINE_OCTETS, &mut out)?;
        match protection.outside(&name) {
            Outside::Kept => outer_field(line.bytes, &mut outer)?,
            Outside::Replaced(value) => {
                let replaced = [field.name, b": ", value.as_bytes(), b"\r\n"].concat();
                outer_field(&replaced, &mut outer)?;
                shown.push(field);
            }
            Outside::Removed => shown.push(field),
        }
    }
    let is_cipher = matches!(protection, HeaderProtection::Cipher { .. });
    let displays = match protection {
        HeaderProtection::Cipher {
            legacy_display: true,
            ..
        } if !shown.is_empty() => displays(&tree, &shown),
        HeaderProtection::Cipher { .. } | HeaderProtection::Clear => Vec::new(),
    };
    let root = displays.iter().find(|display| display.part == 0);
    let hp = Some(protection.word());
    part_header(&tree, 0, hp, root, &mut out)?;
    if is_cipher {
        out.extend_from_slice(&outer);
    }
    out.extend_from_slice(b"\r\n");
    body(&tree, &displays, &mut out)?;
    Ok(out)
}

/// A field that the sender writes, by its name in lower case: neither one of the body's nor one that is added on the way or by whoever
/// keeps the mail.
#[must_use]
pub fn is_protected(name: &str) -> bool {
    const ON_THE_WAY: [&str; 17] = [
        "mime-version",
        "bcc",
        "hp-outer",
        "received",
        "received-spf",
        "return-path",
        "delivered-to",
        "envelope-to",
        "x-original-to",
        "dkim-signature",
        "domainkey-signature",
        "authentication-results",
        "status",
        "x-status",
        "x-uid",
        "x-uidl",
        "content-length",
    ];
    const BEGINNINGS: [&str; 5] = ["resent-", "arc-", "list-", "x-mozilla-", "x-spam-"];
    !describes_body(name)
        && !ON_THE_WAY.contains(&name)
        && !BEGINNINGS.iter().any(|start| name.starts_with(start))
}

fn outer_field(field: &[u8], out: &mut Vec<u8>) -> Result<(), CannotWrite> {
    let named = [b"HP-Outer: ", field].concat();
    for line in lines(&named) {
        write_field(&line, LINE_OCTETS, out)?;
    }
    Ok(())
}

/// Writes the fields of a part's own header that describe its body, `hp` at its type, and what a display changes of it.
fn part_header(
    tree: &Tree<'_>,
    part: usize,
    hp: Option<&str>,
    display: Option<&Display>,
    out: &mut Vec<u8>,
) -> Result<(), CannotWrite> {
    let block = tree
        .parts
        .get(part)
        .map_or(&[][..], |part| tree.slice(&part.header));
    let encoded = display.is_some_and(|display| display.is_encoded);
    let mut added = Vec::new();
    if display.is_some() {
        added.push(("hp-legacy-display", "1"));
    }
    added.extend(hp.map(|hp| ("hp", hp)));
    let put_type = |value: &[u8], out: &mut Vec<u8>| -> Result<(), CannotWrite> {
        let typed = [b"Content-Type: ", &*with_parameters(value, &added), b"\r\n"].concat();
        for line in lines(&typed) {
            write_field(&line, LINE_OCTETS, out)?;
        }
        Ok(())
    };
    let mut has_type = false;
    for line in lines(block) {
        let name = line.name();
        match (name.as_str(), line.field) {
            ("content-type", Some(field)) => {
                has_type = true;
                put_type(field.value, out)?;
            }
            ("content-transfer-encoding", Some(_)) if encoded => {}
            _ => write_field(&line, LINE_OCTETS, out)?,
        }
    }
    if encoded {
        out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n");
    }
    if !has_type && !added.is_empty() {
        put_type(b"text/plain; charset=us-ascii", out)?;
    }
    Ok(())
}

/// The value of a Content-Type in one line, with these parameters and no others that speak of header protection.
fn with_parameters(value: &[u8], added: &[(&str, &str)]) -> Vec<u8> {
    const OWN: [&[u8]; 3] = [b"hp", b"hp-legacy-display", b"protected-headers"];
    let line = unfold(value);
    let mut written = Vec::with_capacity(line.len() + 32);
    for (index, segment) in segments(&line).into_iter().enumerate() {
        let segment = segment.trim_ascii();
        let name = segment
            .split(|octet| matches!(octet, b'=' | b'*'))
            .next()
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        let is_own = added.iter().any(|(own, _)| own.as_bytes() == name)
            || (OWN.contains(&name.as_slice()) && added.iter().any(|(own, _)| *own == "hp"));
        if segment.is_empty() || (index > 0 && is_own) {
            continue;
        }
        if index > 0 {
            written.extend_from_slice(b"; ");
        }
        written.extend_from_slice(segment);
    }
    for (name, value) in added {
        written.extend_from_slice(format!("; {name}=\"{value}\"").as_bytes());
    }
    written
}

/// What stands between semicolons that are in no quoted string and in no comment (RFC 2045 §5.1).
fn segments(value: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let (mut start, mut is_quoted, mut depth, mut is_escaped) = (0, false, 0_usize, false);
    for (at, octet) in value.iter().enumerate() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match octet {
            b'\\' if is_quoted || depth > 0 => is_escaped = true,
            b'"' if depth == 0 => is_quoted = !is_quoted,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted => depth = depth.saturating_sub(1),
            b';' if !is_quoted && depth == 0 => {
                all.extend(value.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    all.extend(value.get(start..));
    all
}

/// A text with the hidden fields before it.
struct Display {
    part: usize,
    body: Vec<u8>,
    is_encoded: bool,
}

/// The Legacy Display Elements of the main texts (RFC 9788 §5.2.2, §5.2.3).
fn displays(tree: &Tree<'_>, shown: &[Field<'_>]) -> Vec<Display> {
    let mut displays = Vec::new();
    let mut open = vec![0];
    while let Some(index) = open.pop() {
        let Some(part) = tree.parts.get(index) else {
            continue;
        };
        match (part.media.top(), part.media.subtype()) {
            ("multipart", "alternative") => open.extend(part.children.iter().copied()),
            ("multipart", "mixed" | "related") => open.extend(part.children.first().copied()),
            ("text", "plain" | "html") if !is_attachment(tree, index) => {
                displays.extend(display(tree, index, part, shown));
            }
            _ => {}
        }
    }
    displays
}

fn is_attachment(tree: &Tree<'_>, part: usize) -> bool {
    let field = tree.header(part).first("content-disposition");
    field.is_some_and(|field| MediaType::read(field.value).essence == "attachment")
}

/// None for a text whose charset has no ASCII in it.
fn display(tree: &Tree<'_>, index: usize, part: &Part, shown: &[Field<'_>]) -> Option<Display> {
    let charset = part
        .media
        .text("charset", Reading::First)
        .unwrap_or_default()
        .to_ascii_lowercase();
    if ["utf-16", "utf-32", "utf-7", "ucs-"]
        .iter()
        .any(|start| charset.starts_with(start))
    {
        return None;
    }
    let is_html = part.media.subtype() == "html";
    let mut text = String::new();
    for field in shown {
        let decoded = field.text().text;
        // In another charset the encoded words stay.
        let value = if charset == "utf-8" || decoded.is_ascii() {
            Cow::Owned(decoded.into_bytes())
        } else {
            field.unfolded()
        };
        let value: String = String::from_utf8_lossy(&value)
            .chars()
            .map(
                |c| match c.is_control() || (!c.is_ascii() && charset != "utf-8") {
                    true => '?',
                    false => c,
                },
            )
            .collect();
        let name = String::from_utf8_lossy(field.name);
        text.push_str(&format!("{name}: {}\r\n", value.trim()));
    }
    let stored = transfer::decode(tree, index).bytes;
    let content = if is_html {
        let escaped = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let element = format!(
            "\r\n<div class=\"header-protection-legacy-display\">\r\n<pre>{}</pre>\r\n</div>\r\n",
            escaped.trim_end()
        );
        let at = behind_body_tag(&stored);
        let (before, behind) = stored.split_at_checked(at)?;
        [before, element.as_bytes(), behind].concat()
    } else {
        [text.as_bytes(), b"\r\n", &stored].concat()
    };
    let is_encoded = part.encoding != TransferEncoding::Identity || !is_safe(&content, WIDTH);
    Some(Display {
        part: index,
        body: match is_encoded {
            true => base64_lines(&content),
            false => content,
        },
        is_encoded,
    })
}

/// Where the content of an HTML text's body begins: behind its `<body>`, else at its beginning.
fn behind_body_tag(html: &[u8]) -> usize {
    let lower = html.to_ascii_lowercase();
    let tag = memchr::memmem::find(&lower, b"<body");
    let end = tag.and_then(|at| Some(at + memchr::memchr(b'>', lower.get(at..)?)? + 1));
    end.unwrap_or(0)
}

/// The entity's body with the displays in it.
fn body(tree: &Tree<'_>, displays: &[Display], out: &mut Vec<u8>) -> Result<(), CannotWrite> {
    let Some(root) = tree.parts.first() else {
        return Ok(());
    };
    let mut edits: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
    for display in displays {
        let Some(part) = tree.parts.get(display.part) else {
            continue;
        };
        if display.part > 0 {
            let mut header = Vec::new();
            part_header(tree, display.part, None, Some(display), &mut header)?;
            edits.push((part.header.clone(), header));
        }
        edits.push((part.body.clone(), display.body.clone()));
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut at = root.body.start;
    for (range, bytes) in edits {
        out.extend_from_slice(tree.slice(&(at..range.start.max(at))));
        out.extend_from_slice(&bytes);
        at = range.end;
    }
    out.extend_from_slice(tree.slice(&(at..root.body.end.max(at))));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CIPHER: HeaderProtection = HeaderProtection::Cipher {
        confidentiality: Confidentiality::Baseline,
        legacy_display: false,
    };

    fn payload(header: &str, entity: &str, protection: HeaderProtection) -> String {
        let lines = |text: &str| text.replace('|', "\r\n").into_bytes();
        let made = protect(
            &lines(header),
            &lines(entity),
            protection,
            &Limits::default(),
        );
        String::from_utf8(made.unwrap())
            .unwrap()
            .replace("\r\n", "|")
    }

    #[test]
    fn fields_stand_inside_and_what_stood_outside_is_told() {
        let header = "Received: by x|From: Alice <a@x>|To: b@x|Bcc: c@x|Subject: Dinner|Keywords: food|\
            HP-Outer: Subject: old|MIME-Version: 1.0|Content-Type: text/plain|";
        let entity = "Content-Type: text/plain; charset=utf-8||hello|";
        assert_eq!(
            payload(header, entity, HeaderProtection::Clear),
            "From: Alice <a@x>|To: b@x|Subject: Dinner|Keywords: food|\
             Content-Type: text/plain; charset=utf-8; hp=\"clear\"||hello|"
        );
        assert_eq!(
            payload(header, entity, CIPHER),
            "From: Alice <a@x>|To: b@x|Subject: Dinner|Keywords: food|\
             Content-Type: text/plain; charset=utf-8; hp=\"cipher\"|\
             HP-Outer: From: Alice <a@x>|HP-Outer: To: b@x|HP-Outer: Subject: [...]||hello|"
        );
        let open = HeaderProtection::Cipher {
            confidentiality: Confidentiality::None,
            legacy_display: true,
        };
        let shown = payload(header, entity, open);
        assert!(shown.contains("|HP-Outer: Subject: Dinner|HP-Outer: Keywords: food||hello|"));
        for (name, clear, cipher) in [
            ("subject", Outside::Kept, Outside::Replaced("[...]")),
            ("comments", Outside::Kept, Outside::Removed),
            ("from", Outside::Kept, Outside::Kept),
            ("x-mailseal-inner-x", Outside::Kept, Outside::Removed),
            ("bcc", Outside::Removed, Outside::Removed),
        ] {
            assert_eq!(HeaderProtection::Clear.outside(name), clear);
            assert_eq!(CIPHER.outside(name), cipher);
        }
    }

    #[test]
    fn what_said_something_of_protection_before_is_gone() {
        for (before, after) in [
            (
                "text/plain; hp=\"clear\"; charset=utf-8",
                "text/plain; charset=utf-8",
            ),
            ("text/plain; protected-headers=v1;", "text/plain"),
            ("text/plain;|  HP*0=cipher", "text/plain"),
            (
                "multipart/mixed; boundary=\"a;hp=b\"",
                "multipart/mixed; boundary=\"a;hp=b\"",
            ),
            ("text/plain (a; hp=x); x=y", "text/plain (a; hp=x); x=y"),
            ("text/plain; hpx=1", "text/plain; hpx=1"),
        ] {
            let entity = format!("Content-Type: {before}||");
            let made = payload("", &entity, HeaderProtection::Clear);
            assert_eq!(made, format!("Content-Type: {after}; hp=\"clear\"||"));
        }
        let without = payload("", "|x", HeaderProtection::Clear);
        assert_eq!(
            without,
            "Content-Type: text/plain; charset=us-ascii; hp=\"clear\"||x"
        );
    }

    #[test]
    fn hidden_fields_stand_in_the_text_for_old_readers() {
        let legacy = HeaderProtection::Cipher {
            confidentiality: Confidentiality::Baseline,
            legacy_display: true,
        };
        let plain = payload(
            "Subject: a < b|",
            "Content-Type: text/plain||hello|",
            legacy,
        );
        assert!(
            plain.contains("text/plain; hp-legacy-display=\"1\"; hp=\"cipher\"|"),
            "{plain}"
        );
        assert!(plain.ends_with("||Subject: a < b||hello|"), "{plain}");
        let both = "Content-Type: multipart/alternative; boundary=x||--x|Content-Type: text/plain||hello|--x|\
            Content-Type: text/html|Content-Transfer-Encoding: quoted-printable||<html><BODY a=3D1>hello</BODY>|--x--";
        let both = payload("Subject: a < b|", both, legacy);
        assert!(both.contains(
            "--x|Content-Type: text/plain; hp-legacy-display=\"1\"||Subject: a < b||hello|--x|"
        ));
        let tree = both.replace('|', "\r\n");
        let tree = Tree::read(tree.as_bytes(), &Limits::default());
        assert_eq!(tree.parts.len(), 3);
        let html = transfer::decode(&tree, 2).bytes;
        let html = String::from_utf8_lossy(&html).replace("\r\n", "|");
        assert_eq!(
            html,
            "<html><BODY a=1>|<div class=\"header-protection-legacy-display\">|<pre>Subject: a &lt; b</pre>|</div>|hello</BODY>"
        );
        // Words beyond ASCII stay encoded where the text is in another charset.
        let subject = "Subject: =?utf-8?Q?gr=C3=BCn?=|";
        let latin = payload(
            subject,
            "Content-Type: text/plain; charset=iso-8859-1||hello",
            legacy,
        );
        assert!(
            latin.ends_with("||Subject: =?utf-8?Q?gr=C3=BCn?=||hello"),
            "{latin}"
        );
        let wide = payload(
            subject,
            "Content-Type: text/plain; charset=utf-16||hello",
            legacy,
        );
        assert!(wide.ends_with("||hello") && !wide.contains("legacy"));
        let unicode = payload(
            subject,
            "Content-Type: text/plain; charset=utf-8||hello",
            legacy,
        );
        assert!(unicode.contains("|Content-Transfer-Encoding: base64|"));
    }
}
