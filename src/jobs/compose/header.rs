//! The header of a message that is sent: the stored one byte by byte, but for the fields that describe the body.

use zeroize::Zeroizing;

use crate::jobs::migrate::line_ends::{LineEnd, append};
use crate::mime::write::lines;
use crate::mime::write::protect::Outside;

/// Writes `outer` with `entity` in place of its body: MIME-Version and every Content-* field go, and with the others is done what `outside`
/// says of their names in lower case. Gives the message, in the line ends of its header, and where its body begins.
pub(super) fn with_entity(
    outer: &[u8],
    entity: &[u8],
    outside: impl Fn(&str) -> Outside,
) -> (Zeroizing<Vec<u8>>, usize) {
    let end = LineEnd::of(outer);
    let most = outer.len() + entity.len() + 64;
    let mut out = Zeroizing::new(Vec::with_capacity(most));
    for line in lines(outer) {
        let name = line.name();
        let is_ours = name == "mime-version" || name.starts_with("content-");
        if is_ours || name == "lines" {
            continue;
        }
        match outside(&name) {
            Outside::Removed => continue,
            Outside::Kept => out.extend_from_slice(line.bytes),
            Outside::Replaced(value) => {
                out.extend_from_slice(line.field.map_or(&b""[..], |field| field.name));
                out.extend_from_slice(b": ");
                out.extend_from_slice(value.as_bytes());
                out.extend_from_slice(end.bytes());
            }
        }
        if !out.ends_with(b"\n") {
            out.extend_from_slice(end.bytes());
        }
    }
    out.extend_from_slice(b"MIME-Version: 1.0");
    out.extend_from_slice(end.bytes());
    let body = memchr::memmem::find(entity, b"\r\n\r\n").map_or(entity.len(), |at| at + 4);
    let (fields, body) = entity.split_at_checked(body).unwrap_or((entity, &[]));
    append(&mut out, fields, end);
    let body_at = out.len();
    append(&mut out, body, end);
    (out, body_at)
}
