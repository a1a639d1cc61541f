//! What the archive hands on: blocks of messages, and everything else that was in the files.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

use crate::archive::compressed::Broken;
use crate::archive::cursor::Cursor;
use crate::archive::mbox::variant::Variant;
use crate::mime::message::Form;
use crate::mime::message::Message;
use crate::mime::message::Origin;

/// Some messages in archive order, with their bytes.
#[derive(Debug)]
pub struct Block {
    /// The bytes of the block's messages, and some between them. Give the vector back with `Archive::recycle`.
    pub bytes: Vec<u8>,
    /// What was found, in archive order.
    pub items: Vec<Item>,
    /// The position behind this block, for `Archive::resume`.
    pub end: Cursor,
    /// Bytes on disk that were read for this block and its look-ahead; over a run they add up to the files' sizes, except for
    /// what was skipped.
    pub source_bytes: u64,
}

impl Block {
    /// One of this block's messages. Empty bytes if `located` is of another block.
    #[must_use]
    pub fn message(&self, located: &Located) -> Message<'_> {
        Message {
            bytes: self.bytes.get(located.range.clone()).unwrap_or_default(),
            form: located.form,
            origin: located.origin,
        }
    }
}

/// One thing found. Offsets and lengths are in bytes of the uncompressed file between whose `FileStart` and `FileEnd` the item stands;
/// the items of a file lie gapless behind one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A file begins.
    FileStart {
        /// Its number: a row of inputs.csv.
        input: u32,
        /// Where it is and what it is.
        file: FileInfo,
    },
    /// A message.
    Message(Located),
    /// Bytes that belong to no message: separators, the blank line before one, a byte order mark, files that are no mail.
    Between {
        /// Where they begin.
        offset: u64,
        /// How many.
        length: u64,
        /// Where they lie in [`Block::bytes`]; None for a file that is no mail, which was not read.
        range: Option<Range<usize>>,
    },
    /// Something that could not be read or was skipped.
    Fault(Fault),
    /// A file ends.
    FileEnd {
        /// The number of its `FileStart`.
        input: u32,
        /// Bytes accounted for: the lengths of all items since `FileStart`. For [`Kind::Other`] the bytes on disk.
        bytes: u64,
        /// How the mbox is written, for [`Kind::Mbox`].
        variant: Option<Variant>,
        /// What it was.
        kind: Kind,
    },
}

/// A message's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where it begins in the uncompressed file, behind the separator.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Where it lies in [`Block::bytes`].
    pub range: Range<usize>,
    /// What the bytes are.
    pub form: Form,
    /// What the place says about it.
    pub origin: Origin,
}

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Which argument it was found under, from 0.
    pub argument: u32,
    /// Path relative to the argument, raw; for an argument that is a file its name; `-` for standard input.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// How it is compressed.
    pub compression: Compression,
    /// Bytes on disk when it was opened; None for a stream.
    pub stored_bytes: Option<u64>,
    /// What the system said of the file when it was opened; None for a stream. Not written down: other machines say something else.
    #[serde(skip)]
    pub stamp: Option<Stamp>,
    /// How the mbox is written. Not written down here: a cursor has it elsewhere.
    #[serde(skip)]
    pub variant: Option<Variant>,
}

/// What tells whether a file was changed or replaced while it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The device.
    pub device: u64,
    /// The file's number on it.
    pub inode: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Last change of the content, in seconds since 1970.
    pub modified_seconds: i64,
    /// And nanoseconds.
    pub modified_nanoseconds: i64,
}

impl Stamp {
    /// Of a file's metadata.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
        }
    }
}

impl FileInfo {
    /// It is a folder of messages by itself; other files are one message of their directory.
    #[must_use]
    pub fn is_mailbox(&self) -> bool {
        match self.kind {
            Kind::Mbox => true,
            Kind::Maildir | Kind::Eml | Kind::Cms | Kind::Other | Kind::Unread => false,
        }
    }

    /// The path for people, as [`shown`] gives it.
    #[must_use]
    pub fn shown_path(&self) -> String {
        shown(&self.path)
    }
}

/// A path for people: `%XX` for what is no UTF-8, for control characters and for `%` itself, so that it can be undone.
#[must_use]
pub fn shown(path: &[u8]) -> String {
    let mut shown = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || character == '%' {
                escape(&mut shown, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                shown.push(character);
            }
        }
        escape(&mut shown, chunk.invalid());
    }
    shown
}

/// The path that [`shown`] made `text` of. A `%` without two digits behind it stays as it is. Never fails.
#[must_use]
pub fn unshown(text: &str) -> Vec<u8> {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let octet = behind.get(..2).filter(|_| *first == b'%');
        let octet = octet
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        path.push(octet.unwrap_or(*first));
        rest = match octet {
            Some(_) => behind.get(2..).unwrap_or_default(),
            None => behind,
        };
    }
    path
}

fn escape(shown: &mut String, bytes: &[u8]) {
    for byte in bytes {
        shown.push_str(&format!("%{byte:02X}"));
    }
}

/// The items of something that was not opened.
pub(super) fn unread(input: u32, argument: u32, path: Vec<u8>, broken: Broken) -> [Item; 3] {
    let file = FileInfo {
        argument,
        path,
        kind: Kind::Unread,
        compression: Compression::None,
        stored_bytes: None,
        stamp: None,
        variant: None,
    };
    let fault = Fault {
        code: broken.code,
        offset: 0,
        length: 0,
        detail: broken.detail,
    };
    let end = Item::FileEnd {
        input,
        bytes: 0,
        variant: None,
        kind: Kind::Unread,
    };
    [Item::FileStart { input, file }, Item::Fault(fault), end]
}

