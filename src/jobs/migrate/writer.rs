//! The one place that writes: blocks in archive order to files, and a line about each message.

use std::fs;
use std::io::{self, BufWriter, Read};
use std::path::PathBuf;

use crate::archive::{
    Archive, Compression, Cursor, Fault, FaultCode, FaultDetail, FileInfo, Item, Kind, Located,
    ReadOptions, Stamp,
};
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::migrate::commit::{Appender, Pending, chained, check, name, read_again, set_time};
use crate::jobs::migrate::folder::{Folder, PAYLOAD, RECORDS, create_file, exists, sync};
use crate::jobs::migrate::journal::{Checkpoint, Counts, FileTally, Journal, Raw, Seen};
use crate::jobs::migrate::message::Kept;
use crate::jobs::migrate::open::{Complete, Open, hasher};
use crate::jobs::migrate::source::{Sources, State, check_unlocked};
use crate::jobs::migrate::work::{Outcome, is_mbox, record};
use crate::limits::Limits;
use crate::mime::sniff::may_hold_smime;
use crate::pipeline::Worked;
use crate::report::custody::{self, Action, Record, SourcePlace};
use crate::report::encode::hex;
use crate::report::{Cells, csv, jsonl};

const UNDECRYPTED: &str = "undecrypted.csv";

/// Where a file's end waits while its messages are listed anew.
fn tail_of(number: u64, file: &str) -> String {
    format!("{number}-{file}")
}

/// Writes the output of a run.
pub(super) struct Writer<'w> {
    folder: &'w Folder,
    sources: &'w Sources,
    limits: &'w Limits,
    records: Appender,
    payload: Appender,
    undecrypted: Appender,
    journal: Journal,
    open: Option<Open>,
    pending: Vec<Pending>,
    /// Temporary files that the journal may still speak of, and that are needed no more.
    obsolete: Vec<PathBuf>,
    counts: Counts,
    sequence: u64,
}

impl<'w> Writer<'w> {
    /// Begins, or goes on behind `from`.
    ///
    /// # Errors
    /// What can't be written or is not as it was left.
    pub fn new(
        folder: &'w Folder,
        sources: &'w Sources,
        limits: &'w Limits,
        journal: Journal,
        from: Option<&Checkpoint>,
    ) -> Result<Self, RunError> {
        let [records, payload, undecrypted] = from.map_or([0; 3], |from| from.lengths);
        let bag = folder.bag();
        let open = from.and_then(|from| from.open.as_ref());
        if let Some(from) = from {
            name(folder, &from.pending)?;
        }
        if let Some(open) = open {
            let [records, _, undecrypted] = open.tally.before;
            for (file, length) in [(RECORDS, records), (UNDECRYPTED, undecrypted)] {
                let tail = folder.temporary(&tail_of(open.number, file));
                Appender::put_back(&bag.join(file), length, &tail)?;
            }
        }
        let kept = open.map(|open| open.number.to_string());
        folder.clean(kept.as_deref())?;
        let mut writer = Self {
            folder,
            sources,
            limits,
            records: Appender::open(bag.join(RECORDS), records)?,
            payload: Appender::open(bag.join(PAYLOAD), payload)?,
            undecrypted: Appender::open(bag.join(UNDECRYPTED), undecrypted)?,
            journal,
            open: None,
            pending: Vec::new(),
            obsolete: Vec::new(),
            counts: from.map_or_else(Counts::default, |from| from.counts),
            sequence: from.map_or(0, |from| from.sequence),
        };
        if undecrypted == 0 {
            let mut header = Vec::new();
            csv::header(custody::UNDECRYPTED_COLUMNS, &mut header);
            writer.undecrypted.write(&header)?;
        }
        if let Some(state) = open {
            writer.open = Some(Open::reopen(state, folder, sources)?);
        }
        folder.sync()?;
        Ok(writer)
    }

