//! A worker's part: one message to the messages that are written for it and the lines about it.

use zeroize::Zeroizing;

use crate::archive::write::mbox::{self, CannotRepresent};
use crate::archive::{Kind, Variant};
use crate::crypto::digest::sha256;
use crate::facts::headers::headers;
use crate::facts::record::Sha256;
use crate::facts::{Collected, Scratch};
use crate::jobs::compose::message::{Composed, Means, Sent};
use crate::jobs::compose::refusal::{Problem, Refused};
use crate::mime::header::Header;
use crate::pipeline::Placed;

/// How messages are composed and stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'p> {
    pub means: Means<'p>,
    /// `--mbox-format`
    pub format: Option<Variant>,
}

/// What becomes of one message.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Of the stored message.
    pub sha256: Sha256,
    pub message_id: Option<String>,
    pub result: Fate,
}

#[derive(Debug)]
pub(super) enum Fate {
    Skipped(Vec<&'static str>),
    Refused(Vec<Refused>),
    Written(Vec<Written>),
}

/// A message as its file stores it.
#[derive(Debug)]
pub(super) struct Written {
    pub bytes: Zeroizing<Vec<u8>>,
    pub sha256: Sha256,
    pub sent: Sent,
}

impl Plan<'_> {
    pub fn work(&self, placed: Placed<'_>, collected: Collected, scratch: &mut Scratch) -> Outcome {
        let stored = placed.message.bytes;
        let composed = self.means.compose(placed.message, &collected, scratch);
        let result = match composed {
            Composed::Skipped(layers) => Fate::Skipped(layers),
            Composed::Refused(refused) => Fate::Refused(refused),
            Composed::Sent(sent) => sent
                .into_iter()
                .map(|sent| self.written(placed, sent))
                .collect::<Result<_, _>>()
                .map_or_else(
                    |problem| Fate::Refused(vec![Refused::message(problem)]),
                    Fate::Written,
                ),
        };
        let header = stored.get(..mbox::body_at(stored)).unwrap_or_default();
        let id = headers(&Header::new(header)).message_id;
        Outcome {
            sha256: sha256(stored),
            message_id: id.map(|id| id.text),
            result,
        }
    }

    fn written(&self, placed: Placed<'_>, sent: Sent) -> Result<Written, Problem> {
        let variant = placed.file.variant;
        let bytes = match variant.filter(|_| placed.file.kind == Kind::Mbox) {
            None => sent.bytes.clone(),
            Some(variant) => {
                let variant = mbox::target(variant, self.format);
                // The blank line behind it is written by the writer, whatever the source has there.
                mbox::stored(&sent.bytes, sent.body_at, variant, b"\n")
                    .map(|stored| stored.bytes)
                    .map_err(|CannotRepresent| Problem::NotRepresentable)?
            }
        };
        Ok(Written {
            sha256: sha256(&bytes),
            bytes,
            sent,
        })
    }
}
