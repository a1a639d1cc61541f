//! `manifest.jsonl` and `undecrypted.csv` of a migrated archive, `manifest.jsonl` of one that is sent: what was where, what was done to
//! it, and where it is now.

use serde::{Deserialize, Serialize};

use crate::report::csv::{Cells, Row};

/// The schema that every line of `manifest.jsonl` names.
pub const SCHEMA: &str = "mailseal/migration/1";

/// One line of `manifest.jsonl`. Digests are lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// What the line is about.
    pub kind: Kind,
    /// What was done.
    pub action: Action,
    /// Why a message was not decrypted, or something left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// As written, for a message with S/MIME in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Where it was.
    pub source: SourcePlace,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputPlace>,
    /// Of the outermost CMS structure, as decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cms_sha256: Option<String>,
    /// Of the innermost plaintext, as decrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_sha256: Option<String>,
    /// `aead`, `inner_signature`, `none`: the weakest of the layers taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
    /// What was taken off, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// `code` or `code@place`; the place is a layer's path, of `inner_fields_restored` the field's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// What the provenance field says, or would say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// SHA-256 of the certificate of who signed a message that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_sha256: Option<String>,
    /// To whom a message that was sent is to be delivered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub envelope: Vec<String>,
    /// To whose certificates it is encrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<SentTo>,
    /// The content cipher's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// It is the message of one recipient of Bcc; the line before it has the same source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bcc: bool,
}

/// A recipient of a message that was encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentTo {
    /// His address.
    pub address: String,
    /// SHA-256 of his certificate.
    pub certificate_sha256: String,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A message.
    Message,
    /// A file without messages.
    File,
    /// Bytes that were taken over unread: a message over the limit.
    Skipped,
    /// Something of the source that is not in the output: a link, a pipe, a file that can't be read.
    LeftOut,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Taken over as it was, byte for byte.
    Copied,
    /// Stored in another mbox variant; nothing was decrypted.
    Converted,
    /// Replaced by its plaintext.
    Decrypted,
    /// Signed.
    Signed,
    /// Encrypted.
    Encrypted,
    /// Signed, then encrypted.
    SignedEncrypted,
    /// Signed, encrypted, and signed again.
    TripleWrapped,
    /// Not sent; `refused.csv` says why.
    Refused,
    /// Not sent: it is signed or encrypted already.
    Skipped,
    /// Nothing.
    LeftOut,
}

impl Action {
    /// The message is one to be sent: what is written is not what was stored.
    #[must_use]
    pub fn sends(self) -> bool {
        match self {
            Self::Signed | Self::Encrypted | Self::SignedEncrypted | Self::TripleWrapped => true,
            Self::Copied
            | Self::Converted
            | Self::Decrypted
            | Self::Refused
            | Self::Skipped
            | Self::LeftOut => false,
        }
    }
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePlace {
    /// Which archive named on the command line, from 0.
    pub archive: u32,
    /// Relative to it; `%XX` for what is no UTF-8, for control characters and `%`.
    pub path: String,
    /// Bytes from the start of the uncompressed file.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Of these bytes; absent where they were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A place in the bag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPlace {
    /// Relative to the bag, escaped as in [`SourcePlace`].
    pub path: String,
    /// Bytes from the start of the uncompressed file.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Of these bytes.
    pub sha256: String,
    /// Of the bytes between the message before, or the start of the file, and this one; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_sha256: Option<String>,
}

/// A layer that was taken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// As in a report.
    pub path: String,
    /// As in a report.
    pub kind: String,
    /// `enveloped` or `auth_enveloped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The cipher's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// Bits of its key, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_bits: Option<u32>,
    /// The recipient whose key opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// `aead`, `inner_signature`, `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
    /// Of the plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plaintext_sha256: Option<String>,
}

/// Whose key opened a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// How the content key reached it.
    pub kind: String,
    /// SHA-256 of the issuer's name, DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_sha256: Option<String>,
    /// Lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ski: Option<String>,
}

/// Reads a line of `manifest.jsonl`; None where it is no such line.
#[must_use]
pub fn read(line: &[u8]) -> Option<Record> {
    let record: Record = serde_json::from_slice(line).ok()?;
    (record.schema == SCHEMA).then_some(record)
}

/// The columns of `undecrypted.csv`.
pub const UNDECRYPTED_COLUMNS: &[&str] = &["path", "offset", "message_id", "recipients", "reason"];

/// A row of `undecrypted.csv`: a message in the output that is still encrypted, or was not read. Never fails.
pub fn undecrypted(
    place: &SourcePlace,
    message_id: Option<&str>,
    recipients: &[String],
    reason: &str,
    cells: Cells,
    out: &mut Vec<u8>,
) {
    let mut row = Row::new(out, cells);
    row.text(&place.path)
        .number(place.offset)
        .optional_text(message_id)
        .text(&recipients.join("; "))
        .word(reason);
    row.end();
}
