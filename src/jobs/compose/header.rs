//! The header of a message that is sent: the stored one byte by byte, but for the fields that describe the body.

use zeroize::Zeroizing;

use crate::jobs::migrate::line_ends::{LineEnd, append};
use crate::mime::write::lines;

/// Writes `outer` with `entity` in place of its body: MIME-Version and every Content-* field go, and so do those in `left_out` (names in
/// lower case). Gives the message, in the line ends of its header, and where its body begins.
pub(super) fn with_entity(
    outer: &[u8],
    entity: &[u8],
    left_out: &[&str],
) -> (Zeroizing<Vec<u8>>, usize) {
    let end = LineEnd::of(outer);
    let most = outer.len() + entity.len() + 64;
    let mut out = Zeroizing::new(Vec::with_capacity(most));
    for line in lines(outer) {
        let name = line.name();
        let is_ours = name == "mime-version" || name.starts_with("content-");
        if is_ours || name == "lines" || left_out.contains(&name.as_str()) {
            continue;
        }
        out.extend_from_slice(line.bytes);
        if !line.bytes.ends_with(b"\n") {
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
