//! The one place that writes: what workers rendered goes to the files in archive order, and their tallies are joined.

use std::io::Write;
use std::path::PathBuf;

use crate::error::RunError;
use crate::report::csv::{self, Cells};
use crate::report::faults::{self, FaultRow};
use crate::report::missing::MissingKeys;
use crate::report::names::Names;
use crate::report::tally::Tally;
use crate::report::usage::{Recipients, Usages};
use crate::report::{decryptions, signatures};

/// The rows of a block of messages, and what they add up to. Made by a worker, emptied and used again.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    pub(in crate::report) messages: Vec<u8>,
    pub(in crate::report) signatures: Vec<u8>,
    pub(in crate::report) decryptions: Vec<u8>,
    pub(in crate::report) faults: Vec<u8>,
    pub(in crate::report) names: Names,
    pub(in crate::report) recipients: Recipients,
    /// Counts of the block.
    pub tally: Tally,
    /// Use of certificates in the block.
    pub usages: Usages,
    /// Keys that would open what stayed closed in the block.
    pub missing: MissingKeys,
}

impl Rendered {
    /// Adds a fault, and counts it. Faults of a block come in order of their offset. Never fails.
    pub fn fault(&mut self, fault: &FaultRow<'_>, cells: Cells) {
        faults::row(fault, cells, &mut self.faults);
        self.tally.faults.add(fault.code.to_owned());
    }

    /// Makes it empty; buffers and the texts of names are kept.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.signatures.clear();
        self.decryptions.clear();
        self.faults.clear();
        self.tally = Tally::default();
        self.usages.clear();
        self.missing.clear();
        self.recipients.clear();
    }
}

/// A file to write to, opened by the caller, who also syncs it.
pub struct Output {
    /// For messages.
    pub path: PathBuf,
    /// What takes the bytes; blocks come in large pieces, but a buffer helps with small ones.
    pub writer: Box<dyn Write + Send>,
}

/// The files that grow with the archive.
#[derive(Debug)]
pub struct Outputs {
    /// `messages.jsonl`.
    pub messages: Output,
    /// `signatures.csv`.
    pub signatures: Output,
    /// `decryptions.csv`.
    pub decryptions: Output,
    /// `faults.csv`.
    pub faults: Output,
}

/// Takes blocks in archive order.
#[derive(Debug)]
pub struct Sink {
    outputs: Outputs,
    tally: Tally,
    usages: Usages,
    missing: MissingKeys,
}

impl Sink {
    /// A sink over empty files; the tables get their headers.
    ///
    /// # Errors
    /// [`RunError::Unwritable`].
    pub fn new(mut outputs: Outputs) -> Result<Self, RunError> {
        let mut line = Vec::new();
        for (columns, output) in [
            (signatures::COLUMNS, &mut outputs.signatures),
            (decryptions::COLUMNS, &mut outputs.decryptions),
            (faults::COLUMNS, &mut outputs.faults),
        ] {
            line.clear();
            csv::header(columns, &mut line);
            output.write(&line)?;
        }
        Ok(Self {
            outputs,
            tally: Tally::default(),
            usages: Usages::default(),
            missing: MissingKeys::default(),
        })
    }

    /// Writes the next block in archive order and joins its counts.
    ///
    /// # Errors
    /// [`RunError::Unwritable`]; part of the block may have been written then.
    pub fn append(&mut self, block: &Rendered) -> Result<(), RunError> {
        self.outputs.messages.write(&block.messages)?;
        self.outputs.signatures.write(&block.signatures)?;
        self.outputs.decryptions.write(&block.decryptions)?;
        self.outputs.faults.write(&block.faults)?;
        self.tally.join(&block.tally);
        self.usages.join(&block.usages);
        self.missing.join(&block.missing);
        Ok(())
    }

    /// Flushes the files and gives the sums.
    ///
    /// # Errors
    /// [`RunError::Unwritable`].
    pub fn finish(mut self) -> Result<(Tally, Usages, MissingKeys), RunError> {
        self.outputs.messages.flush()?;
        self.outputs.signatures.flush()?;
        self.outputs.decryptions.flush()?;
        self.outputs.faults.flush()?;
        Ok((self.tally, self.usages, self.missing))
    }
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.writer
            .write_all(bytes)
            .map_err(|source| RunError::unwritable(&self.path, source))
    }

    fn flush(&mut self) -> Result<(), RunError> {
        self.writer
            .flush()
            .map_err(|source| RunError::unwritable(&self.path, source))
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Output").field(&self.path).finish()
    }
}
