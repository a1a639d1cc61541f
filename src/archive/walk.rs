//! The files of a folder, in byte order of their names, sub-folders where their name stands.
//!
//! Folders are opened one inside the other, never by path, and nothing is followed: a folder that is replaced by a link while the run
//! goes on leads nowhere else. One list of names is held for each folder on the way down.
//!
//! `new` and `cur` of a Maildir are listed together, `new` first, so that a message that is moved between the two is in one list or both.
//! What can't be found by its name any more is looked for when both are through, by the part of the name that stays, and what came
//! meanwhile is read, too.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::statat;

use crate::archive::block::FaultCode;
use crate::archive::block::FaultDetail;
use crate::archive::block::Stamp;
use crate::archive::frame::Frame;
use crate::archive::frame::Name;
use crate::archive::frame::NameKind;
use crate::archive::frame::Pair;
use crate::archive::frame::Role;
use crate::archive::frame::both;
use crate::archive::frame::fault_of;
use crate::archive::frame::folder_in;
use crate::archive::frame::open;
use crate::archive::frame::vanished;
use crate::archive::ledger::Ledger;
use crate::archive::ledger::Lister;
use crate::archive::maildir;
use crate::limits::Limits;

/// Something met on the way.
pub(super) struct Node {
    /// Relative to the folder where the walk began.
    pub path: Vec<u8>,
    pub found: Found,
}

pub(super) enum Found {
    /// A regular file, open.
    File {
        file: File,
        stamp: Stamp,
        /// It lies in `cur` or `new` of a Maildir.
        in_maildir: bool,
    },
    Fault(FaultCode, FaultDetail),
}

/// A walk through one folder.
pub(super) struct Walk {
    root: PathBuf,
    /// Which argument it is.
    argument: u32,
    frames: Vec<Frame>,
    /// Messages that could not be found again.
    vanished: VecDeque<Vec<u8>>,
    depth: usize,
}

/// How often messages that are called otherwise by now are looked for: each time they can be moved again.
const ROUNDS: u32 = 4;

impl Walk {
    /// A walk through the folder at `path`, which may be a link itself.
    ///
    /// # Errors
    /// The folder can't be opened or read.
    pub fn new(path: &Path, argument: u32, limits: &Limits) -> io::Result<Self> {
        let folder = OwnedFd::from(File::open(path)?);
        let role = match path.file_name() {
            Some(name) if name == "cur" || name == "new" => {
                let sibling = if name == "cur" { "new" } else { "cur" };
                match path.with_file_name(sibling).is_dir() {
                    true => Role::Messages,
                    false => Role::Plain,
                }
            }
            _ => Role::Plain,
        };
        let frame = Frame::read(folder, Vec::new(), role)?;
        Ok(Self {
            root: path.to_owned(),
            argument,
            frames: vec![frame],
            vanished: VecDeque::new(),
            depth: limits.folder_depth,
        })
    }

    /// Goes behind `path`, as far as it still exists, and gives what it names. Of a Maildir that `path` lies in, all is still to come that
    /// `ledger` does not know.
    pub fn seek(&mut self, path: &[u8], inside: bool, ledger: &mut Ledger) -> Option<Node> {
        for component in path.split(|octet| *octet == b'/') {
            let is_pair = self.is_pair(component, ledger);
            let frame = self.frames.last_mut()?;
            if is_pair {
                let after: Vec<Name> = frame.names.by_ref().collect();
                frame.names = after
                    .into_iter()
                    .filter(|name| {
                        let bytes = name.name.as_bytes();
                        let is_listed = matches!(bytes, b"cur" | b"new");
                        bytes > component || is_listed && name.kind == NameKind::Folder
                    })
                    .collect::<Vec<_>>()
                    .into_iter();
                return self.seek_message(path, inside, ledger);
            }
            let names = frame.names.as_slice();
            let before = names.partition_point(|name| name.name.as_bytes() < component);
            if before > 0 {
                frame.names.nth(before - 1);
            }
            let here = frame.names.as_slice().first();
            if here.is_none_or(|name| name.name.as_bytes() != component) {
                return None;
            }
            let name = frame.names.next()?;
            let whole = [&frame.prefix[..], component].concat();
            if let Some(node) = self.visit(name, &Ledger::default()) {
                return (whole == path).then_some(node);
            }
        }
        None
    }

    /// Whether `component` is `cur` or `new` of the Maildir at hand.
    fn is_pair(&mut self, component: &[u8], ledger: &Ledger) -> bool {
        if !matches!(component, b"cur" | b"new") {
            return false;
        }
        // Those of an earlier run are told apart below, where nobody says what it handed out.
        if !ledger.is_blind {
            self.prepare(ledger);
        } else {
            self.prepare(&Ledger::default());
        }
        let pair = self.frames.last().and_then(|frame| frame.pair.as_ref());
        pair.is_some_and(|pair| !pair.ready.is_empty())
    }

