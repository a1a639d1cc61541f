//! The header of a decrypted message: the stored one byte by byte, but for the fields that describe the body.

use zeroize::Zeroizing;

use crate::jobs::migrate::line_ends::{LineEnd, append};
use crate::mime::write::{Line, describes_body, lines};

/// What fields of this program begin with, in lower case.
const OWN: &str = "x-mailseal-";

/// What a line that is no field of an inner header stands behind. No inner field is called so: those are all `X-Mailseal-Inner-…`.
const NOT_A_FIELD: &[u8] = b"X-Mailseal-Not-A-Field: ";

/// The fields of an entity's header that describe its body, and those that do not.
pub(super) fn split(block: &[u8]) -> (Vec<Line<'_>>, Vec<Line<'_>>) {
    lines(block).into_iter().partition(|line| {
        let name = line.name();
        describes_body(&name) || name == "mime-version"
    })
}

/// Fields that take the place of others.
pub(super) struct Restored<'a> {
    /// Their name in lower case.
    pub name: String,
    /// The lines that stand now.
    pub lines: Vec<Line<'a>>,
}

/// The changes to a header.
pub(super) struct Change<'a> {
    /// How its lines end.
    pub end: LineEnd,
    /// What describes the body from now on; None leaves what is there.
    pub entity: Option<Vec<Line<'a>>>,
    /// It is a message's, so Content-* fields need MIME-Version (RFC 2045 §4).
    pub of_message: bool,
    /// Protected fields (RFC 9788 §4.2).
    pub restored: Vec<Restored<'a>>,
    /// Fields at its end, in lines.
    pub added: Vec<Zeroizing<Vec<u8>>>,
}

impl Change<'_> {
    /// Appends the header block `outer`, changed. True if fields with names of this program had to be renamed.
    pub fn apply(&self, outer: &[u8], out: &mut Zeroizing<Vec<u8>>) -> bool {
        let mut renamed = false;
        let has_version = self
            .entity
            .iter()
            .flatten()
            .any(|line| line.name() == "mime-version");
        let outer_version = lines(outer)
            .iter()
            .any(|line| line.name() == "mime-version");
        let mut pending = self.entity.as_deref();
        let mut entity = |out: &mut Zeroizing<Vec<u8>>| {
            let Some(lines) = pending.take() else { return };
            if self.of_message && !lines.is_empty() && !has_version && !outer_version {
                out.extend_from_slice(b"MIME-Version: 1.0");
                out.extend_from_slice(self.end.bytes());
            }
            for line in lines {
                self.line(b"", line.bytes, out);
            }
        };
        let mut restored: Vec<bool> = vec![false; self.restored.len()];
        for line in lines(outer) {
            let name = line.name();
            let replaced = describes_body(&name) || (has_version && name == "mime-version");
            if self.entity.is_some() && replaced {
                entity(out);
                continue;
            }
            if let Some(at) = self.restored.iter().position(|one| one.name == name) {
                if let Some(done) = restored.get_mut(at)
                    && !std::mem::replace(done, true)
                {
                    self.restore(at, out);
                }
                let own = line.field.map_or(&b""[..], |field| field.name);
                let prefix = [b"X-Mailseal-Outer-", own, b":"].concat();
                self.kept(&prefix, line.behind_colon(), out);
            } else if self.of_message && name.starts_with(OWN) {
                renamed = true;
                let own = line.field.map_or(&b""[..], |field| field.name);
                let own = own.get(OWN.len()..).unwrap_or_default();
                let prefix = [b"X-Mailseal-Source-", own, b":"].concat();
                self.kept(&prefix, line.behind_colon(), out);
            } else {
                self.kept(b"", line.bytes, out);
            }
        }
        entity(out);
        for (at, done) in restored.into_iter().enumerate() {
            if !done {
                self.restore(at, out);
            }
        }
        for line in &self.added {
            self.line(b"", line, out);
        }
        renamed
    }

    fn restore(&self, at: usize, out: &mut Zeroizing<Vec<u8>>) {
        for line in self.restored.get(at).iter().flat_map(|one| &one.lines) {
            self.line(b"", line.bytes, out);
        }
    }

    /// A stored line as it is; the last one may lack its end.
    fn kept(&self, prefix: &[u8], bytes: &[u8], out: &mut Zeroizing<Vec<u8>>) {
        out.extend_from_slice(prefix);
        out.extend_from_slice(bytes);
        if !bytes.ends_with(b"\n") {
            out.extend_from_slice(self.end.bytes());
        }
    }

    /// A line from elsewhere, with the header's line ends.
    fn line(&self, prefix: &[u8], bytes: &[u8], out: &mut Zeroizing<Vec<u8>>) {
        out.extend_from_slice(prefix);
        append(out, bytes, self.end);
        if !bytes.ends_with(b"\n") {
            out.extend_from_slice(self.end.bytes());
        }
    }
}

