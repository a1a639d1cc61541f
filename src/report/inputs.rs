//! `inputs.csv`: a row for each file read, in archive order; its number, from 0, is `archive` everywhere else.

use crate::facts::record::Sha256;
use crate::report::csv::{Cells, Row};

/// The columns of `inputs.csv`.
pub const COLUMNS: &[&str] = &[
    "archive",
    "path",
    "kind",
    "mbox_variant",
    "bytes",
    "sha256",
    "messages",
    "smime_messages",
    "message_bytes",
    "between_bytes",
    "fault_bytes",
    "accounted_bytes",
];

/// A file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputRow<'a> {
    /// Its number, from 0.
    pub archive: u32,
    /// Its path, relative to the argument.
    pub path: &'a str,
    /// The group that summary.json counts it in; see [`folder`].
    pub folder: &'a str,
    /// `mbox`, `maildir`, `eml`, `cms`, `other` …
    pub kind: &'a str,
    /// Which mbox: `mboxo`, `mboxrd`, `mboxcl`, `mboxcl2`.
    pub mbox_variant: Option<&'a str>,
    /// Size as read, uncompressed.
    pub bytes: u64,
    /// Of the stored file, with `--hash-inputs`.
    pub sha256: Option<&'a Sha256>,
    /// Messages in it, those skipped not counted.
    pub messages: u64,
    /// Messages with S/MIME in them.
    pub smime_messages: u64,
    /// Bytes of the messages.
    pub message_bytes: u64,
    /// Bytes between messages: separator lines, and files that hold no mail.
    pub between_bytes: u64,
    /// Bytes that faults.csv accounts for.
    pub fault_bytes: u64,
}

/// The group of a message for the counts by folder: an mbox is one itself; other files are grouped by their directory,
/// a Maildir's `cur` and `new` being the same folder. Empty for files without a directory.
#[must_use]
pub fn folder(path: &str, mailbox: bool) -> &str {
    if mailbox {
        return path;
    }
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    for name in ["cur", "new"] {
        if directory == name {
            return "";
        }
        if let Some(folder) = directory
            .strip_suffix(name)
            .and_then(|rest| rest.strip_suffix('/'))
        {
            return folder;
        }
    }
    directory
}

/// Writes one row. Never fails.
pub fn row(input: &InputRow<'_>, cells: Cells, out: &mut Vec<u8>) {
    let mut row = Row::new(out, cells);
    row.number(input.archive)
        .text(input.path)
        .text(input.kind)
        .optional_text(input.mbox_variant)
        .number(input.bytes)
        .optional_hex(input.sha256.map(|sha256| sha256.as_slice()))
        .number(input.messages)
        .number(input.smime_messages)
        .number(input.message_bytes)
        .number(input.between_bytes)
        .number(input.fault_bytes)
        .number(input.accounted_bytes());
    row.end();
}

impl InputRow<'_> {
    /// Bytes of messages, between them and in faults; equal to `bytes`, or the run is incomplete.
    #[must_use]
    pub fn accounted_bytes(&self) -> u64 {
        self.message_bytes
            .saturating_add(self.between_bytes)
            .saturating_add(self.fault_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_is_a_folder_and_cur_is_none() {
        for (path, mailbox, expected) in [
            ("lists/2009.mbox", true, "lists/2009.mbox"),
            ("lists/1.eml", false, "lists"),
            ("1.eml", false, ""),
            ("mail/.Sent/cur/1:2,S", false, "mail/.Sent"),
            ("mail/new/1", false, "mail"),
            ("cur/1", false, ""),
            ("recur/1", false, "recur"),
        ] {
            assert_eq!(folder(path, mailbox), expected, "{path}");
        }
    }
}
