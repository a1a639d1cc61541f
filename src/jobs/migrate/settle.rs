//! A file that is through: what is written for it, whatever others did to its source meanwhile.

use std::fs;
use std::io::{self, Read};

use crate::archive::{Archive, Compression, FaultCode, FileInfo, Item, Kind, ReadOptions, Stamp};
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::bag::commit::read_again;
use crate::jobs::bag::folder::RECORDS;
use crate::jobs::bag::open::{Complete, Open};
use crate::jobs::bag::source::{self, State};
use crate::jobs::migrate::counts::{Counts, FileTally, Raw, Seen};
use crate::jobs::migrate::message::Kept;
use crate::jobs::migrate::work::{is_mbox, record};
use crate::jobs::migrate::writer::{UNDECRYPTED, Writer, linked, tail_of};
use crate::limits::Limits;
use crate::mime::sniff::may_hold_smime;
use crate::report::custody::{self, Action, SourcePlace};
use crate::report::encode::hex;

impl Writer<'_> {
    /// The file, whatever others did to its source meanwhile. None where the source was no mail, and is gone.
    pub(super) fn settled(
        &mut self,
        open: &mut Open<FileTally>,
        bytes: u64,
    ) -> Result<Option<Complete>, RunError> {
        if let Some(raw) = open.tally.raw {
            return self.raw(open, raw);
        }
        let state = open.became()?;
        let (is_kept, code) = match (open.tally.seen, state) {
            (Seen::Nothing, State::Same | State::Gone) => (true, None),
            // What was read is whole; what has its name now is not in it, unless it is a copy.
            (Seen::Nothing, State::Replaced) | (Seen::Replaced, _) => {
                let is_copy = self.is_as_read(open)?;
                (true, (!is_copy).then_some(FaultCode::FileReplaced))
            }
            (Seen::Written, State::Gone) => (true, Some(FaultCode::FileChanged)),
            (Seen::Nothing | Seen::Written, State::Grown(_)) => (self.is_as_read(open)?, None),
            (Seen::Nothing, State::Written) | (Seen::Written, _) => (self.is_as_read(open)?, None),
        };
        if !is_kept {
            return self.relisted(open, FaultCode::FileChanged.as_str());
        }
        let is_there = code.is_none() && state != State::Gone;
        let named = match (code, state) {
            (Some(code), _) => Some((code, 0)),
            (None, State::Grown(more)) => Some((FaultCode::FileGrew, more)),
            (None, _) => None,
        };
        if let Some((code, more)) = named.filter(|_| !open.tally.is_named) {
            self.source_line(open, code, more)?;
            open.tally.is_named = true;
            open.tally.counts.unsettled += 1;
            open.tally.counts.incomplete += 1;
        }
        self.composed(open, bytes, is_there)
    }

    /// Looks whether mboxes that are through were written since.
    pub(super) fn look_once_more(&mut self) -> Result<(), RunError> {
        for info in std::mem::take(&mut self.watched) {
            let path = self.sources.path(&info);
            let (code, more) = match source::state(&path, &info, info.stamp)? {
                State::Same | State::Gone => continue,
                State::Grown(more) => (FaultCode::FileGrew, more),
                State::Written => (FaultCode::FileChanged, 0),
                State::Replaced => (FaultCode::FileReplaced, 0),
            };
            let reason = Some(code.as_str().to_owned());
            let mut line = record(Sha256::default(), Action::LeftOut, reason);
            line.kind = custody::Kind::LeftOut;
            line.output = None;
            line.source = SourcePlace {
                archive: info.argument,
                path: info.shown_path(),
                offset: info.stamp.map_or(0, |stamp| stamp.bytes),
                length: more,
                sha256: None,
            };
            self.line(&line)?;
            self.counts.unsettled += 1;
            self.counts.incomplete += 1;
        }
        Ok(())
    }

    /// A line about what is not in the output, behind what was read of a file.
    pub(super) fn source_line(
        &mut self,
        open: &mut Open<FileTally>,
        code: FaultCode,
        more: u64,
    ) -> Result<(), RunError> {
        let reason = Some(code.as_str().to_owned());
        let mut line = record(Sha256::default(), Action::LeftOut, reason);
        line.kind = custody::Kind::LeftOut;
        line.output = None;
        let read = open.info.stored_bytes.unwrap_or(0);
        line.source = open.source_place(read, more);
        self.line(&line)
    }

    /// Whether the source, as far as it was listed, still gives the messages that were read.
    fn is_as_read(&self, open: &mut Open<FileTally>) -> Result<bool, RunError> {
        let unreadable = |error| RunError::unreadable(&open.source, error);
        let file = match fs::File::open(&open.source) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(unreadable(error)),
        };
        let before = Stamp::of(&file.metadata().map_err(unreadable)?);
        let listed = file.try_clone().map_err(unreadable)?;
        let listed = listed.take(open.info.stored_bytes.unwrap_or(u64::MAX));
        let mut seen = (0, Sha256::default());
        each_message(
            Box::new(listed),
            &open.info,
            self.limits,
            &mut |_, _, message| {
                seen.0 += 1;
                seen.1 = linked(&seen.1, &hex(&sha256(message)));
                Ok(())
            },
        )?;
        let after = Stamp::of(&file.metadata().map_err(unreadable)?);
        // What was delivered meanwhile lies behind what was looked at.
        let has_grown = (before.device, before.inode) == (after.device, after.inode)
            && before.bytes < after.bytes;
        let is = (before == after || has_grown)
            && seen == (open.tally.messages, open.tally.source_chain);
        open.tally.found = is.then_some(before);
        Ok(is)
    }

    /// The file as it was put together, or the source itself where nothing in it is new and it is still there.
    fn composed(
        &mut self,
        open: &mut Open<FileTally>,
        bytes: u64,
        is_there: bool,
    ) -> Result<Option<Complete>, RunError> {
        if is_mbox(&open.info) {
            let again = read_again(&open.path, &open.output, self.limits);
            if again != Some((open.tally.messages, open.tally.chain)) {
                return self.relisted(open, Kept::ReadBackDiffers.as_str());
            }
        }
        if open.tally.changed || open.info.compression != Compression::None && !is_there {
            return open.compressed().map(Some);
        }
        if open.info.compression != Compression::None {
            return open.copy_source(open.info.stored_bytes);
        }
        if open.length != bytes {
            return Err(RunError::Internal {
                what: "not every byte of a file was written",
            });
        }
        open.complete().map(Some)
    }

    /// A copy of the source as it lies on disk.
    fn raw(&mut self, open: &mut Open<FileTally>, raw: Raw) -> Result<Option<Complete>, RunError> {
        match raw {
            Raw::NoMail if open.became()? == State::Same => {
                open.tally.counts.other_files += 1;
                open.copy_source(None)
            }
            // It may be mail by now.
            Raw::NoMail => self.relisted(open, FaultCode::FileChanged.as_str()),
            Raw::CompressedDamaged => self.relisted(open, FaultCode::CompressedDamaged.as_str()),
            Raw::DecompressionRatio => self.relisted(open, FaultCode::DecompressionRatio.as_str()),
        }
    }

    /// Copies the source in place of what was put together, and lists the messages of the copy: none of them was decrypted. None where
    /// the source is gone.
    fn relisted(
        &mut self,
        open: &mut Open<FileTally>,
        reason: &str,
    ) -> Result<Option<Complete>, RunError> {
        let Some(complete) = open.copy_source(None)? else {
            return match open.tally.raw {
                Some(_) => Ok(None),
                // What was read is all there is.
                None => {
                    self.source_line(open, FaultCode::FileChanged, 0)?;
                    open.tally.counts.unsettled += 1;
                    open.tally.counts.incomplete += 1;
                    open.compressed().map(Some)
                }
            };
        };
        let [records, _, undecrypted] = open.tally.before;
        for (appender, file, length) in [
            (&mut self.records, RECORDS, records),
            (&mut self.undecrypted, UNDECRYPTED, undecrypted),
        ] {
            let tail = self.folder.temporary(&tail_of(open.number, file));
            appender.keep_tail(length, &tail)?;
            appender.cut(length)?;
            self.obsolete.push(tail);
        }
        let was_mail = open.tally.raw != Some(Raw::NoMail);
        let incomplete = open.tally.counts.incomplete.max(1);
        let is_changed = reason == FaultCode::FileChanged.as_str();
        open.tally.counts = Counts::default();
        open.output = self.sources.output(&open.info);
        open.tally.messages = 0;
        let copy = open.path.with_extension("z");
        let file = fs::File::open(&copy).map_err(|error| RunError::unreadable(&copy, error))?;
        let info = open.info.clone();
        let limits = self.limits;
        each_message(
            Box::new(file),
            &info,
            limits,
            &mut |offset, between, message| {
                let digest = sha256(message);
                let mut line = record(digest, Action::Copied, Some(reason.to_owned()));
                let length = u64::try_from(message.len()).unwrap_or(u64::MAX);
                line.source = SourcePlace {
                    sha256: line.source.sha256,
                    ..open.source_place(offset, length)
                };
                line.output = Some(custody::OutputPlace {
                    path: open.shown_output(),
                    offset,
                    length,
                    sha256: hex(&digest),
                    before_sha256: (!between.is_empty()).then(|| hex(&sha256(between))),
                });
                open.tally.messages += 1;
                open.tally.counts.messages += 1;
                self.line(&line)?;
                if may_hold_smime(message) {
                    open.tally.counts.keep(reason);
                    return self.worklist(&line, &[], reason);
                }
                open.tally.counts.not_encrypted += 1;
                Ok(())
            },
        )?;
        if was_mail || open.tally.messages > 0 {
            open.tally.counts.incomplete = incomplete;
            open.tally.counts.unsettled = u64::from(is_changed);
        } else {
            open.tally.counts.other_files = 1;
        }
        Ok(Some(complete))
    }
}

