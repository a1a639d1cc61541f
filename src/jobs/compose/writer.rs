//! The one place that writes: blocks in archive order to files, and a line about each message. Nothing is written but what is sent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive::{Cursor, Fault, FaultCode, FileInfo, Item, Kind, Located};
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::bag::commit::{Appender, Pending, chained, check, name, read_again};
use crate::jobs::bag::folder::{Folder, PAYLOAD, RECORDS, REFUSED, SKIPPED, exists, sync};
use crate::jobs::bag::journal::Journal;
use crate::jobs::bag::open::{Open, OpenState};
use crate::jobs::bag::source::{Sources, State, check_unlocked, state};
use crate::jobs::compose::refusal::{Problem, Refused};
use crate::jobs::compose::work::{Fate, Outcome, Written};
use crate::jobs::migrate::work::record;
use crate::limits::Limits;
use crate::pipeline::Worked;
use crate::report::custody::{self, Action, Record, SentTo, SourcePlace};
use crate::report::encode::hex;
use crate::report::refused::{self, REFUSED_COLUMNS, Refusal, SKIPPED_COLUMNS};
use crate::report::{Cells, csv, jsonl};

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages read.
    pub messages: u64,
    /// Of them: sent.
    pub sent: u64,
    /// Refused.
    pub refused: u64,
    /// Signed or encrypted already.
    pub skipped: u64,
    /// Messages written.
    pub written: u64,
    /// Files in the output.
    pub files: u64,
    /// Bytes of the files in the output.
    pub bytes: u64,
    /// Files without mail, links, pipes and such.
    pub left_out: u64,
    /// Mail was not read, or not all of it.
    pub incomplete: u64,
}

/// The state behind a block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub cursor: Cursor,
    /// Bytes of `manifest.jsonl`, `manifest-sha256.txt`, `refused.csv` and `skipped.csv`.
    lengths: [u64; 4],
    counts: Counts,
    /// The number that the next temporary file gets.
    sequence: u64,
    /// The file that is being put together.
    open: Option<OpenState<Tally>>,
    /// Files that are complete, synced and listed, and get their names now.
    pending: Vec<Pending>,
}

/// What is known of a file that is being put together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    messages: u64,
    /// Over the digests of the messages, one after another.
    chain: Sha256,
    /// The source's line before the next message, of an mbox.
    separator: Vec<u8>,
}

