//! Encrypted parts beside others, each replaced by itself (`--allow-partial`).

use std::ops::Range;

use memchr::memchr_iter;
use zeroize::Zeroizing;

use crate::facts::finding::Finding;
use crate::facts::layer_path;
use crate::facts::record::Sha256;
use crate::jobs::migrate::header::{Change, split};
use crate::jobs::migrate::line_ends::{LineEnd, append, converts, is_binary};
use crate::jobs::migrate::message::{FIELD_GROWTH, Kept};
use crate::jobs::migrate::peel::{Entity, Peeled, Peeler, is_encrypted};
use crate::jobs::migrate::protected::beside;
use crate::mime::Tree;
use crate::mime::canonical::{LineEnds, Unquote, feed};
use crate::mime::media::Reading;
use crate::mime::message::Quoting;

/// An entity with parts replaced.
pub(super) struct Spliced {
    pub bytes: Zeroizing<Vec<u8>>,
    /// Layers taken off, part by part.
    pub removed: Vec<usize>,
    /// Of the first CMS structure that was replaced.
    pub cms_sha256: Sha256,
    /// A part has other line ends than those around it.
    pub line_ends_kept: bool,
    /// A header inside had a line that is no field.
    pub stray: Option<Finding>,
}

/// Replaces what can be opened in `entity`, of which no layer is the whole.
///
/// What is inside a signature is left: it would not verify any more. So is what lies in an mbox whose quoting can't be undone.
///
/// # Errors
/// Why nothing was replaced.
pub(super) fn splice(
    peeler: &mut Peeler<'_>,
    entity: &Entity<'_>,
    quoting: Quoting,
) -> Result<Spliced, Kept> {
    let bytes = entity.bytes.clone();
    let tree = Tree::read(&bytes, peeler.limits);
    let mut found: Vec<(Range<usize>, Zeroizing<Vec<u8>>)> = Vec::new();
    let mut all: Option<Spliced> = None;
    let mut refused = Kept::EncryptedSubpart;
    for part in 0..tree.parts.len() {
        let inside = tree.ancestry(part).any(|above| above == entity.root);
        let path = layer_path(&entity.prefix, &tree.number(part));
        let is_here = peeler.facts.layers.iter().any(|layer| {
            is_encrypted(layer) && layer.inside == entity.inside && layer.path == path
        });
        if !inside || !is_here {
            continue;
        }
        let peeled = match peeler.peel(&entity.part(part)) {
            Ok(peeled) => peeled,
            Err(why) => {
                refused = why.unwrap_or(refused);
                continue;
            }
        };
        let Piece(piece, kept_ends, stray) = replaced(&tree, part, &peeled, peeler)?;
        let this = tree.parts.get(part).ok_or(Kept::Damaged)?;
        found.push((this.entity.clone(), piece));
        let so_far = all.get_or_insert(Spliced {
            bytes: Zeroizing::new(Vec::new()),
            removed: Vec::new(),
            cms_sha256: peeled.cms_sha256,
            line_ends_kept: false,
            stray: None,
        });
        so_far.removed.extend(peeled.removed);
        so_far.line_ends_kept |= kept_ends;
        so_far.stray = so_far.stray.or(stray);
    }
    let mut spliced = all.ok_or(refused)?;
    let root = tree.parts.get(entity.root).ok_or(Kept::Damaged)?;
    let pieces: usize = found.iter().map(|(_, piece)| piece.len()).sum();
    spliced.bytes.reserve_exact(bytes.len() + pieces);
    let mut at = root.entity.start;
    for (range, piece) in &found {
        let between = bytes.get(at..range.start).ok_or(Kept::Damaged)?;
        unquoted(between, quoting, &mut spliced.bytes)?;
        spliced.bytes.extend_from_slice(piece);
        at = range.end;
    }
    let behind = bytes.get(at..root.entity.end).ok_or(Kept::Damaged)?;
    unquoted(behind, quoting, &mut spliced.bytes)?;
    Ok(spliced)
}

