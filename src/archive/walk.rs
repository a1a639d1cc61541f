//! The files of a folder, in byte order of their names, sub-folders where their name stands.
//!
//! Folders are opened one inside the other, never by path, and nothing is followed: a folder that is replaced by a link while the run
//! goes on leads nowhere else. One list of names is held for each folder on the way down.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::openat;
use rustix::fs::statat;
use rustix::io::Errno;

use crate::archive::block::FaultCode;
use crate::archive::block::FaultDetail;
use crate::archive::block::Stamp;
use crate::archive::maildir::Parts;
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
    frames: Vec<Frame>,
    depth: usize,
}

struct Frame {
    folder: OwnedFd,
    /// The folder's relative path, with a slash behind it unless it is empty.
    prefix: Vec<u8>,
    /// What is left of its names.
    names: std::vec::IntoIter<Name>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Maildir,
    /// `cur` or `new` of a Maildir.
    Messages,
}

struct Name {
    name: CString,
    kind: NameKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NameKind {
    Folder,
    File,
    Symlink,
    Special,
    /// A part of a Maildir that isn't there.
    Missing,
}

impl Walk {
    /// A walk through the folder at `path`, which may be a link itself.
    ///
    /// # Errors
    /// The folder can't be opened or read.
    pub fn new(path: &Path, limits: &Limits) -> io::Result<Self> {
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
            frames: vec![frame],
            depth: limits.folder_depth,
        })
    }

    /// Goes behind `path`, as far as it still exists, and gives what it names.
    pub fn seek(&mut self, path: &[u8]) -> Option<Node> {
        for component in path.split(|octet| *octet == b'/') {
            let frame = self.frames.last_mut()?;
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
            if let Some(node) = self.visit(name) {
                return (whole == path).then_some(node);
            }
        }
        None
    }

    /// The sizes of all files that are left, in bytes; what can't be read counts nothing.
    pub fn total_bytes(mut self) -> u64 {
        let mut total = 0u64;
        while let Some(name) = self.next_name() {
            if name.kind == NameKind::Folder {
                let _ = self.enter(&name);
            } else if name.kind == NameKind::File
                && let Some(frame) = self.frames.last()
                && let Ok(stat) = statat(&frame.folder, &name.name, AtFlags::SYMLINK_NOFOLLOW)
            {
                total = total.saturating_add(u64::try_from(stat.st_size).unwrap_or(0));
            }
        }
        total
    }

    fn next_name(&mut self) -> Option<Name> {
        loop {
            match self.frames.last_mut()?.names.next() {
                Some(name) => return Some(name),
                None => drop(self.frames.pop()),
            }
        }
    }

    /// None for a folder, which is entered.
    fn visit(&mut self, name: Name) -> Option<Node> {
        let found = match name.kind {
            NameKind::Folder => match self.enter(&name) {
                Ok(()) => return None,
                Err(found) => found,
            },
            NameKind::File => self.open(&name),
            NameKind::Symlink => Found::Fault(FaultCode::SkippedSymlink, FaultDetail::None),
            NameKind::Special => Found::Fault(FaultCode::NotARegularFile, FaultDetail::None),
            NameKind::Missing => Found::Fault(FaultCode::FolderMissing, FaultDetail::None),
        };
        let prefix = self.frames.last().map(|frame| &frame.prefix[..]);
        Some(Node {
            path: [prefix.unwrap_or_default(), name.name.as_bytes()].concat(),
            found,
        })
    }

    fn enter(&mut self, name: &Name) -> Result<(), Found> {
        if self.frames.len() > self.depth {
            return Err(Found::Fault(FaultCode::FolderTooDeep, FaultDetail::None));
        }
        let Some(parent) = self.frames.last() else {
            return Ok(());
        };
        let bytes = name.name.as_bytes();
        let role = match (parent.role, bytes) {
            (Role::Maildir, b"cur" | b"new") => Role::Messages,
            (Role::Plain | Role::Maildir | Role::Messages, _) => Role::Plain,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(&parent.folder, &name.name, flags, Mode::empty())
            .map_err(|errno| fault_of(errno.into()))?;
        let prefix = [&parent.prefix[..], bytes, b"/"].concat();
        self.frames
            .push(Frame::read(folder, prefix, role).map_err(fault_of)?);
        Ok(())
    }

    fn open(&self, name: &Name) -> Found {
        let Some(parent) = self.frames.last() else {
            return Found::Fault(FaultCode::Unreadable, FaultDetail::None);
        };
        // Not blocking: a pipe put in the file's place must not hold the run.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&parent.folder, &name.name, flags, Mode::empty()).map(File::from);
        let file = match opened {
            Ok(file) => file,
            Err(Errno::LOOP) => {
                return Found::Fault(FaultCode::SkippedSymlink, FaultDetail::None);
            }
            Err(errno) => return fault_of(errno.into()),
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Found::File {
                stamp: Stamp::of(&metadata),
                file,
                in_maildir: parent.role == Role::Messages,
            },
            Ok(_) => Found::Fault(FaultCode::NotARegularFile, FaultDetail::None),
            Err(error) => fault_of(error),
        }
    }
}

impl Iterator for Walk {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        loop {
            let name = self.next_name()?;
            if let Some(node) = self.visit(name) {
                return Some(node);
            }
        }
    }
}

fn fault_of(error: io::Error) -> Found {
    Found::Fault(FaultCode::Unreadable, FaultDetail::Io(error.kind()))
}

impl Frame {
    fn read(folder: OwnedFd, prefix: Vec<u8>, role: Role) -> io::Result<Self> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let file_type = match entry.file_type() {
                FileType::Unknown => statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::RegularFile, |stat| {
                        FileType::from_raw_mode(stat.st_mode)
                    }),
                known => known,
            };
            names.push(Name {
                name: name.to_owned(),
                kind: match file_type {
                    FileType::Directory => NameKind::Folder,
                    FileType::RegularFile => NameKind::File,
                    FileType::Symlink => NameKind::Symlink,
                    _ => NameKind::Special,
                },
            });
        }
        let has = |part: &[u8]| {
            names
                .iter()
                .any(|name| name.kind == NameKind::Folder && name.name.as_bytes() == part)
        };
        let parts = Parts {
            cur: has(b"cur"),
            new: has(b"new"),
            tmp: has(b"tmp"),
        };
        let role = match parts.is_maildir() && role == Role::Plain {
            true => Role::Maildir,
            false => role,
        };
        if role == Role::Maildir {
            names.retain(|name| name.kind != NameKind::Folder || name.name.as_bytes() != b"tmp");
            for (there, part) in [(parts.cur, c"cur"), (parts.new, c"new")] {
                let taken = names.iter().any(|name| name.name.as_c_str() == part);
                if !there && !taken {
                    names.push(Name {
                        name: part.to_owned(),
                        kind: NameKind::Missing,
                    });
                }
            }
        }
        names.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(Self {
            folder,
            prefix,
            names: names.into_iter(),
            role,
        })
    }
}
