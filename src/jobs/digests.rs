//! SHA-256 of the input files (`--hash-inputs`), in a thread of its own beside pass 1.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use crate::facts::store::FileStart;
use crate::jobs::files::digest;

/// A thread that digests the files it is told of.
#[derive(Debug)]
pub struct Digests {
    files: Sender<(u32, PathBuf)>,
    thread: JoinHandle<Vec<(u32, [u8; 32])>>,
    arguments: Vec<PathBuf>,
}

impl Digests {
    /// Starts the thread. `arguments` are what the archive was opened with.
    #[must_use]
    pub fn start(arguments: &[PathBuf]) -> Self {
        let (files, told) = channel::<(u32, PathBuf)>();
        let thread = thread::spawn(move || {
            // A file that can't be read has no digest; that it can't is in faults.csv already.
            told.iter()
                .filter_map(|(input, path)| Some((input, digest(&path).ok()?)))
                .collect()
        });
        Self {
            files,
            thread,
            arguments: arguments.to_vec(),
        }
    }

    /// Tells the thread of a file. Standard input is left out: it can't be read twice.
    pub fn file(&self, file: &FileStart) {
        let argument = usize::try_from(file.argument)
            .ok()
            .and_then(|index| self.arguments.get(index));
        let Some(argument) = argument.filter(|argument| *argument != Path::new("-")) else {
            return;
        };
        let relative = file.path_bytes.as_deref().unwrap_or(file.path.as_bytes());
        let path = if argument.is_dir() {
            argument.join(std::ffi::OsStr::from_bytes(relative))
        } else {
            argument.clone()
        };
        // The thread ends only when the sender is dropped.
        let _ = self.files.send((file.input, path));
    }

    /// Waits for the rest, and gives the digests by input number.
    #[must_use]
    pub fn finish(self) -> Vec<(u32, [u8; 32])> {
        drop(self.files);
        self.thread.join().unwrap_or_default()
    }
}