/// Writes the output of a run.
pub(super) struct Writer<'w> {
    folder: &'w Folder,
    sources: &'w Sources,
    limits: &'w Limits,
    records: Appender,
    payload: Appender,
    refused: Appender,
    skipped: Appender,
    journal: Journal,
    open: Option<Open<Tally>>,
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
        let [records, payload, refused, skipped] = from.map_or([0; 4], |from| from.lengths);
        let bag = folder.bag();
        let open = from.and_then(|from| from.open.as_ref());
        if let Some(from) = from {
            name(folder, &from.pending)?;
        }
        let kept = open.map(|open| open.number.to_string());
        folder.clean(kept.as_deref())?;
        let mut writer = Self {
            folder,
            sources,
            limits,
            records: Appender::open(bag.join(RECORDS), records)?,
            payload: Appender::open(bag.join(PAYLOAD), payload)?,
            refused: Appender::open(bag.join(REFUSED), refused)?,
            skipped: Appender::open(bag.join(SKIPPED), skipped)?,
            journal,
            open: None,
            pending: Vec::new(),
            obsolete: Vec::new(),
            counts: from.map_or_else(Counts::default, |from| from.counts),
            sequence: from.map_or(0, |from| from.sequence),
        };
        for (file, length, columns) in [
            (&mut writer.refused, refused, REFUSED_COLUMNS),
            (&mut writer.skipped, skipped, SKIPPED_COLUMNS),
        ] {
            if length == 0 {
                let mut header = Vec::new();
                csv::header(columns, &mut header);
                file.write(&header)?;
            }
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
        for item in &block.items {
            match item {
                Item::FileStart { file, .. } => self.start(file)?,
                Item::Between { range, .. } => {
                    let bytes = range.clone().and_then(|range| block.bytes.get(range));
                    self.between(bytes.unwrap_or_default());
                }
                Item::Message(located) => {
                    let outcome = results.next().ok_or(RunError::Internal {
                        what: "a message has no result",
                    })?;
                    self.message(located, outcome)?;
                }
                Item::Fault(fault) => self.fault(fault)?,
                Item::FileEnd { kind, .. } => self.end(*kind)?,
            }
        }
        self.checkpoint(&block.end)
    }

    /// Everything was written: the counts.
    ///
    /// # Errors
    /// What can't be written.
    pub fn finish(mut self) -> Result<Counts, RunError> {
        for file in [
            &mut self.records,
            &mut self.payload,
            &mut self.refused,
            &mut self.skipped,
        ] {
            file.sync()?;
        }
        let sum = self.counts.sent + self.counts.refused + self.counts.skipped;
        if sum != self.counts.messages || self.open.is_some() {
            return Err(RunError::Internal {
                what: "not as many messages were written as read",
            });
        }
        Ok(self.counts)
    }

    fn at_hand(&mut self) -> Result<&mut Open<Tally>, RunError> {
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
        for file in [
            &mut self.records,
            &mut self.payload,
            &mut self.refused,
            &mut self.skipped,
        ] {
            file.sync()?;
        }
        let checkpoint = Checkpoint {
            cursor: end.clone(),
            lengths: [
                self.records.length(),
                self.payload.length(),
                self.refused.length(),
                self.skipped.length(),
            ],
            counts: self.counts,
            sequence: self.sequence,
            open: self.open.as_ref().map(Open::state),
            pending: std::mem::take(&mut self.pending),
        };
        self.journal.write(&checkpoint)?;
        // Only now: until here the journal spoke of the state before, and of its temporary files.
        name(self.folder, &checkpoint.pending)?;
        self.obsolete.drain(..).try_for_each(|path| {
            fs::remove_file(&path).map_err(|error| RunError::unwritable(&path, error))
        })
    }

    fn start(&mut self, info: &FileInfo) -> Result<(), RunError> {
        check_unlocked(&self.sources.path(info), info)?;
        let number = self.sequence;
        self.sequence += 1;
        self.open = Some(Open::begin(info, self.folder, self.sources, number)?);
        Ok(())
    }

    /// Of what stands between messages only the separator is taken over.
    fn between(&mut self, bytes: &[u8]) {
        let Some(open) = &mut self.open else {
            return;
        };
        let line = bytes
            .split_inclusive(|octet| *octet == b'\n')
            .rfind(|line| line.starts_with(b"From "));
        if let Some(line) = line {
            open.tally.separator = line.trim_ascii_end().to_vec();
        }
    }

    fn message(&mut self, located: &Located, outcome: &Outcome) -> Result<(), RunError> {
        self.counts.messages += 1;
        let open = self.at_hand()?;
        let place = SourcePlace {
            sha256: Some(hex(&outcome.sha256)),
            ..open.source_place(located.offset, located.length)
        };
        let id = outcome.message_id.as_deref();
        let mut line = record(outcome.sha256, Action::Skipped, None);
        line.message_id = outcome.message_id.clone();
        line.source = place.clone();
        line.output = None;
        match &outcome.result {
            Fate::Skipped(layers) => {
                self.counts.skipped += 1;
                let mut row = Vec::new();
                refused::skipped(&place, id, layers, self.cells(), &mut row);
                self.skipped.write(&row)?;
                self.line(&line)
            }
            Fate::Refused(reasons) => self.refuse(line, reasons),
            Fate::Written(messages) => {
                self.counts.sent += 1;
                messages
                    .iter()
                    .try_for_each(|message| self.written(message, line.clone()))
            }
        }
    }

    fn cells(&self) -> Cells {
        Cells {
            raw: false,
            text_chars: self.limits.text_chars,
        }
    }

    fn refuse(&mut self, mut line: Record, reasons: &[Refused]) -> Result<(), RunError> {
        self.counts.refused += 1;
        let mut rows = Vec::new();
        for one in reasons {
            let certificate = one.certificate.as_ref();
            let refusal = Refusal {
                role: one.role.as_str(),
                address: one.address.as_deref(),
                reason: one.reason,
                certificate: certificate.map(|(sha256, against)| (sha256, against.as_slice())),
            };
            let id = line.message_id.as_deref();
            refused::refused(&line.source, id, refusal, self.cells(), &mut rows);
        }
        let is_ours = |one: &Refused| one.reason == Problem::Panic.as_str();
        self.counts.incomplete += u64::from(reasons.iter().any(is_ours));
        self.refused.write(&rows)?;
        line.action = Action::Refused;
        line.reason = reasons.first().map(|one| one.reason.to_owned());
        self.line(&line)
    }

    /// Writes a message: into the mbox at hand; else it is the file at hand, and what is sent besides it gets a file of its own.
    fn written(&mut self, message: &Written, line: Record) -> Result<(), RunError> {
        let (folder, pending) = (self.folder, &self.pending);
        let is_taken = |output: &[u8]| {
            pending.iter().any(|file| file.output == output) || exists(&folder.data(output))
        };
        let open = self.open.as_mut().ok_or(RunError::Internal {
            what: "a message outside of a file",
        })?;
        let mut line = described(line, message);
        self.counts.written += 1;
        let end = line_end(&message.bytes);
        if open.info.kind == Kind::Mbox {
            let separator = match open.tally.separator.as_slice() {
                [] => b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970",
                found => found,
            };
            let separator = [separator, end].concat();
            open.between(&separator)?;
            put(open, message, &mut line)?;
            open.between(end)?;
            return self.line(&line);
        }
        if open.tally.messages == 0 {
            open.rename_for(&message.bytes, is_taken);
            put(open, message, &mut line)?;
            return self.line(&line);
        }
        let output = beside(&open.output, open.info.kind, &is_taken);
        let mut extra: Open<Tally> = Open::begin(&open.info, folder, self.sources, self.sequence)?;
        self.sequence += 1;
        extra.output = output;
        put(&mut extra, message, &mut line)?;
        extra.flush()?;
        self.complete(extra)?;
        self.line(&line)
    }

    fn line(&mut self, record: &Record) -> Result<(), RunError> {
        let mut line = Vec::new();
        jsonl::line(record, &mut line)?;
        self.records.write(&line)
    }

    fn fault(&mut self, fault: &Fault) -> Result<(), RunError> {
        let open = self.at_hand()?;
        let mut line = record(Sha256::default(), Action::LeftOut, None);
        line.kind = custody::Kind::LeftOut;
        line.output = None;
        line.reason = Some(fault.code.as_str().to_owned());
        line.source = open.source_place(fault.offset, fault.length);
        match fault.code {
            FaultCode::ReadError => {
                let error = io::Error::other(fault.detail.to_string());
                return Err(RunError::unreadable(&open.source, error));
            }
            FaultCode::MessageTooLarge => {
                self.counts.messages += 1;
                self.counts.incomplete += 1;
                line.kind = custody::Kind::Message;
                return self.refuse(line, &[Refused::message(Problem::MessageTooLarge)]);
            }
            FaultCode::BeforeFirstSeparator | FaultCode::FolderMissing => return Ok(()),
            FaultCode::FileChanged | FaultCode::FileReplaced => {
                return Err(changed(&open.source));
            }
            FaultCode::CompressedDamaged
            | FaultCode::DecompressionRatio
            | FaultCode::LinkNotFollowed
            | FaultCode::Vanished
            | FaultCode::Appeared
            | FaultCode::FileGrew
            | FaultCode::NotRecognised
            | FaultCode::Unreadable
            | FaultCode::SkippedSymlink
            | FaultCode::NotARegularFile
            | FaultCode::FolderTooDeep => {}
        }
        self.counts.left_out += 1;
        self.counts.incomplete += u64::from(fault.code.leaves_mail_unread());
        self.line(&line)
    }

    /// The file at hand is through. It is in the output only if something of it is sent.
    fn end(&mut self, kind: Kind) -> Result<(), RunError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        open.flush()?;
        if kind == Kind::Other {
            self.counts.left_out += 1;
            let mut line = record(Sha256::default(), Action::LeftOut, None);
            line.kind = custody::Kind::LeftOut;
            line.output = None;
            line.reason = Some("no_mail".to_owned());
            line.source = open.source_place(0, open.info.stored_bytes.unwrap_or(0));
            self.line(&line)?;
        }
        if open.tally.messages == 0 {
            self.obsolete.push(open.path);
            return Ok(());
        }
        check_unlocked(&open.source, &open.info)?;
        // What was added since is not read, as what comes after the run; what was written is perhaps half of one mail and half of another.
        match state(&open.source, &open.info, open.info.stamp)? {
            State::Same | State::Grown(_) => {}
            State::Written | State::Replaced | State::Gone => return Err(changed(&open.source)),
        }
        if open.info.kind == Kind::Mbox {
            let again = read_again(&open.path, &open.output, self.limits);
            if again != Some((open.tally.messages, open.tally.chain)) {
                return Err(RunError::Internal {
                    what: "an mbox does not read back as it was written",
                });
            }
        }
        self.complete(open)
    }

    fn complete(&mut self, mut open: Open<Tally>) -> Result<(), RunError> {
        let complete = open.compressed()?;
        self.counts.files += 1;
        self.counts.bytes += complete.bytes;
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
}

