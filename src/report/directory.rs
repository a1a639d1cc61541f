//! Certificates by address, for directories and address books: LDIF (RFC 2849, RFC 4523 §4.1) and vCard (RFC 6350).

use crate::report::encode::base64;

/// What begins an LDIF file.
pub const LDIF_HEAD: &str = "version: 1\n";

/// One entry of an LDIF file: a person with this address, under `base` (a distinguished name, may be empty), and its certificates,
/// DER each. Never fails.
///
/// The class is inetOrgPerson (RFC 2798), which has `mail` and `userCertificate`, and wants `cn` and `sn`: both are `name`.
pub fn ldif<'d>(
    address: &str,
    name: &str,
    base: &str,
    certificates: impl IntoIterator<Item = &'d [u8]>,
    out: &mut Vec<u8>,
) {
    let mut dn = format!("mail={}", dn_value(address));
    if !base.is_empty() {
        dn.push(',');
        dn.push_str(base);
    }
    out.push(b'\n');
    attribute("dn", &dn, out);
    attribute("objectClass", "inetOrgPerson", out);
    attribute("cn", name, out);
    attribute("sn", name, out);
    attribute("mail", address, out);
    for der in certificates {
        // RFC 4523 §2.1 and §4.1: the attribute is asked for and stored with the option `binary`.
        folded(
            &format!("userCertificate;binary:: {}", base64(der)),
            LDIF_COLUMNS,
            "\n",
            out,
        );
    }
}

/// One card: a name, an address and its certificates, DER each. Lines end in CR LF (RFC 6350 §3.2). Never fails.
pub fn vcard<'d>(
    address: &str,
    name: &str,
    certificates: impl IntoIterator<Item = &'d [u8]>,
    out: &mut Vec<u8>,
) {
    let mut line = |text: &str| folded(text, VCARD_OCTETS, "\r\n", out);
    line("BEGIN:VCARD");
    line("VERSION:4.0");
    line(&format!("FN:{}", card_text(name)));
    line(&format!("EMAIL:{}", card_text(address)));
    for der in certificates {
        // RFC 6350 §6.8.1, media type of RFC 2585 §4.1.
        line(&format!(
            "KEY:data:application/pkix-cert;base64,{}",
            base64(der)
        ));
    }
    line("END:VCARD");
}

/// Characters of a line at most, its end not counted. Origin: what LDIF programs write.
const LDIF_COLUMNS: usize = 76;

/// Octets of a line at most, its end not counted (RFC 6350 §3.2).
const VCARD_OCTETS: usize = 75;

/// `name: value`, as base64 where the value is no SAFE-STRING (RFC 2849, notes 4 and 5; a space at the end is not safe either, note 8).
fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    let safe = |c: char| c.is_ascii() && !matches!(c, '\0' | '\n' | '\r');
    let is_safe =
        value.chars().all(safe) && !value.starts_with([' ', ':', '<']) && !value.ends_with(' ');
    let line = if is_safe {
        format!("{name}: {value}")
    } else {
        format!("{name}:: {}", base64(value.as_bytes()))
    };
    folded(&line, LDIF_COLUMNS, "\n", out);
}

/// A line cut into pieces; all but the first begin with a space (RFC 2849 note 2, RFC 6350 §3.2). No character is cut.
fn folded(line: &str, octets: usize, end: &str, out: &mut Vec<u8>) {
    let mut rest = line;
    let mut room = octets;
    loop {
        let mut cut = rest.len().min(room);
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        let (piece, more) = rest.split_at(cut);
        out.extend_from_slice(piece.as_bytes());
        out.extend_from_slice(end.as_bytes());
        if more.is_empty() {
            return;
        }
        out.push(b' ');
        rest = more;
        room = octets - 1;
    }
}

/// An attribute value inside a distinguished name (RFC 4514 §2.4).
fn dn_value(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => {
                out.push('\\');
                out.push(c);
            }
            ' ' | '#' if index == 0 => {
                out.push('\\');
                out.push(c);
            }
            ' ' if index == last => out.push_str("\\ "),
            '\0' => out.push_str("\\00"),
            _ => out.push(c),
        }
    }
    out
}

/// A text value (RFC 6350 §3.4). Control characters, which are not allowed, are left out.
fn card_text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' | ',' | ';' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_folded_and_what_is_not_safe_is_base64() {
        let mut out = Vec::new();
        let der = [7; 100];
        ldif(
            "a+b@example.org",
            "Zoë ",
            "dc=example",
            [&der[..]],
            &mut out,
        );
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with(
            "\ndn: mail=a\\+b@example.org,dc=example\nobjectClass: inetOrgPerson\ncn:: Wm/DqyA=\nsn:: Wm/DqyA=\nmail: a+b@example.org\nuserCertificate;binary:: BwcH"
        ), "{text}");
        let mut lines = text.lines().filter(|line| line.len() >= LDIF_COLUMNS);
        assert!(lines.all(|line| line.len() == LDIF_COLUMNS));
        let unfolded = text.replace("\n ", "");
        assert!(unfolded.ends_with(&format!("userCertificate;binary:: {}\n", base64(&der))));
    }

    #[test]
    fn a_card_has_lines_of_75_octets_and_no_field_that_mail_could_add() {
        let mut out = Vec::new();
        let der = [7; 100];
        vcard("a@b.c", "Doe, J.\r\nKEY:x", [&der[..]], &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Doe\\, J.\\nKEY:x\r\nEMAIL:a@b.c\r\nKEY:data:application/pkix-cert;base64,"),
            "{text}"
        );
        assert!(text.ends_with("\r\nEND:VCARD\r\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= VCARD_OCTETS));
        assert!(text.replace("\r\n ", "").contains(&base64(&der)));
    }

    #[test]
    fn no_character_is_cut_in_two() {
        let mut out = Vec::new();
        folded(&"ë".repeat(60), 75, "\n", &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(text.replace("\n ", "").trim_end(), "ë".repeat(60));
    }
}