/// What takes the place of a part, whether it has other line ends, and whether a header inside had a line that is no field.
struct Piece(Zeroizing<Vec<u8>>, bool, Option<Finding>);

/// The part with what was inside it: its own header but for Content-*, and the plaintext's body. Fields inside that have no place are
/// kept under another name.
fn replaced(
    tree: &Tree<'_>,
    part: usize,
    peeled: &Peeled<'_>,
    peeler: &Peeler<'_>,
) -> Result<Piece, Kept> {
    let this = tree.parts.get(part).ok_or(Kept::Damaged)?;
    let entity = peeled
        .entity
        .clone()
        .into_mime(peeler.facts, peeler.limits)?;
    let inner = Tree::read(&entity.bytes, peeler.limits);
    let content = inner.parts.get(entity.root).ok_or(Kept::Damaged)?;
    let end = LineEnd::of(tree.slice(&this.entity));
    let body = inner.slice(&content.body);
    let (own, header) = (tree.header(part), inner.slice(&content.header));
    let mut added = Vec::new();
    let mut stray = None;
    for lost in peeled.lost.iter().map(|one| one.as_slice()).chain([header]) {
        let (lines, finding) = beside(lost, &own);
        added.extend(lines);
        stray = stray.or(finding);
    }
    let gone: usize = added.iter().map(|line| line.len()).sum();
    let change = Change {
        end,
        entity: Some(split(header).0),
        of_message: tree.is_message_root(part),
        restored: Vec::new(),
        added,
    };
    // Room for all of it, so that a buffer that grows leaves no half behind.
    let lines = memchr_iter(b'\n', body).count();
    let fields = FIELD_GROWTH * (this.header.len() + content.header.len()) + gone + FIELD_GROWTH;
    let mut piece = Zeroizing::new(Vec::with_capacity(body.len() + lines + fields));
    change.apply(tree.slice(&this.header), &mut piece);
    piece.extend_from_slice(end.bytes());
    let fits = converts(body, end, is_binary(&inner, entity.root));
    if fits {
        append(&mut piece, body, end);
    } else {
        piece.extend_from_slice(body);
    }
    let around = tree.ancestry(part).skip(1);
    let boundaries: Vec<Vec<u8>> = around
        .filter_map(|above| tree.parts.get(above))
        .flat_map(|above| {
            [Reading::First, Reading::Last]
                .map(|reading| above.media.parameter("boundary", reading))
        })
        .flatten()
        .collect();
    if has_delimiter(&piece, &boundaries) {
        return Err(Kept::BoundaryCollision);
    }
    Ok(Piece(piece, !fits, stray))
}

/// A line begins as a delimiter of one of these boundaries does (RFC 2046 §5.1.1).
fn has_delimiter(bytes: &[u8], boundaries: &[Vec<u8>]) -> bool {
    let starts = std::iter::once(0).chain(memchr_iter(b'\n', bytes).map(|at| at + 1));
    starts
        .filter_map(|at| bytes.get(at..)?.strip_prefix(b"--"))
        .any(|line| boundaries.iter().any(|one| line.starts_with(one)))
}

/// Appends stored bytes without the quoting of the mbox they lie in.
fn unquoted(bytes: &[u8], quoting: Quoting, out: &mut Zeroizing<Vec<u8>>) -> Result<(), Kept> {
    let unquote = match quoting {
        Quoting::None => Unquote::None,
        Quoting::Mboxrd => Unquote::Rd,
        Quoting::Mboxo | Quoting::Ambiguous => {
            let mut quoted = bytes.split(|byte| *byte == b'\n').filter(|line| {
                let marks = line.iter().take_while(|byte| **byte == b'>').count();
                marks > 0
                    && line
                        .get(marks..)
                        .is_some_and(|rest| rest.starts_with(b"From "))
            });
            if quoted.next().is_some() {
                return Err(Kept::EncryptedSubpart);
            }
            Unquote::None
        }
    };
    feed(bytes, LineEnds::AsStored, unquote, |piece| {
        out.extend_from_slice(piece);
    });
    Ok(())
}