/// The end of a file that an earlier run began, and that is gone.
pub(super) fn gone(input: u32, kind: Kind, offset: u64) -> [Item; 2] {
    let fault = Fault {
        code: FaultCode::Vanished,
        offset,
        length: 0,
        detail: FaultDetail::None,
    };
    let end = Item::FileEnd {
        input,
        bytes: offset,
        variant: None,
        kind,
    };
    [Item::Fault(fault), end]
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Messages behind `From ` lines.
    Mbox,
    /// One message in `cur` or `new` of a Maildir.
    Maildir,
    /// One message.
    Eml,
    /// A CMS structure, DER or PEM.
    Cms,
    /// No mail, or empty.
    Other,
    /// Not opened, or damaged before it could be told what it is; the fault beside it says why.
    Unread,
}

impl Kind {
    /// The report's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mbox => "mbox",
            Self::Maildir => "maildir",
            Self::Eml => "eml",
            Self::Cms => "cms",
            Self::Other => "other",
            Self::Unread => "unread",
        }
    }
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd,
}

impl Compression {
    /// The report's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Something that could not be read or was skipped: a row of faults.csv.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happened.
    pub code: FaultCode,
    /// Where, in the uncompressed file.
    pub offset: u64,
    /// How many bytes are left out; 0 where that is unknown (the rest of a compressed file) or nothing is.
    pub length: u64,
    /// What else is known.
    pub detail: FaultDetail,
}

/// Why something was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultCode {
    /// A message over the limit.
    MessageTooLarge,
    /// The system failed while a file was read.
    ReadError,
    /// A file or folder can't be opened.
    Unreadable,
    /// A symbolic link inside a folder.
    SkippedSymlink,
    /// A symbolic link inside a folder that leads to a folder outside of the archive, or a message of a Maildir that is a link.
    LinkNotFollowed,
    /// A pipe, device or socket inside a folder.
    NotARegularFile,
    /// A Maildir lacks `cur` or `new`.
    FolderMissing,
    /// Folders nested over the limit.
    FolderTooDeep,
    /// Compressed data that is damaged or ends too early.
    CompressedDamaged,
    /// Compressed data that inflates over the limit.
    DecompressionRatio,
    /// Bytes before an mbox's first separator that are no message.
    BeforeFirstSeparator,
    /// A file whose name says that it is mail, and whose content does not.
    NotRecognised,
    /// A file was there when the run began, and was gone before it was read.
    Vanished,
    /// A file came while the run went on, and was not read.
    Appeared,
    /// A file grew while the run went on; what was added was not read.
    FileGrew,
    /// A file was written while it was read: what was read of it may be part old and part new.
    FileChanged,
    /// Another file was put in a file's place, or nothing, while it was read: what was read is whole, and is what was there before.
    FileReplaced,
}

impl FaultCode {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::MessageTooLarge,
        Self::ReadError,
        Self::Unreadable,
        Self::SkippedSymlink,
        Self::LinkNotFollowed,
        Self::NotARegularFile,
        Self::FolderMissing,
        Self::FolderTooDeep,
        Self::CompressedDamaged,
        Self::DecompressionRatio,
        Self::BeforeFirstSeparator,
        Self::NotRecognised,
        Self::Vanished,
        Self::Appeared,
        Self::FileGrew,
        Self::FileChanged,
        Self::FileReplaced,
    ];

    /// Mail was left unread because of it: the run is incomplete. Devices, and links to what is
    /// read anyway or to single files, are left out by design.
    #[must_use]
    pub fn leaves_mail_unread(self) -> bool {
        match self {
            Self::MessageTooLarge
            | Self::ReadError
            | Self::Unreadable
            | Self::FolderMissing
            | Self::FolderTooDeep
            | Self::CompressedDamaged
            | Self::DecompressionRatio
            | Self::NotRecognised
            | Self::LinkNotFollowed
            | Self::Vanished
            | Self::Appeared
            | Self::FileGrew
            | Self::FileChanged
            | Self::FileReplaced => true,
            Self::SkippedSymlink | Self::NotARegularFile | Self::BeforeFirstSeparator => false,
        }
    }

    /// The report's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessageTooLarge => "message_too_large",
            Self::ReadError => "read_error",
            Self::Unreadable => "unreadable",
            Self::SkippedSymlink => "skipped_symlink",
            Self::NotARegularFile => "not_a_regular_file",
            Self::FolderMissing => "folder_missing",
            Self::FolderTooDeep => "folder_too_deep",
            Self::CompressedDamaged => "compressed_damaged",
            Self::DecompressionRatio => "decompression_ratio",
            Self::BeforeFirstSeparator => "before_first_separator",
            Self::NotRecognised => "not_recognised",
            Self::LinkNotFollowed => "link_not_followed",
            Self::Vanished => "vanished",
            Self::Appeared => "appeared",
            Self::FileGrew => "file_grew",
            Self::FileChanged => "file_changed",
            Self::FileReplaced => "file_replaced",
        }
    }
}

/// What else is known of a fault. Its display is the report's text; the same on every machine, and empty for `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultDetail {
    /// Nothing.
    None,
    /// What the system, or the decoder, said.
    Io(io::ErrorKind),
    /// Bytes on disk that were not read.
    StoredBytesLeft(u64),
}

impl fmt::Display for FaultDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Io(kind) => write!(f, "{kind}"),
            Self::StoredBytesLeft(bytes) => write!(f, "{bytes} bytes of the file left unread"),
        }
    }
}