    /// Writes a block, and makes it last.
    ///
    /// # Errors
    /// What ends the run.
    pub fn block(&mut self, worked: &Worked<Outcome>) -> Result<(), RunError> {
        let block = &worked.block;
        let mut results = worked.results.iter();
        let mut at = 0;
        for item in &block.items {
            match item {
                Item::FileStart { file, .. } => self.start(file)?,
                Item::Between { range, .. } => match range {
                    Some(range) => {
                        at = range.end;
                        let bytes = block.bytes.get(range.clone()).unwrap_or_default();
                        self.at_hand()?.between(bytes)?;
                    }
                    None => self.at_hand()?.tally.raw = Some(Raw::NoMail),
                },
                Item::Message(located) => {
                    at = located.range.end;
                    let outcome = results.next().ok_or(RunError::Internal {
                        what: "a message has no result",
                    })?;
                    self.message(located, block.message(located).bytes, outcome)?;
                }
                Item::Fault(fault) => {
                    if fault.code == FaultCode::BeforeFirstSeparator {
                        let length = usize::try_from(fault.length).unwrap_or(usize::MAX);
                        let range = at..at.saturating_add(length);
                        at = range.end;
                        let bytes = block.bytes.get(range).unwrap_or_default();
                        self.at_hand()?.between(bytes)?;
                    } else {
                        self.fault(fault)?;
                    }
                }
                Item::FileEnd { bytes, .. } => self.end(*bytes)?,
            }
        }
        self.checkpoint(&block.end)
    }

    /// Everything was written: the counts, and the files for what is not in the archive's order.
    ///
    /// # Errors
    /// What can't be written.
    pub fn finish(mut self) -> Result<Counts, RunError> {
        self.records.sync()?;
        self.payload.sync()?;
        self.undecrypted.sync()?;
        let sum = self.counts.decrypted + self.counts.not_encrypted + self.counts.still_encrypted();
        if sum != self.counts.messages || self.open.is_some() {
            return Err(RunError::Internal {
                what: "not as many messages were written as read",
            });
        }
        Ok(self.counts)
    }

    /// Copies a file that the archive does not hand out: one of a Maildir's `tmp`.
    ///
    /// # Errors
    /// What can't be read or written.
    pub fn extra(&mut self, file: &FileInfo) -> Result<(), RunError> {
        self.start(file)?;
        self.at_hand()?.tally.raw = Some(Raw::NoMail);
        self.end(0)?;
        // A run that dies before the bag has its name copies it again.
        check(self.folder, &self.pending, &mut self.payload)?;
        name(self.folder, &self.pending)?;
        self.pending.clear();
        self.forget()
    }

    fn at_hand(&mut self) -> Result<&mut Open, RunError> {
        self.open.as_mut().ok_or(RunError::Internal {
            what: "an item outside of a file",
        })
    }

    fn checkpoint(&mut self, end: &Cursor) -> Result<(), RunError> {
        check(self.folder, &self.pending, &mut self.payload)?;
        if let Some(open) = &mut self.open {
            open.sync()?;
            sync(&self.folder.temporary_folder())?;
        }
        self.records.sync()?;
        self.payload.sync()?;
        self.undecrypted.sync()?;
        let checkpoint = Checkpoint {
            cursor: end.clone(),
            lengths: self.lengths(),
            counts: self.counts,
            sequence: self.sequence,
            open: self.open.as_ref().map(Open::written_down),
            pending: std::mem::take(&mut self.pending),
        };
        self.journal.write(&checkpoint)?;
        // Only now: until here the journal spoke of the state before, and of its temporary files.
        name(self.folder, &checkpoint.pending)?;
        self.forget()
    }

    /// Removes temporary files that no journal speaks of any more.
    fn forget(&mut self) -> Result<(), RunError> {
        self.obsolete.drain(..).try_for_each(|path| {
            fs::remove_file(&path).map_err(|error| RunError::unwritable(&path, error))
        })
    }

