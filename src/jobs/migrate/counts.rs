//! What a migration has done so far, as the journal has it behind each block.

use serde::{Deserialize, Serialize};

use crate::archive::{Cursor, Stamp};
use crate::facts::record::Sha256;
use crate::jobs::bag::commit::Pending;
use crate::jobs::bag::open::OpenState;

/// The state behind a block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub cursor: Cursor,
    /// Bytes of `manifest.jsonl`, `manifest-sha256.txt` and `undecrypted.csv`.
    pub lengths: [u64; 3],
    pub counts: Counts,
    /// The number that the next temporary file gets.
    pub sequence: u64,
    /// The file that is being put together.
    pub open: Option<OpenState<FileTally>>,
    /// Files that are complete, synced and listed, and get their names now.
    pub pending: Vec<Pending>,
}

/// What is known of a file that is being put together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct FileTally {
    pub messages: u64,
    /// Over the digests of the messages, one after another.
    pub chain: Sha256,
    /// The file is no longer what it was.
    pub changed: bool,
    /// What its messages add to the counts.
    pub counts: Counts,
    /// Lengths before its first line.
    pub before: [u64; 3],
    /// A copy of the source takes its place.
    pub raw: Option<Raw>,
    /// Nothing takes its place.
    pub left_out: bool,
    /// Over the digests of the stored messages, one after another.
    pub source_chain: Sha256,
    /// What others did to the source meanwhile, as far as is known.
    pub seen: Seen,
    /// What the source was when it was found to hold what was read, where others had touched it.
    pub found: Option<Stamp>,
    /// A line says already what others did to it.
    pub is_named: bool,
}

/// What others did to a file while it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Seen {
    /// Nothing that was seen.
    #[default]
    Nothing,
    /// What was read is whole, and another file has its name, or none.
    Replaced,
    /// It was written: what was read may be part old and part new.
    Written,
}

/// Why a file is copied as it lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Raw {
    NoMail,
    CompressedDamaged,
    DecompressionRatio,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages read.
    pub messages: u64,
    /// Of them: replaced by their plaintext.
    pub decrypted: u64,
    /// Decrypted, and nothing authenticates the plaintext.
    pub without_integrity: u64,
    /// Not encrypted.
    pub not_encrypted: u64,
    /// Still encrypted, by reason: see [`REASONS`].
    pub kept: [u64; REASONS.len()],
    /// Messages over the limit, copied unread.
    pub skipped: u64,
    /// Stored in another variant.
    pub converted: u64,
    /// Files in the output.
    pub files: u64,
    /// Of them: without mail.
    pub other_files: u64,
    /// Bytes of the files in the output.
    pub bytes: u64,
    /// Links, pipes and such.
    pub left_out: u64,
    /// Mail was not read, or not all of it.
    pub incomplete: u64,
    /// Of the source, meanwhile: files that came, went, grew, were written or replaced.
    pub unsettled: u64,
}

/// Why messages stay encrypted, the worst first.
pub const REASONS: [&str; 15] = [
    "panic",
    "read_back_differs",
    "file_changed",
    "compressed_damaged",
    "damaged",
    "decrypt_failed",
    "key_locked",
    "no_key",
    "kdf_limit",
    "unsupported",
    "no_integrity",
    "encrypted_subpart",
    "boundary_collision",
    "not_representable",
    "other",
];

impl Counts {
    /// Counts a message that stays encrypted.
    pub(super) fn keep(&mut self, reason: &str) {
        let place = REASONS.iter().position(|known| *known == reason);
        let place = place.unwrap_or(REASONS.len() - 1);
        if let Some(count) = self.kept.get_mut(place) {
            *count += 1;
        }
    }

    /// Messages that stay encrypted.
    #[must_use]
    pub fn still_encrypted(&self) -> u64 {
        self.kept.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut kept = self.kept;
        for (count, more) in kept.iter_mut().zip(other.kept) {
            *count += more;
        }
        Self {
            messages: self.messages + other.messages,
            decrypted: self.decrypted + other.decrypted,
            without_integrity: self.without_integrity + other.without_integrity,
            not_encrypted: self.not_encrypted + other.not_encrypted,
            kept,
            skipped: self.skipped + other.skipped,
            converted: self.converted + other.converted,
            files: self.files + other.files,
            other_files: self.other_files + other.other_files,
            bytes: self.bytes + other.bytes,
            left_out: self.left_out + other.left_out,
            incomplete: self.incomplete + other.incomplete,
            unsettled: self.unsettled + other.unsettled,
        }
    }
}
