//! The one place that writes: blocks in archive order to files, and a line about each message.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::archive::{Cursor, Fault, FaultCode, FaultDetail, FileInfo, Item, Located};
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::bag::commit::{Appender, Pending, chained, check, name, set_time};
use crate::jobs::bag::folder::{Folder, PAYLOAD, RECORDS, exists, sync};
use crate::jobs::bag::journal::Journal;
use crate::jobs::bag::open::{Complete, Open};
use crate::jobs::bag::source::{Sources, State, check_unlocked};
use crate::jobs::migrate::counts::{Checkpoint, Counts, FileTally, Raw, Seen};
use crate::jobs::migrate::message::Kept;
use crate::jobs::migrate::work::{Outcome, is_mbox, record};
use crate::limits::Limits;
use crate::pipeline::Worked;
use crate::report::custody::{self, Action, Record, SourcePlace};
use crate::report::encode::hex;
use crate::report::{Cells, csv, jsonl};

pub(super) const UNDECRYPTED: &str = "undecrypted.csv";

/// Where a file's end waits while its messages are listed anew.
pub(super) fn tail_of(number: u64, file: &str) -> String {
    format!("{number}-{file}")
}

/// Writes the output of a run.
pub(super) struct Writer<'w> {
    pub(super) folder: &'w Folder,
    pub(super) sources: &'w Sources,
    pub(super) limits: &'w Limits,
    pub(super) records: Appender,
    payload: Appender,
    pub(super) undecrypted: Appender,
    journal: Journal,
    open: Option<Open<FileTally>>,
    pending: Vec<Pending>,
    /// Temporary files that the journal may still speak of, and that are needed no more.
    pub(super) obsolete: Vec<PathBuf>,
    /// Mboxes that are through, as they were then: mail may be delivered to them until the run ends.
    pub(super) watched: Vec<FileInfo>,
    pub(super) counts: Counts,
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
            watched: Vec::new(),
            counts: from.map_or_else(Counts::default, |from| from.counts),
            sequence: from.map_or(0, |from| from.sequence),
        };
        if undecrypted == 0 {
            let mut header = Vec::new();
            csv::header(custody::UNDECRYPTED_COLUMNS, &mut header);
            writer.undecrypted.write(&header)?;
        }
        if let Some(state) = open {
            let mut open = Open::reopen(state, folder, sources)?;
            // Whether what is there now is as it was is looked at when the file is through.
            if let State::Written | State::Replaced = open.became()? {
                open.tally.seen = Seen::Written;
            }
            writer.open = Some(open);
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
        self.look_once_more()?;
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

    fn at_hand(&mut self) -> Result<&mut Open<FileTally>, RunError> {
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
            open: self.open.as_ref().map(Open::state),
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
        let mut open: Open<FileTally> = Open::begin(info, self.folder, self.sources, number)?;
        open.tally.before = self.lengths();
        self.open = Some(open);
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
        open.before_at = open.length;
        if !outcome.blank.is_empty() {
            open.between(outcome.blank)?;
        }
        self.line(&record)?;
        match &outcome.recipients {
            Some(recipients) => self.worklist(&record, recipients, &reason),
            None => Ok(()),
        }
    }

    pub(super) fn line(&mut self, record: &Record) -> Result<(), RunError> {
        let mut line = Vec::new();
        jsonl::line(record, &mut line)?;
        self.records.write(&line)
    }

    pub(super) fn worklist(
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
                let (place, sha256, is_whole) = open.copy_unread(fault.offset, fault.length)?;
                if !is_whole {
                    open.tally.seen = Seen::Written;
                }
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
            FaultCode::Vanished if open.length > 0 => {
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
        if is_mbox(&open.info) && !open.tally.is_named {
            self.watched.push(FileInfo {
                stamp: open.tally.found.or(open.info.stamp),
                ..open.info.clone()
            });
        }
        self.pending.push(Pending {
            name: open.name(),
            output: open.output,
            sha256: complete.sha256,
        });
        Ok(())
    }

    /// A line about a file without messages.
    fn file_line(&mut self, open: &Open<FileTally>, complete: &Complete) -> Result<(), RunError> {
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
}

/// The chain of digests of stored messages.
pub(super) fn linked(chain: &Sha256, next: &str) -> Sha256 {
    sha256(&[chain.as_slice(), next.as_bytes()].concat())
}