    fn lengths(&self) -> [u64; 3] {
        [
            self.records.length(),
            self.payload.length(),
            self.undecrypted.length(),
        ]
    }

    fn start(&mut self, info: &FileInfo) -> Result<(), RunError> {
        let source = self.sources.path(info);
        check_unlocked(&source, info)?;
        let number = self.sequence;
        self.sequence += 1;
        let path = self.folder.temporary(&number.to_string());
        let tally = FileTally {
            before: self.lengths(),
            ..FileTally::default()
        };
        self.open = Some(Open {
            output: self.sources.output(info),
            file: BufWriter::with_capacity(1 << 16, create_file(&path)?),
            info: info.clone(),
            source,
            number,
            path,
            hasher: hasher()?,
            before: hasher()?,
            tally,
            is_replaced: false,
        });
        Ok(())
    }

    fn message(
        &mut self,
        located: &Located,
        stored: &[u8],
        outcome: &Outcome,
    ) -> Result<(), RunError> {
        let mut record = outcome.record.clone();
        let reason = record.reason.clone().unwrap_or_default();
        let (folder, pending) = (self.folder, &self.pending);
        let is_taken = |output: &[u8]| {
            pending.iter().any(|file| file.output == output) || exists(&folder.data(output))
        };
        let open = self.open.as_mut().ok_or(RunError::Internal {
            what: "a message outside of a file",
        })?;
        let bytes = outcome.bytes.as_deref().map_or(stored, |bytes| bytes);
        open.tally.counts.messages += 1;
        match (record.action, reason.as_str()) {
            (Action::Decrypted, _) => {
                open.tally.counts.decrypted += 1;
                let none = record.integrity.as_deref() == Some("none");
                open.tally.counts.without_integrity += u64::from(none);
                open.rename_for(bytes, is_taken);
            }
            (_, reason) if reason == Kept::NotEncrypted.as_str() => {
                open.tally.counts.not_encrypted += 1;
            }
            (_, reason) => open.tally.counts.keep(reason),
        }
        open.tally.counts.converted += u64::from(record.action == Action::Converted);
        open.tally.counts.incomplete += u64::from(outcome.panicked);
        open.tally.changed |= outcome.bytes.is_some() || !outcome.blank.is_empty();
        record.source = SourcePlace {
            sha256: record.source.sha256,
            ..open.source_place(located.offset, located.length)
        };
        record.output = Some(open.place(bytes, &outcome.output_sha256));
        open.tally.messages += 1;
        open.tally.chain = chained(&open.tally.chain, &outcome.output_sha256);
        let stored_sha256 = record.source.sha256.as_deref().unwrap_or_default();
        open.tally.source_chain = linked(&open.tally.source_chain, stored_sha256);
        open.write(bytes)?;
        open.tally.before_at = open.tally.length;
        if !outcome.blank.is_empty() {
            open.between(outcome.blank)?;
        }
        self.line(&record)?;
        match &outcome.recipients {
            Some(recipients) => self.worklist(&record, recipients, &reason),
            None => Ok(()),
        }
    }

    fn line(&mut self, record: &Record) -> Result<(), RunError> {
        let mut line = Vec::new();
        jsonl::line(record, &mut line)?;
        self.records.write(&line)
    }

    fn worklist(
        &mut self,
        record: &Record,
        recipients: &[String],
        reason: &str,
    ) -> Result<(), RunError> {
        let mut row = Vec::new();
        let cells = Cells {
            raw: false,
            text_chars: self.limits.text_chars,
        };
        let id = record.message_id.as_deref();
        custody::undecrypted(&record.source, id, recipients, reason, cells, &mut row);
        self.undecrypted.write(&row)
    }