/// A line of an inner header that has no place outside, under a name that says so: a field as `X-Mailseal-Inner-…`, what is no field
/// whole.
pub(super) fn inner(line: &Line<'_>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match line.field {
        Some(field) => [b"X-Mailseal-Inner-", field.name, b":", line.behind_colon()].concat(),
        None => [NOT_A_FIELD, line.bytes].concat(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::header::Header;

    fn change<'a>(entity: &'a [u8]) -> Change<'a> {
        Change {
            end: LineEnd::Lf,
            entity: Some(split(entity).0),
            of_message: true,
            restored: Vec::new(),
            added: Vec::new(),
        }
    }

    fn apply(change: &Change<'_>, outer: &[u8]) -> String {
        let mut out = Zeroizing::new(Vec::new());
        change.apply(outer, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn only_what_describes_the_body_is_replaced_and_at_its_first_place() {
        let outer =
            b">From x\nReceived: a\n\tb\nContent-type: application/pkcs7-mime;\n name=a.p7m\nSUBJECT :  x \nno field\nMIME-Version: 1.0 (q)\n\
              Content-Description: S/MIME\nContent-Length: 5\nSubject: again\nX-8bit: \xe4";
        let read = apply(
            &change(b"Content-Type: text/plain;\r\n charset=utf-8\r\nSubject: inner\r\n"),
            outer,
        );
        assert_eq!(
            read,
            ">From x\nReceived: a\n\tb\nContent-Type: text/plain;\n charset=utf-8\nSUBJECT :  x \nno field\nMIME-Version: 1.0 (q)\n\
             Content-Length: 5\nSubject: again\nX-8bit: \u{fffd}\n"
        );
        let read = apply(
            &change(b"MIME-Version: 1.0\r\nContent-Type: a/b\r\n"),
            outer,
        );
        assert!(read.contains("\tb\nMIME-Version: 1.0\nContent-Type: a/b\nSUBJECT"));
        assert!(!read.contains("(q)"));
    }

    #[test]
    fn nothing_of_the_outer_description_survives_an_entity_without_one() {
        let outer = b"A: b\nContent-Type: x/y\nContent-Description: z\nMIME-Version: 1.0\n";
        assert_eq!(apply(&change(b""), outer), "A: b\nMIME-Version: 1.0\n");
        assert_eq!(
            apply(&change(b"Content-Type: c/d\r\n"), b"A: b\n"),
            "A: b\nMIME-Version: 1.0\nContent-Type: c/d\n"
        );
    }

    #[test]
    fn names_of_this_program_are_renamed_in_the_source() {
        assert_eq!(
            apply(&change(b""), b"x-mailseal-Decrypted: v=1\nA: b\n"),
            "X-Mailseal-Source-Decrypted: v=1\nA: b\n"
        );
    }

    #[test]
    fn a_line_that_is_no_field_becomes_one_field() {
        for block in [
            &b"no field\r\n and on\r\n"[..],
            b"\tx\r\n",
            b">From a: b",
            b"\xff\0",
        ] {
            let all = lines(block);
            let read: Vec<_> = all.iter().map(inner).collect();
            assert_eq!(read.len(), 1, "{block:?}");
            let mut fields = Header::new(&read[0]).fields();
            let field = fields.next().unwrap();
            assert_eq!(field.name, b"X-Mailseal-Not-A-Field");
            assert!(fields.next().is_none());
            assert!(read[0].ends_with(block));
        }
    }

    #[test]
    fn the_lines_are_all_there() {
        for block in [
            &b"\tx\nA: b\n c\n\r\nB\n: d\nC:"[..],
            b"",
            b"\n",
            b"a\r\n b",
            b"A:\n\xff\n >From \n",
        ] {
            let all: Vec<u8> = lines(block)
                .iter()
                .flat_map(|line| line.bytes.to_vec())
                .collect();
            assert_eq!(all, block);
            assert_eq!(
                lines(block)
                    .iter()
                    .filter(|line| line.field.is_some())
                    .count(),
                Header::new(block).fields().count()
            );
        }
    }
}