/// What was read is not what is there.
fn changed(path: &Path) -> RunError {
    RunError::Unusable {
        path: path.to_owned(),
        problem: "changed while it was read. Stop what writes it, or send a copy; then start anew with --force.",
    }
}

/// What the line about a message says of what was made of it.
fn described(mut line: Record, message: &Written) -> Record {
    let sent = &message.sent;
    line.action = match (sent.signer, sent.cipher, sent.is_triple) {
        (_, _, true) => Action::TripleWrapped,
        (Some(_), Some(_), false) => Action::SignedEncrypted,
        (None, Some(_), false) => Action::Encrypted,
        (_, None, false) => Action::Signed,
    };
    line.entity_sha256 = Some(hex(&sent.entity_sha256));
    line.signer_sha256 = sent.signer.as_ref().map(|sha256| hex(sha256));
    line.envelope.clone_from(&sent.envelope);
    line.recipients = sent
        .recipients
        .iter()
        .map(|one| SentTo {
            address: one.address.clone(),
            certificate_sha256: hex(&one.sha256),
        })
        .collect();
    line.cipher = sent.cipher.map(|cipher| cipher.name().to_owned());
    line.bcc = sent.is_blind;
    line
}

/// Writes a message into a file, and its place into the line about it.
fn put(open: &mut Open<Tally>, message: &Written, line: &mut Record) -> Result<(), RunError> {
    line.output = Some(open.place(&message.bytes, &message.sha256));
    open.tally.messages += 1;
    open.tally.chain = chained(&open.tally.chain, &message.sha256);
    open.write(&message.bytes)?;
    open.before_at = open.length;
    Ok(())
}

/// A path that is free beside `output`: `.bcc1` stands before what ends the name, or before a Maildir's flags.
fn beside(output: &[u8], kind: Kind, is_taken: &impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let name_at = output.iter().rposition(|octet| *octet == b'/');
    let name_at = name_at.map_or(0, |at| at + 1);
    let (folder, name) = output.split_at_checked(name_at).unwrap_or_default();
    let at = match kind {
        Kind::Maildir => name
            .windows(3)
            .rposition(|window| matches!(window, [b':' | b';' | b'!', b'2', b','])),
        _ => name
            .iter()
            .position(|octet| *octet == b'.')
            .filter(|at| *at > 0),
    };
    let at = at.unwrap_or(name.len());
    let (stem, ending) = name.split_at_checked(at).unwrap_or_default();
    let mut number = 1_u64;
    loop {
        let output = [folder, stem, format!(".bcc{number}").as_bytes(), ending].concat();
        if !is_taken(&output) {
            return output;
        }
        number += 1;
    }
}

fn line_end(message: &[u8]) -> &'static [u8] {
    match memchr::memchr(b'\n', message) {
        Some(at) if at > 0 && message.get(at - 1) == Some(&b'\r') => b"\r\n",
        Some(_) | None => b"\n",
    }
}
