//! Files to messages with byte offsets. Stops at the separator line: what a message means is `mime`'s business.
//!
//! Every byte of every file is in exactly one item: a message, between messages, or a fault. Bad input never ends a run.
//!
//! Not read: messages in tar, ZIP or Outlook files, and files compressed with anything but gzip and zstd. In a folder those are
//! [`Kind::Other`], as an argument they are refused.

mod block;
mod compressed;
mod cursor;
mod detect;
mod eml;
mod file;
mod frame;
mod inputs;
mod ledger;
mod maildir;
mod mbox;
mod resume;
mod walk;
mod window;
pub mod write;

use std::io::Read;
use std::path::PathBuf;

use crate::archive::file::OpenFile;
use crate::archive::file::Output;
use crate::archive::file::Step;
use crate::archive::inputs::Inputs;
use crate::archive::inputs::Source;
use crate::archive::window::Window;
use crate::error::RunError;
use crate::limits::{BLOCK_ITEMS, Limits};

pub use crate::archive::block::{
    Block, Compression, Fault, FaultCode, FaultDetail, FileInfo, Item,
};
pub use crate::archive::block::{Kind, Located, Stamp, shown, unshown};
pub use crate::archive::cursor::Cursor;
use crate::archive::cursor::Place;
pub use crate::archive::inputs::ReadOptions;
pub use crate::archive::mbox::variant::Variant;

/// The messages of all arguments, in archive order, a block at a time.
pub struct Archive {
    inputs: Inputs,
    limits: Limits,
    file_times: bool,
    window: Window,
    items: Vec<Item>,
    open: Option<OpenFile>,
    /// Behind the last file that is through.
    cursor: Cursor,
    source_bytes: u64,
    /// The file of an earlier run that is not there any more, until its end was handed out.
    gone: Option<(u32, FileInfo)>,
}

impl Archive {
    /// Opens files and folders; `-` is standard input. Every file named is looked at: it has to be mail. Folders are read on the way.
    ///
    /// # Errors
    /// A file or folder can't be opened, or a file named is no mail.
    pub fn open(arguments: &[PathBuf], options: ReadOptions) -> Result<Self, RunError> {
        let inputs = Inputs::open(arguments, &options.limits)?;
        Ok(Self::over(inputs, options))
    }

    /// Reads one stream, which the report calls `name`, as [`Archive::open`] reads standard input.
    ///
    /// # Errors
    /// Its beginning can't be read or is no mail.
    pub fn from_reader(
        name: &str,
        reader: Box<dyn Read + Send>,
        options: ReadOptions,
    ) -> Result<Self, RunError> {
        let inputs = Inputs::from_reader(name, reader, &options.limits)?;
        Ok(Self::over(inputs, options))
    }

    fn over(inputs: Inputs, options: ReadOptions) -> Self {
        Self {
            inputs,
            limits: options.limits,
            file_times: options.file_times,
            window: Window::new(options.block_bytes.max(1)),
            items: Vec::new(),
            open: None,
            cursor: Cursor::default(),
            source_bytes: 0,
            gone: None,
        }
    }

    /// The sizes on disk of all files together, for a progress bar; walks through all folders. None with standard input.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.inputs.total_bytes()
    }

    /// The next block; None behind the last one. Never fails: what can't be read is an item.
    pub fn next_block(&mut self) -> Option<Block> {
        loop {
            if let Some(open) = &mut self.open {
                let mut output = Output {
                    window: &mut self.window,
                    items: &mut self.items,
                    next_input: &mut self.cursor.next_input,
                    limits: &self.limits,
                };
                match open.advance(&mut output) {
                    Step::Again => {}
                    Step::Full => return Some(self.hand_out()),
                    Step::Ended => {
                        self.source_bytes += open.newly_used_bytes(true);
                        self.cursor.place = Place::After(open.path().to_vec());
                        self.open = None;
                    }
                }
            } else if self.window.is_nearly_full() || self.items.len() >= BLOCK_ITEMS {
                return Some(self.hand_out());
            } else if let Some(source) = self.inputs.next() {
                self.open = self.begin(source);
            } else {
                return (!self.items.is_empty()).then(|| self.hand_out());
            }
        }
    }

    /// Takes a block's bytes back, for a later block.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.window.recycle(buffer);
    }

    /// The file of a source; a fault in its place becomes a row of its own.
    fn begin(&mut self, source: Source) -> Option<OpenFile> {
        if self.cursor.argument != source.argument && !source.is_late {
            self.cursor.argument = source.argument;
            self.cursor.place = Place::Start;
        }
        let (argument, is_late) = (source.argument, source.is_late);
        match OpenFile::new(source, self.file_times) {
            Ok(open) => Some(open),
            Err((path, fault)) => {
                let input = self.cursor.next_input;
                self.cursor.next_input += 1;
                if !is_late {
                    self.cursor.place = Place::After(path.clone());
                }
                self.items
                    .extend(block::unread(input, argument, path, fault));
                None
            }
        }
    }

    fn hand_out(&mut self) -> Block {
        self.gone = None;
        let mut end = self.cursor.clone();
        if let Some(open) = &mut self.open {
            self.source_bytes += open.newly_used_bytes(false);
            end.place = open.place().unwrap_or(end.place);
        }
        Block {
            bytes: self.window.take(),
            items: std::mem::take(&mut self.items),
            end,
            source_bytes: std::mem::take(&mut self.source_bytes),
        }
    }
}
