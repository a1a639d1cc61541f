//! A position between two blocks that outlives the run.

use serde::{Deserialize, Serialize};

use crate::archive::block::FileInfo;
use crate::archive::mbox::Mbox;

/// A position between two blocks. Written down with what came before it, it lets a later run over the same arguments go on behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The argument that is being read.
    pub(super) argument: u32,
    /// The number that the next file gets.
    pub(super) next_input: u32,
    /// Where in the argument.
    pub(super) place: Place,
}

impl Cursor {
    /// The number of the file in which, or with which, it goes on, and the bytes of that file that are done.
    #[must_use]
    pub fn at(&self) -> (u32, u64) {
        match &self.place {
            Place::Inside { input, offset, .. } => (*input, *offset),
            Place::Start | Place::After(_) => (self.next_input, 0),
        }
    }

    /// The number and the file that the position is inside of.
    pub(super) fn open_file(&self) -> Option<(u32, &FileInfo)> {
        match &self.place {
            Place::Inside { input, file, .. } => Some((*input, file)),
            Place::Start | Place::After(_) => None,
        }
    }
}

/// A position inside an argument.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// Before its first file.
    #[default]
    Start,
    /// Behind the file with this relative path.
    After(Vec<u8>),
    /// In a file.
    Inside {
        /// The file's number.
        input: u32,
        /// The file.
        file: FileInfo,
        /// Bytes of the uncompressed file that are done.
        offset: u64,
        /// The state of its cutting; None where a single message follows.
        mbox: Option<Mbox>,
    },
}
