//! A migrated archive, or one that is to be sent, against its manifests, and against its source.
//!
//! The files about the bag against each other (`tags`), the files below `data` against `manifest-sha256.txt`, and then every message, and
//! the bytes before it, against `manifest.jsonl`, so that a changed byte is named with its message.

mod places;

mod signature;

mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::archive::{Archive, FaultCode, Item, ReadOptions, shown, unshown};
use crate::error::RunError;
use crate::jobs::bag::folder::{BAG_NAMES, PAYLOAD, RECORDS};
use crate::jobs::bag::tags::COVERED;
use crate::jobs::check::places::{Compared, Places, Root, is_relative};
use crate::jobs::check::tags::Tags;
use crate::jobs::files::digest_of;
use crate::report::custody::{self, Kind, Record};
use crate::report::encode::hex;

/// What to check.
#[derive(Clone, Copy, Debug)]
pub struct Check<'c> {
    /// The bag.
    pub bag: &'c Path,
    /// The archives that it was made of; none to leave them out.
    pub source: &'c [PathBuf],
}

/// Something that is not as the manifests say. Its display is a line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// A file, or `file#offset` of a message.
    pub place: String,
    /// The message's, where it is known.
    pub message_id: Option<String>,
    /// What.
    pub what: What,
}

/// What is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A message's bytes.
    MessageChanged,
    /// The bytes before a message: the line that separates it from the one before.
    BeforeChanged,
    /// The bytes behind a file's last message, or the compression of them all.
    BehindChanged,
    /// A file without messages.
    FileChanged,
    /// A file that is listed is not there.
    Missing,
    /// A file is there that is not listed.
    Extra,
    /// A file is in one manifest and not in the other.
    Unlisted,
    /// A line of a manifest can't be read.
    ManifestDamaged,
    /// A file or message is not as its manifest has it, and that manifest is changed itself.
    NotAsListed,
    /// The sizes in `bag-info.txt`.
    OxumDiffers,
    /// The figures in `run.json`.
    FiguresDiffer,
    /// The signature over the tag manifest is none, or not over what is there.
    SignatureFails,
    /// The source has more messages, or fewer.
    SourceCountDiffers {
        /// In the source.
        source: u64,
        /// In the manifest.
        manifest: u64,
    },
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::MessageChanged => "the message is not the one that the manifest names",
            What::BeforeChanged => "the bytes before the message are changed",
            What::BehindChanged => {
                "the bytes behind this message, the file's last, or the file's compression are changed"
            }
            What::FileChanged => "the file is changed",
            What::Missing => "is missing",
            What::Extra => "is in no manifest",
            What::Unlisted => "is in one manifest and not in the other",
            What::ManifestDamaged => "a line of the manifest can't be read",
            What::NotAsListed => "is not as its manifest has it, but the manifest is changed",
            What::OxumDiffers => "Payload-Oxum is not the sum of the files",
            What::FiguresDiffer => "its messages and bytes are not those of the bag",
            What::SignatureFails => "is no signature over tagmanifest-sha256.txt as it is",
            What::SourceCountDiffers { source, manifest } => {
                let place = &self.place;
                return write!(
                    f,
                    "{place}: has {source} messages, and the manifest {manifest}"
                );
            }
        };
        write!(f, "{}: {what}", self.place)?;
        match &self.message_id {
            Some(id) => write!(f, " (Message-ID {id})"),
            None => Ok(()),
        }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages in the bag.
    pub messages: u64,
    /// Files in its `data`.
    pub files: u64,
    /// Messages in the source; None where it was left out.
    pub source_messages: Option<u64>,
}

/// Checks a bag; `found` is told of everything that is not as it should be.
///
/// # Errors
/// The bag, its manifests or the source can't be read.
pub fn check(check: &Check<'_>, found: &mut dyn FnMut(&Found)) -> Result<Totals, RunError> {
    let unreadable = |error| RunError::unreadable(check.bag, error);
    fs::read_dir(check.bag).map_err(unreadable)?;
    let mut job = Job {
        check: *check,
        found,
        tags: Tags::default(),
        listed: BTreeSet::new(),
        bad: BTreeMap::new(),
        totals: Totals::default(),
        oxum: 0,
        recorded: 0,
        covered: &COVERED,
    };
    job.tags()?;
    job.payload()?;
    job.extra()?;
    job.records()?;
    job.sums();
    if !check.source.is_empty() {
        job.source_count()?;
    }
    Ok(job.totals)
}