    /// A message of the Maildir at hand, by its name or the part that stays.
    fn seek_message(&mut self, path: &[u8], inside: bool, ledger: &mut Ledger) -> Option<Node> {
        let argument = self.argument;
        let frame = self.frames.last_mut()?;
        let pair = frame.pair.as_mut()?;
        let mut found = None;
        for (_, part) in &mut pair.ready {
            let mut names: Vec<Name> = part.names.by_ref().collect();
            if ledger.is_blind {
                let is_done = |name: &Name| [&part.prefix[..], name.name.as_bytes()].concat();
                for name in &names {
                    let whole = is_done(name);
                    if whole.as_slice() <= path {
                        ledger.give(argument, &whole);
                    }
                }
                names.retain(|name| is_done(name).as_slice() > path);
            }
            let is_it = |name: &Name| [&part.prefix[..], name.name.as_bytes()].concat() == path;
            names.retain(|name| !is_it(name));
            part.names = names.into_iter();
        }
        if !inside {
            return None;
        }
        // Under its own name first.
        for is_renamed in [false, true] {
            for (_, part) in &mut pair.ready {
                let listed = Frame::read_dup(&part.folder, &part.prefix, part.role).ok()?;
                for name in listed.names {
                    let whole = [&part.prefix[..], name.name.as_bytes()].concat();
                    let fits = match is_renamed {
                        false => whole == path,
                        true => {
                            maildir::folder(&whole) == maildir::folder(path)
                                && maildir::lasting(&whole) == maildir::lasting(path)
                        }
                    };
                    if !fits || found.is_some() || name.kind != NameKind::File {
                        continue;
                    }
                    if let Ok(opened) = open(&part.folder, &name, true) {
                        let left: Vec<Name> = part
                            .names
                            .by_ref()
                            .filter(|other| other.name != name.name)
                            .collect();
                        part.names = left.into_iter();
                        found = Some(Node {
                            path: whole,
                            found: opened,
                        });
                    }
                }
            }
        }
        found
    }

    /// Adds the files that are left to a listing.
    ///
    /// # Errors
    /// The listing can't be written.
    pub fn list(mut self, lister: &mut Lister) -> io::Result<()> {
        let nothing = Ledger::default();
        while let Some(name) = self.next_name(None) {
            let Some(frame) = self.frames.last() else {
                continue;
            };
            let bytes = name.name.as_bytes();
            if name.kind == NameKind::Folder {
                let _ = self.enter(&name, &nothing);
            } else if name.kind == NameKind::File
                && frame.role != Role::Maildir
                && !maildir::is_housekeeping(bytes)
            {
                lister.file(self.argument, &[&frame.prefix[..], bytes].concat())?;
            }
        }
        Ok(())
    }

    /// The sizes of all files that are left, in bytes; what can't be read counts nothing.
    pub fn total_bytes(mut self) -> u64 {
        let mut total = 0u64;
        let nothing = Ledger::default();
        while let Some(name) = self.next_name(None) {
            if name.kind == NameKind::Folder {
                let _ = self.enter(&name, &nothing);
            } else if name.kind == NameKind::File
                && let Some(frame) = self.frames.last()
                && let Ok(stat) = statat(&frame.folder, &name.name, AtFlags::SYMLINK_NOFOLLOW)
            {
                total = total.saturating_add(u64::try_from(stat.st_size).unwrap_or(0));
            }
        }
        total
    }

    /// The next thing; `ledger` knows everything that came before it.
    pub fn next(&mut self, ledger: &Ledger) -> Option<Node> {
        loop {
            if let Some(path) = self.vanished.pop_front() {
                let found = vanished();
                return Some(Node { path, found });
            }
            let name = self.next_name(Some(ledger));
            if self.vanished.is_empty() {
                if let Some(node) = self.visit(name?, ledger) {
                    return Some(node);
                }
            } else if let (Some(name), Some(frame)) = (name, self.frames.last_mut()) {
                // They come first.
                let rest = frame.names.by_ref();
                let names: Vec<Name> = std::iter::once(name).chain(rest).collect();
                frame.names = names.into_iter();
            }
        }
    }

    /// With a ledger, messages that are missing where a Maildir is through are looked for.
    fn next_name(&mut self, ledger: Option<&Ledger>) -> Option<Name> {
        loop {
            let frame = self.frames.last_mut()?;
            if let Some(name) = frame.names.next() {
                return Some(name);
            }
            let role = frame.role;
            self.frames.pop();
            let pair = pair_of(&mut self.frames).filter(|_| role == Role::Messages);
            if let (Some(pair), Some(ledger)) = (pair, ledger) {
                pair.left = pair.left.saturating_sub(1);
                if pair.left == 0 {
                    self.look_again(ledger);
                }
            }
        }
    }

