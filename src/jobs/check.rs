//! A migrated archive against its manifests, and against its source.
//!
//! Two passes: the files against `manifest-sha256.txt` and `tagmanifest-sha256.txt`, then every message, and the bytes before it,
//! against `manifest.jsonl`, so that a changed byte is named with its message.

mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::archive::{Archive, Item, ReadOptions, shown, unshown};
use crate::error::RunError;
use crate::jobs::check::places::{Compared, Places, Root, is_relative};
use crate::jobs::migrate::folder::BAG_NAMES;
use crate::jobs::output::digest_of;
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
    /// The sizes in `bag-info.txt`.
    OxumDiffers,
    /// The source has other messages, or more, or fewer.
    SourceCountDiffers,
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
            What::OxumDiffers => "Payload-Oxum is not the sum of the files",
            What::SourceCountDiffers => "the source has not as many messages as the manifest",
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
        listed: BTreeSet::new(),
        bad: BTreeMap::new(),
        totals: Totals::default(),
        oxum: 0,
    };
    job.tags()?;
    job.payload()?;
    job.extra()?;
    job.records()?;
    if !check.source.is_empty() {
        job.source_count()?;
    }
    Ok(job.totals)
}

struct Job<'c> {
    check: Check<'c>,
    found: &'c mut dyn FnMut(&Found),
    /// Paths below the bag that `manifest-sha256.txt` has.
    listed: BTreeSet<Vec<u8>>,
    /// Files whose digest is another one, and whether something in them was named for it.
    bad: BTreeMap<Vec<u8>, bool>,
    totals: Totals,
    oxum: u64,
}

impl Job<'_> {
    fn tell(&mut self, place: String, message_id: Option<String>, what: What) {
        (self.found)(&Found {
            place,
            message_id,
            what,
        });
    }

    /// Tag files against the tag manifest.
    fn tags(&mut self) -> Result<(), RunError> {
        let path = self.check.bag.join("tagmanifest-sha256.txt");
        let text = fs::read(&path).map_err(|error| RunError::unreadable(&path, error))?;
        let mut seen = BTreeSet::new();
        for line in text.split(|octet| *octet == b'\n') {
            if line.is_empty() {
                continue;
            }
            let name = manifest_line(line).filter(|(_, name)| {
                std::str::from_utf8(name).is_ok_and(|name| BAG_NAMES.contains(&name))
            });
            let Some((digest, name)) = name else {
                self.tell(
                    "tagmanifest-sha256.txt".to_owned(),
                    None,
                    What::ManifestDamaged,
                );
                continue;
            };
            let tag = self.check.bag.join(OsStr::from_bytes(&name));
            let place = shown(&name);
            if !tag.is_file() {
                self.tell(place, None, What::Missing);
            } else if hex(&digest_of(&tag)?) != digest {
                self.tell(place, None, What::FileChanged);
            }
            seen.insert(name);
        }
        for name in ["bagit.txt", "manifest-sha256.txt", "manifest.jsonl"] {
            if !seen.contains(name.as_bytes()) {
                self.tell(name.to_owned(), None, What::Unlisted);
            }
        }
        Ok(())
    }

    /// Files below `data` against the payload manifest.
    fn payload(&mut self) -> Result<(), RunError> {
        let path = self.check.bag.join("manifest-sha256.txt");
        let unreadable = |error| RunError::unreadable(&path, error);
        let file = File::open(&path).map_err(unreadable)?;
        let mut lines = BufReader::new(file).split(b'\n');
        while let Some(line) = lines.next().transpose().map_err(unreadable)? {
            let entry = manifest_line(&line).filter(|(_, name)| is_below_data(name));
            let Some((digest, name)) = entry else {
                self.tell(
                    "manifest-sha256.txt".to_owned(),
                    None,
                    What::ManifestDamaged,
                );
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
        let info = self.check.bag.join("bag-info.txt");
        let text = fs::read_to_string(&info).unwrap_or_default();
        let oxum = format!("Payload-Oxum: {}.{}", self.oxum, self.totals.files);
        if !text.lines().any(|line| line == oxum) {
            self.tell("bag-info.txt".to_owned(), None, What::OxumDiffers);
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
        let path = self.check.bag.join("manifest.jsonl");
        let unreadable = |error| RunError::unreadable(&path, error);
        let file = File::open(&path).map_err(unreadable)?;
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
        let mut lines = BufReader::with_capacity(1 << 16, file).split(b'\n');
        let mut number = 0_u64;
        let mut last: Option<(Vec<u8>, Record)> = None;
        let mut described = BTreeSet::new();
        while let Some(line) = lines.next().transpose().map_err(unreadable)? {
            number += 1;
            let Some(record) = custody::read(&line) else {
                self.tell(
                    format!("manifest.jsonl:{number}"),
                    None,
                    What::ManifestDamaged,
                );
                continue;
            };
            self.totals.messages += u64::from(record.kind == Kind::Message);
            if !self.check.source.is_empty() {
                self.source(&record, &mut source)?;
            }
            let Some(place) = &record.output else {
                continue;
            };
            let name = unshown(&place.path);
            if last.as_ref().is_some_and(|(open, _)| *open != name) {
                self.behind(last.take());
            }
            if !self.listed.contains(&name) {
                self.tell(place.path.clone(), None, What::Unlisted);
                continue;
            }
            described.insert(name.clone());
            self.message(&record, &name, &mut output)?;
            last = Some((name, record));
        }
        self.behind(last.take());
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
            Some(before) => output.compare_before(&place.path, place.offset, before)?,
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
    fn behind(&mut self, last: Option<(Vec<u8>, Record)>) {
        let Some((name, record)) = last else {
            return;
        };
        if self.bad.get(&name) == Some(&false)
            && let Some(place) = record.output
        {
            let label = format!("{}#{}", place.path, place.offset);
            self.tell(label, record.message_id, What::BehindChanged);
        }
    }

    /// The same of the source.
    fn source(&mut self, record: &Record, source: &mut Places) -> Result<(), RunError> {
        let place = &record.source;
        let Some(sha256) = &place.sha256 else {
            return Ok(());
        };
        let whole = record.kind == Kind::File;
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
            (Compared::Equal, _) => {}
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
                .filter(|item| matches!(item, Item::Message(_)))
                .fold(0, |count, _| count + 1);
            archive.recycle(block.bytes);
        }
        self.totals.source_messages = Some(count);
        if count != self.totals.messages {
            self.tell("source".to_owned(), None, What::SourceCountDiffers);
        }
        Ok(())
    }
}

/// Digest and path of a line; the path as it is in the file system.
fn manifest_line(line: &[u8]) -> Option<(String, Vec<u8>)> {
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