struct Job<'c> {
    check: Check<'c>,
    found: &'c mut dyn FnMut(&Found),
    tags: Tags,
    /// Paths below the bag that `manifest-sha256.txt` has.
    listed: BTreeSet<Vec<u8>>,
    /// Files whose digest is another one, and whether something in them was named for it.
    bad: BTreeMap<Vec<u8>, bool>,
    totals: Totals,
    oxum: u64,
    /// Messages, and those that were copied unread for their size.
    recorded: u64,
    /// Files that the tag manifest has.
    covered: &'static [&'static str],
}

impl Job<'_> {
    fn tell(&mut self, place: String, message_id: Option<String>, what: What) {
        (self.found)(&Found {
            place,
            message_id,
            what,
        });
    }

    fn bag(&self, name: &str) -> PathBuf {
        self.check.bag.join(name)
    }

    /// A manifest; nothing where it is not there, which was told.
    fn manifest(&self, name: &str) -> Result<Box<dyn BufRead>, RunError> {
        match File::open(self.bag(name)) {
            Ok(file) => Ok(Box::new(BufReader::with_capacity(1 << 16, file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
            Err(error) => Err(RunError::unreadable(&self.bag(name), error)),
        }
    }

    /// Files below `data` against the payload manifest.
    fn payload(&mut self) -> Result<(), RunError> {
        let path = self.bag(PAYLOAD);
        let unreadable = |error| RunError::unreadable(&path, error);
        let mut lines = self.manifest(PAYLOAD)?.split(b'\n');
        while let Some(line) = lines.next().transpose().map_err(unreadable)? {
            let entry = manifest_line(&line).filter(|(_, name)| is_below_data(name));
            let Some((digest, name)) = entry else {
                self.tell(PAYLOAD.to_owned(), None, What::ManifestDamaged);
                continue;
            };
            let file = self.check.bag.join(OsStr::from_bytes(&name));
            match fs::symlink_metadata(&file) {
                Ok(metadata) if metadata.is_file() => {
                    self.oxum += metadata.len();
                    self.totals.files += 1;
                    if hex(&digest_of(&file)?) != digest {
                        self.bad.insert(name.clone(), false);
                    }
                }
                Ok(_) => self.tell(shown(&name), None, What::Missing),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.tell(shown(&name), None, What::Missing);
                }
                Err(error) => return Err(RunError::unreadable(&file, error)),
            }
            self.listed.insert(name);
        }
        Ok(())
    }

    /// Files that no manifest has.
    fn extra(&mut self) -> Result<(), RunError> {
        let mut left = vec![self.check.bag.to_owned()];
        while let Some(folder) = left.pop() {
            let unreadable = |error| RunError::unreadable(&folder, error);
            let mut entries = Vec::new();
            for entry in fs::read_dir(&folder).map_err(unreadable)? {
                entries.push(entry.map_err(unreadable)?);
            }
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let path = entry.path();
                let below = path.strip_prefix(self.check.bag).unwrap_or(&path);
                let name = below.as_os_str().as_bytes().to_vec();
                let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
                let known = match is_below_data(&name) || name == b"data" {
                    true => is_folder || self.listed.contains(&name),
                    false => BAG_NAMES.iter().any(|known| known.as_bytes() == name),
                };
                if !known {
                    self.tell(shown(&name), None, What::Extra);
                } else if is_folder {
                    left.push(path);
                }
            }
        }
        Ok(())
    }

    /// Every message against its line.
    fn records(&mut self) -> Result<(), RunError> {
        let path = self.bag(RECORDS);
        let unreadable = |error| RunError::unreadable(&path, error);
        let mut output = Places::new(vec![Root {
            path: self.check.bag.to_owned(),
            is_folder: true,
        }]);
        let mut roots = Vec::new();
        for path in self.check.source {
            let metadata = fs::metadata(path).map_err(|error| RunError::unreadable(path, error))?;
            roots.push(Root {
                path: path.clone(),
                is_folder: metadata.is_dir(),
            });
        }
        let mut source = Places::new(roots);
        let mut lines = self.manifest(RECORDS)?.split(b'\n');
        let mut number = 0_u64;
        let mut last: Option<(Vec<u8>, Record)> = None;
        let mut last_source = None;
        let mut described = BTreeSet::new();
        while let Some(line) = lines.next().transpose().map_err(unreadable)? {
            number += 1;
            let Some(record) = custody::read(&line) else {
                self.tell(format!("{RECORDS}:{number}"), None, What::ManifestDamaged);
                continue;
            };
            // A message of a recipient of Bcc has the source of the one before it.
            let is_own = !record.bcc || last_source.as_ref() != Some(&record.source);
            self.totals.messages += u64::from(record.kind == Kind::Message && is_own);
            let is_mail = matches!(record.kind, Kind::Message | Kind::Skipped);
            self.recorded += u64::from(is_mail && is_own);
            last_source = Some(record.source.clone());
            let name = record.output.as_ref().map(|place| unshown(&place.path));
            let is_next = |(open, _): &(Vec<u8>, Record)| Some(open) != name.as_ref();
            // What is not in the output stands between messages of a file, too.
            if name.is_some() && last.as_ref().is_some_and(is_next) {
                self.behind(last.take(), &mut output, &mut source)?;
            }
            if !self.check.source.is_empty() {
                self.source(&record, &mut source)?;
            }
            let (Some(place), Some(name)) = (&record.output, name) else {
                continue;
            };
            if !self.listed.contains(&name) {
                self.tell(place.path.clone(), None, What::Unlisted);
                continue;
            }
            described.insert(name.clone());
            self.message(&record, &name, &mut output)?;
            last = Some((name, record));
        }
        self.behind(last.take(), &mut output, &mut source)?;
        let missing: Vec<_> = self.listed.difference(&described).cloned().collect();
        for name in missing {
            self.tell(shown(&name), None, What::Unlisted);
        }
        Ok(())
    }

    /// One message, or file, of the bag.
    fn message(
        &mut self,
        record: &Record,
        name: &[u8],
        output: &mut Places,
    ) -> Result<(), RunError> {
        let Some(place) = &record.output else {
            return Ok(());
        };
        let whole = record.kind == Kind::File;
        let label = match whole {
            true => place.path.clone(),
            false => format!("{}#{}", place.path, place.offset),
        };
        let before = match &place.before_sha256 {
            Some(before) => output.compare_before(0, &place.path, place.offset, &[b""], before)?,
            None => Compared::Equal,
        };
        let this = output.compare(
            0,
            &place.path,
            whole,
            place.offset,
            place.length,
            &place.sha256,
        )?;
        let name_it = |job: &mut Self, what| {
            // The file is whole, and what it is held against is not.
            let what = match job.tags.records_changed && !job.bad.contains_key(name) {
                true => What::NotAsListed,
                false => what,
            };
            if let Some(named) = job.bad.get_mut(name) {
                *named = true;
            }
            job.tell(label.clone(), record.message_id.clone(), what);
        };
        match (before, this) {
            (Compared::Missing, _) | (_, Compared::Missing) => {}
            (Compared::Differs, Compared::Equal) => name_it(self, What::BeforeChanged),
            (_, Compared::Differs) => name_it(
                self,
                match whole {
                    true => What::FileChanged,
                    false => What::MessageChanged,
                },
            ),
            (Compared::Equal, Compared::Equal) => {}
        }
        Ok(())
    }

    /// A file is through; what is changed in it was named, or lies behind its last message.
    fn behind(
        &mut self,
        last: Option<(Vec<u8>, Record)>,
        output: &mut Places,
        source: &mut Places,
    ) -> Result<(), RunError> {
        let Some((name, record)) = last else {
            return Ok(());
        };
        let Some(place) = record.output else {
            return Ok(());
        };
        if self.bad.get(&name) == Some(&false) {
            let label = format!("{}#{}", place.path, place.offset);
            match self.tags.payload_changed {
                true => self.tell(place.path, None, What::NotAsListed),
                false => self.tell(label, record.message_id.clone(), What::BehindChanged),
            }
        }
        // No digest is kept of it, but the output has the same there.
        if !self.check.source.is_empty()
            && record.source.sha256.is_some()
            && record.kind != Kind::File
            && !record.action.sends()
            && !self.bad.contains_key(&name)
            && let Some(rest) = output.rest(&[b""])?
            && let Some(theirs) = source.rest(&BLANKS)?
            && rest.iter().all(|digest| !theirs.contains(digest))
        {
            let label = format!("source {}#{}", record.source.path, record.source.offset);
            self.tell(label, record.message_id, What::BehindChanged);
        }
        Ok(())
    }

    /// The same of the source.
    fn source(&mut self, record: &Record, source: &mut Places) -> Result<(), RunError> {
        let place = &record.source;
        let Some(sha256) = &place.sha256 else {
            return Ok(());
        };
        let whole = record.kind == Kind::File;
        // Between messages that are sent nothing of the source is kept but their separators.
        let before = record
            .output
            .as_ref()
            .filter(|_| !record.action.sends())
            .and_then(|output| output.before_sha256.as_deref());
        let before = match before {
            Some(before) => {
                source.compare_before(place.archive, &place.path, place.offset, &BLANKS, before)?
            }
            None => Compared::Equal,
        };
        let compared = source.compare(
            place.archive,
            &place.path,
            whole,
            place.offset,
            place.length,
            sha256,
        )?;
        let label = format!("source {}#{}", place.path, place.offset);
        match (compared, whole) {
            (Compared::Equal, _) => {
                if matches!(before, Compared::Differs) {
                    self.tell(label, record.message_id.clone(), What::BeforeChanged);
                }
            }
            (Compared::Missing, _) => self.tell(label, record.message_id.clone(), What::Missing),
            (Compared::Differs, true) => self.tell(label, None, What::FileChanged),
            (Compared::Differs, false) => {
                self.tell(label, record.message_id.clone(), What::MessageChanged);
            }
        }
        Ok(())
    }

    fn source_count(&mut self) -> Result<(), RunError> {
        let mut archive = Archive::open(self.check.source, ReadOptions::default())?;
        let mut count = 0;
        while let Some(block) = archive.next_block() {
            let messages = block.items.iter();
            count += messages
                .filter(|item| match item {
                    Item::Message(_) => true,
                    Item::Fault(fault) => fault.code == FaultCode::MessageTooLarge,
                    Item::FileStart { .. } | Item::Between { .. } | Item::FileEnd { .. } => false,
                })
                .fold(0, |count, _| count + 1);
            archive.recycle(block.bytes);
        }
        self.totals.source_messages = Some(count);
        if count != self.recorded {
            let what = What::SourceCountDiffers {
                source: count,
                manifest: self.recorded,
            };
            self.tell("source".to_owned(), None, what);
        }
        Ok(())
    }
}

/// What the output may have before bytes that it has from the source: the blank line that a decrypted message lacked.
const BLANKS: [&[u8]; 3] = [b"", b"\n", b"\r\n"];

/// Digest and path of a line; the path as it is in the file system.
pub(in crate::jobs) fn manifest_line(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let (digest, rest) = line.split_at_checked(64)?;
    let path = rest.strip_prefix(b"  ")?;
    let digest = std::str::from_utf8(digest).ok()?;
    let is_hex = |octet: u8| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet);
    if !digest.bytes().all(is_hex) || path.is_empty() {
        return None;
    }
    let mut raw = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        let (octet, behind) = match rest {
            [b'%', b'0', b'A' | b'a', behind @ ..] => (b'\n', behind),
            [b'%', b'0', b'D' | b'd', behind @ ..] => (b'\r', behind),
            [b'%', b'2', b'5', behind @ ..] => (b'%', behind),
            _ => (*first, behind),
        };
        raw.push(octet);
        rest = behind;
    }
    Some((digest.to_owned(), raw))
}

fn is_below_data(path: &[u8]) -> bool {
    path.starts_with(b"data/") && is_relative(path)
}