    fn fault(&mut self, fault: &Fault) -> Result<(), RunError> {
        let open = self.at_hand()?;
        let reason = fault.code.as_str();
        let mut entry = record(Sha256::default(), Action::LeftOut, Some(reason.to_owned()));
        entry.kind = custody::Kind::LeftOut;
        entry.output = None;
        entry.source = open.source_place(fault.offset, fault.length);
        match fault.code {
            FaultCode::MessageTooLarge => {
                entry.kind = custody::Kind::Skipped;
                entry.action = Action::Copied;
                let (place, sha256) = open.copy_unread(fault.offset, fault.length)?;
                entry.source.sha256 = Some(hex(&sha256));
                entry.output = Some(place);
                open.tally.counts.skipped += 1;
                open.tally.counts.incomplete += 1;
                self.line(&entry)?;
                return self.worklist(&entry, &[], reason);
            }
            FaultCode::CompressedDamaged => {
                open.tally.raw = Some(Raw::CompressedDamaged);
                open.tally.counts.incomplete += 1;
                return Ok(());
            }
            FaultCode::DecompressionRatio => {
                open.tally.raw = Some(Raw::DecompressionRatio);
                open.tally.counts.incomplete += 1;
                return Ok(());
            }
            FaultCode::BeforeFirstSeparator => return Ok(()),
            // Copied as any file that is no mail.
            FaultCode::NotRecognised => {
                open.tally.raw = Some(Raw::NoMail);
                open.tally.counts.incomplete += 1;
                return Ok(());
            }
            FaultCode::ReadError => {
                let error = io::Error::other(fault.detail.to_string());
                return Err(RunError::unreadable(&open.source, error));
            }
            // Nothing is lost where a Maildir lacks a folder.
            FaultCode::FolderMissing => {
                open.tally.left_out = true;
                return Ok(());
            }
            FaultCode::FileGrew => {
                if let FaultDetail::StoredBytesLeft(bytes) = fault.detail {
                    entry.source.length = bytes;
                }
                open.tally.is_named = true;
                open.tally.counts.unsettled += 1;
                open.tally.counts.incomplete += 1;
            }
            // Whether anything of it matters is looked at when the file is through.
            FaultCode::FileChanged => {
                open.tally.seen = Seen::Written;
                return Ok(());
            }
            FaultCode::FileReplaced => {
                open.tally.seen = open.tally.seen.max(Seen::Replaced);
                return Ok(());
            }
            // What was read of it before is kept.
            FaultCode::Vanished if open.tally.length > 0 => {
                open.tally.seen = open.tally.seen.max(Seen::Replaced);
                open.tally.is_named = true;
                open.tally.counts.unsettled += 1;
                open.tally.counts.incomplete += 1;
            }
            FaultCode::Vanished | FaultCode::Appeared => {
                open.tally.left_out = true;
                open.tally.counts.unsettled += 1;
                open.tally.counts.incomplete += 1;
            }
            FaultCode::Unreadable
            | FaultCode::SkippedSymlink
            | FaultCode::LinkNotFollowed
            | FaultCode::NotARegularFile
            | FaultCode::FolderTooDeep => {
                open.tally.left_out = true;
                open.tally.counts.left_out += 1;
                let unread = fault.code.leaves_mail_unread();
                open.tally.counts.incomplete += u64::from(unread);
            }
        }
        self.line(&entry)
    }