/// Takes a message: its offset, the bytes between it and the one before, and its own.
type With<'w> = dyn FnMut(u64, &[u8], &[u8]) -> Result<(), RunError> + 'w;

/// Reads a file's messages, whatever its name says: each with its offset and the bytes between it and the one before. None where it is no
/// mail.
fn each_message(
    mut file: Box<dyn Read + Send>,
    info: &FileInfo,
    limits: &Limits,
    with: &mut With<'_>,
) -> Result<(), RunError> {
    if info.kind == Kind::Maildir && info.compression == Compression::None {
        let mut message = Vec::new();
        let most = limits.message_bytes.saturating_add(1);
        return match file.by_ref().take(most).read_to_end(&mut message) {
            Ok(_) => with(0, b"", &message),
            Err(_) => Ok(()),
        };
    }
    let name = info.path.rsplit(|octet| *octet == b'/').next();
    let name = String::from_utf8_lossy(name.unwrap_or_default());
    let options = ReadOptions {
        limits: limits.clone(),
        ..ReadOptions::default()
    };
    let Ok(mut archive) = Archive::from_reader(&name, file, options) else {
        return Ok(());
    };
    let mut between = Vec::new();
    while let Some(block) = archive.next_block() {
        let mut at = 0;
        for item in &block.items {
            match item {
                Item::Message(located) => {
                    at = located.range.end;
                    with(located.offset, &between, block.message(located).bytes)?;
                    between.clear();
                }
                Item::Between {
                    range: Some(range), ..
                } => {
                    at = range.end;
                    between.extend_from_slice(block.bytes.get(range.clone()).unwrap_or_default());
                }
                Item::Fault(fault) if fault.code == FaultCode::BeforeFirstSeparator => {
                    let length = usize::try_from(fault.length).unwrap_or(usize::MAX);
                    let range = at..at.saturating_add(length);
                    between.extend_from_slice(block.bytes.get(range.clone()).unwrap_or_default());
                    at = range.end;
                }
                Item::Between { range: None, .. }
                | Item::Fault(_)
                | Item::FileStart { .. }
                | Item::FileEnd { .. } => {}
            }
        }
        archive.recycle(block.bytes);
    }
    Ok(())
}
