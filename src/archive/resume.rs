//! Going on with an interrupted run: where it was, what it handed out, and what lay in the folders when it began.

use crate::archive::Archive;
use crate::archive::block;
use crate::archive::block::FileInfo;
use crate::archive::cursor::Cursor;
use crate::archive::cursor::Place;
use crate::archive::file::OpenFile;
use crate::archive::ledger::Listing;
use crate::archive::window::Window;
use crate::error::RunError;

impl Archive {
    /// Goes behind the block that `cursor` is the end of. What the earlier run handed out is not handed out again.
    ///
    /// Compressed files and standard input are read from their start and passed over up to there. A file that is gone by now ends with a
    /// fault. Tell before with [`Archive::handed_out`] which files the earlier run handed out, and with [`Archive::relist`] what it listed;
    /// else nobody looks whether any are missing.
    ///
    /// # Errors
    /// The arguments are not those of the earlier run.
    pub fn resume(&mut self, cursor: &Cursor) -> Result<(), RunError> {
        let source = self.inputs.seek(cursor.argument, &cursor.place)?;
        self.window = Window::new(self.window.block_bytes());
        self.items.clear();
        self.open = None;
        self.cursor = cursor.clone();
        let Place::Inside {
            input,
            file,
            offset,
            mbox,
        } = &cursor.place
        else {
            return Ok(());
        };
        if let Some(source) = source
            && let Some(open) = self.begin(source)
        {
            self.open = Some(open.resume(*input, file.clone(), *offset, *mbox));
            return Ok(());
        }
        self.cursor.place = Place::After(file.path.clone());
        self.gone = Some((*input, file.clone()));
        self.items.extend(block::gone(*input, file.kind, *offset));
        Ok(())
    }

    /// What lies in the folders when the run begins, for [`Archive::relist`]; None where there is no folder.
    #[must_use]
    pub fn listing(&mut self) -> Option<Vec<u8>> {
        let listing = self.inputs.listing().ok()?;
        Some(listing.bytes().to_vec())
    }

    /// What an earlier run listed. Where that can't be read, it is listed anew.
    pub fn relist(&mut self, listing: Vec<u8>) {
        if let Some(listing) = Listing::again(listing) {
            self.inputs.set_listing(listing);
        }
    }

    /// A file that an earlier run handed out, by its raw path, or a fault in its place.
    pub fn handed_out(&mut self, argument: u32, path: &[u8]) {
        self.inputs.give(argument, path);
    }

    /// The file that the next block goes on with after [`Archive::resume`]; None where it begins with another.
    #[must_use]
    pub fn open_file(&self) -> Option<(u32, &FileInfo)> {
        self.open
            .as_ref()
            .map(OpenFile::started)
            .or_else(|| self.gone.as_ref().map(|(input, file)| (*input, file)))
            .or_else(|| self.cursor.open_file())
    }
}