    /// The file at hand is through, with `bytes` uncompressed ones in the source.
    fn end(&mut self, bytes: u64) -> Result<(), RunError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        open.flush()?;
        if open.tally.left_out {
            self.counts = self.counts.and(&open.tally.counts);
            self.obsolete.push(open.path);
            return Ok(());
        }
        check_unlocked(&open.source, &open.info)?;
        let Some(complete) = self.settled(&mut open, bytes)? else {
            // It was no mail, nor does anything take its place.
            self.source_line(&mut open, FaultCode::Vanished, 0)?;
            open.tally.counts.left_out += 1;
            self.counts = self.counts.and(&open.tally.counts);
            self.obsolete.push(open.path);
            return Ok(());
        };
        set_time(open.file.get_ref(), open.info.stamp)
            .map_err(|error| RunError::unwritable(&open.path, error))?;
        if open.tally.messages == 0 && open.tally.counts.skipped == 0 {
            self.file_line(&open, &complete)?;
        }
        open.tally.counts.files += 1;
        open.tally.counts.bytes += complete.bytes;
        self.counts = self.counts.and(&open.tally.counts);
        if open.is_replaced {
            self.obsolete.push(open.path.clone());
        }
        self.pending.push(Pending {
            name: open.name(),
            output: open.output,
            sha256: complete.sha256,
        });
        Ok(())
    }

    /// A line about a file without messages.
    fn file_line(&mut self, open: &Open, complete: &Complete) -> Result<(), RunError> {
        let mut line = record(complete.sha256, Action::Copied, None);
        line.kind = custody::Kind::File;
        line.source = SourcePlace {
            sha256: line.source.sha256,
            ..open.source_place(0, complete.bytes)
        };
        line.output = Some(custody::OutputPlace {
            path: open.shown_output(),
            offset: 0,
            length: complete.bytes,
            sha256: hex(&complete.sha256),
            before_sha256: None,
        });
        self.line(&line)
    }

    /// The file, whatever others did to its source meanwhile. None where the source was no mail, and is gone.
    fn settled(&mut self, open: &mut Open, bytes: u64) -> Result<Option<Complete>, RunError> {
        if let Some(raw) = open.tally.raw {
            return self.raw(open, raw);
        }
        let state = open.state()?;
        let (is_kept, code) = match (open.tally.seen, state) {
            (Seen::Nothing, State::Same | State::Gone) => (true, None),
            // What was read is whole, and what has its name now is not in it.
            (Seen::Nothing, State::Replaced) => (true, Some(FaultCode::FileReplaced)),
            (Seen::Replaced, _) => (true, Some(FaultCode::FileReplaced)),
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
            open.tally.counts.unsettled += 1;
            open.tally.counts.incomplete += 1;
        }
        self.composed(open, bytes, is_there)
    }

    /// A line about what is not in the output, behind what was read of a file.
    fn source_line(&mut self, open: &mut Open, code: FaultCode, more: u64) -> Result<(), RunError> {
        let reason = Some(code.as_str().to_owned());
        let mut line = record(Sha256::default(), Action::LeftOut, reason);
        line.kind = custody::Kind::LeftOut;
        line.output = None;
        let read = open.info.stored_bytes.unwrap_or(0);
        line.source = open.source_place(read, more);
        self.line(&line)
    }

    /// Whether the source, as far as it was listed, still gives the messages that were read.
    fn is_as_read(&self, open: &Open) -> Result<bool, RunError> {
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
        Ok(before == after && seen == (open.tally.messages, open.tally.source_chain))
    }

    /// The file as it was put together, or the source itself where nothing in it is new and it is still there.
    fn composed(
        &mut self,
        open: &mut Open,
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
        if open.tally.length != bytes {
            return Err(RunError::Internal {
                what: "not every byte of a file was written",
            });
        }
        open.complete().map(Some)
    }

    /// A copy of the source as it lies on disk.
    fn raw(&mut self, open: &mut Open, raw: Raw) -> Result<Option<Complete>, RunError> {
        match raw {
            Raw::NoMail if open.state()? == State::Same => {
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
    fn relisted(&mut self, open: &mut Open, reason: &str) -> Result<Option<Complete>, RunError> {
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

/// Reads a file's messages, whatever its name says: each with its offset and the bytes between it and the one before. None where it is no
/// mail.
fn each_message(
    mut file: Box<dyn Read + Send>,
    info: &FileInfo,
    limits: &Limits,
    with: &mut dyn FnMut(u64, &[u8], &[u8]) -> Result<(), RunError>,
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

/// The chain of digests of stored messages.
fn linked(chain: &Sha256, next: &str) -> Sha256 {
    sha256(&[chain.as_slice(), next.as_bytes()].concat())
}