    /// Lists `new` and `cur` again, both of which are through, for messages that were not handed out.
    fn look_again(&mut self, ledger: &Ledger) {
        let argument = self.argument;
        let maildir = self
            .frames
            .iter_mut()
            .rfind(|frame| frame.role == Role::Maildir);
        let Some(frame) = maildir else {
            return;
        };
        let Some(pair) = &mut frame.pair else {
            return;
        };
        pair.rounds += 1;
        let is_first = pair.rounds == 1;
        let mut again = Vec::new();
        if (is_first || !pair.missing.is_empty()) && pair.rounds <= ROUNDS {
            again = both(&frame.folder, &frame.prefix, argument, ledger);
        }
        let wanted: HashSet<&[u8]> = pair
            .missing
            .iter()
            .map(|path| maildir::lasting(path))
            .collect();
        let mut found = HashSet::new();
        for (_, part) in &mut again {
            let names: Vec<Name> = part
                .names
                .by_ref()
                .filter(|name| {
                    let lasting = maildir::lasting(name.name.as_bytes());
                    let is_wanted = wanted.contains(lasting);
                    if is_wanted {
                        found.insert(lasting.to_vec());
                    }
                    name.kind == NameKind::File && (is_wanted || is_first)
                })
                .collect();
            part.names = names.into_iter();
        }
        again.retain(|(_, part)| part.names.len() > 0);
        let missing = std::mem::take(&mut pair.missing);
        for path in missing {
            // Listed twice, and read once.
            if ledger.has_lasting(argument, &path) || found.contains(maildir::lasting(&path)) {
                continue;
            }
            self.vanished.push_back(path);
        }
        pair.left = again.len();
        self.frames.extend(again.into_iter().map(|(_, part)| part));
    }

    /// Lists `new` and `cur` of the Maildir at hand, once.
    fn prepare(&mut self, ledger: &Ledger) {
        let argument = self.argument;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if frame.role == Role::Maildir && frame.pair.is_none() {
            let ready = both(&frame.folder, &frame.prefix, argument, ledger);
            frame.pair = Some(Pair {
                left: ready.len(),
                ready,
                ..Pair::default()
            });
        }
    }

    /// None for a folder, which is entered, and for what waits or does not matter.
    fn visit(&mut self, name: Name, ledger: &Ledger) -> Option<Node> {
        let parent = self.frames.last()?;
        let path = [&parent.prefix[..], name.name.as_bytes()].concat();
        let role = parent.role;
        if name.kind != NameKind::Folder && ledger.is_given(self.argument, &path) {
            return None;
        }
        let found = match name.kind {
            NameKind::Folder => match self.enter(&name, ledger) {
                Ok(()) => return None,
                Err(found) => found,
            },
            NameKind::File => match open(&parent.folder, &name, role == Role::Messages) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if maildir::is_housekeeping(name.name.as_bytes()) {
                        return None;
                    }
                    match pair_of(&mut self.frames).filter(|_| role == Role::Messages) {
                        Some(pair) => {
                            pair.missing.push(path);
                            return None;
                        }
                        None => vanished(),
                    }
                }
                Err(error) => fault_of(error),
            },
            NameKind::Symlink => self.link(&path, role),
            NameKind::Special => Found::Fault(FaultCode::NotARegularFile, FaultDetail::None),
            NameKind::Missing => Found::Fault(FaultCode::FolderMissing, FaultDetail::None),
        };
        Some(Node { path, found })
    }

    /// Mail may lie behind a link to a folder, unless that is read anyway or would be read without end.
    fn link(&self, path: &[u8], role: Role) -> Found {
        let target = self.root.join(OsStr::from_bytes(path)).canonicalize();
        let root = self.root.canonicalize();
        let code = match (target, root) {
            (Ok(target), Ok(root)) if target.starts_with(&root) || root.starts_with(&target) => {
                FaultCode::SkippedSymlink
            }
            (Ok(target), _) if target.is_dir() || role == Role::Messages && target.is_file() => {
                FaultCode::LinkNotFollowed
            }
            _ => FaultCode::SkippedSymlink,
        };
        Found::Fault(code, FaultDetail::None)
    }

    fn enter(&mut self, name: &Name, ledger: &Ledger) -> Result<(), Found> {
        if self.frames.len() > self.depth {
            return Err(Found::Fault(FaultCode::FolderTooDeep, FaultDetail::None));
        }
        if matches!(name.name.as_bytes(), b"cur" | b"new") {
            self.prepare(ledger);
        }
        let Some(parent) = self.frames.last_mut() else {
            return Ok(());
        };
        let pair = parent.pair.as_mut();
        if let Some(pair) = pair
            && let Some(at) = pair
                .ready
                .iter()
                .position(|(part, _)| *part == name.name.as_c_str())
        {
            let (_, frame) = pair.ready.swap_remove(at);
            self.frames.push(frame);
            return Ok(());
        }
        let folder = folder_in(&parent.folder, &name.name).map_err(fault_of)?;
        let prefix = [&parent.prefix[..], name.name.as_bytes(), b"/"].concat();
        self.frames
            .push(Frame::read(folder, prefix, Role::Plain).map_err(fault_of)?);
        Ok(())
    }
}

/// Of the Maildir that is being read.
fn pair_of(frames: &mut [Frame]) -> Option<&mut Pair> {
    let maildir = frames.iter_mut().rfind(|frame| frame.role == Role::Maildir);
    maildir?.pair.as_mut()
}
