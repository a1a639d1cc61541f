//! A folder on the way down a walk: what is left of its names, and what it is in a Maildir.

use std::ffi::CStr;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

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
use crate::archive::ledger::Ledger;
use crate::archive::maildir::Parts;
use crate::archive::walk::Found;

pub(super) struct Frame {
    pub folder: OwnedFd,
    /// The folder's relative path, with a slash behind it unless it is empty.
    pub prefix: Vec<u8>,
    /// What is left of its names.
    pub names: std::vec::IntoIter<Name>,
    pub role: Role,
    /// Of a Maildir.
    pub pair: Option<Pair>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Maildir,
    /// `cur` or `new` of a Maildir.
    Messages,
}

pub(super) struct Name {
    pub name: CString,
    pub kind: NameKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Folder,
    File,
    Symlink,
    Special,
    /// A part of a Maildir that isn't there.
    Missing,
}

/// `cur` and `new` of a Maildir.
#[derive(Default)]
pub(super) struct Pair {
    /// Listed and not yet entered.
    pub ready: Vec<(&'static CStr, Frame)>,
    /// How many are listed and not yet through.
    pub left: usize,
    /// Messages that were not there any more under the names they were listed by.
    pub missing: Vec<Vec<u8>>,
    pub rounds: u32,
}

/// Opens a file that was listed.
///
/// # Errors
/// As the system says; a link that was put in its place is a fault.
pub(super) fn open(folder: &OwnedFd, name: &Name, in_maildir: bool) -> io::Result<Found> {
    // Not blocking: a pipe put in the file's place must not hold the run.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(folder, &name.name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => {
            return Ok(Found::Fault(FaultCode::SkippedSymlink, FaultDetail::None));
        }
        Err(errno) => return Err(errno.into()),
    };
    let metadata = file.metadata()?;
    Ok(match metadata.is_file() {
        true => Found::File {
            stamp: Stamp::of(&metadata),
            file,
            in_maildir,
        },
        false => Found::Fault(FaultCode::NotARegularFile, FaultDetail::None),
    })
}

pub(super) fn folder_in(parent: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

/// `new` and `cur` of a Maildir, with what was not handed out of them. Those that can't be read are left out: what enters them says why.
pub(super) fn both(
    maildir: &OwnedFd,
    prefix: &[u8],
    argument: u32,
    ledger: &Ledger,
) -> Vec<(&'static CStr, Frame)> {
    let mut parts = Vec::new();
    for part in [c"new", c"cur"] {
        let prefix = [prefix, part.to_bytes(), b"/"].concat();
        let frame =
            folder_in(maildir, part).and_then(|folder| Frame::read(folder, prefix, Role::Messages));
        if let Ok(frame) = frame {
            parts.push((part, frame));
        }
    }
    if ledger.is_empty() {
        return parts;
    }
    let mut paths = Vec::new();
    for (_, part) in &parts {
        for name in part.names.as_slice() {
            paths.push([&part.prefix[..], name.name.as_bytes()].concat());
        }
    }
    let mut left = ledger.without_given(argument, &paths).into_iter();
    for (_, part) in &mut parts {
        let names: Vec<Name> = part
            .names
            .by_ref()
            .filter(|_| left.next().unwrap_or(true))
            .collect();
        part.names = names.into_iter();
    }
    parts
}

pub(super) fn vanished() -> Found {
    Found::Fault(FaultCode::Vanished, FaultDetail::None)
}

pub(super) fn fault_of(error: io::Error) -> Found {
    match error.kind() {
        io::ErrorKind::NotFound => vanished(),
        kind => Found::Fault(FaultCode::Unreadable, FaultDetail::Io(kind)),
    }
}

impl Frame {
    /// The same folder, read again.
    pub fn read_dup(folder: &OwnedFd, prefix: &[u8], role: Role) -> io::Result<Self> {
        Self::read(folder_in(folder, c".")?, prefix.to_vec(), role)
    }

    pub fn read(folder: OwnedFd, prefix: Vec<u8>, role: Role) -> io::Result<Self> {
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
            pair: None,
        })
    }
}
