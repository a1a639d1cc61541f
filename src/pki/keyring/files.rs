//! Which files to read, and reading them into memory that is wiped.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::RunError;

/// A file to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// As given, or below the folder given.
    pub path: PathBuf,
    /// Named itself, not found in a folder.
    pub named: bool,
    /// The path from the root on.
    pub absolute: PathBuf,
    /// Its state; None for what is no regular file.
    pub identity: Option<FileIdentity>,
}

/// One state of a file: whatever is written to it changes this, at the latest by its `ctime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
    /// Permission bits.
    pub mode: u32,
}

/// File systems count time in steps of up to two seconds: a change in the step in which an index was written does not show.
const STEP_NS: i128 = 2_000_000_000;

impl FileIdentity {
    fn of(metadata: &Metadata) -> Option<Self> {
        let nanoseconds = |seconds: i64, rest: i64| {
            i128::from(seconds)
                .saturating_mul(1_000_000_000)
                .saturating_add(i128::from(rest))
        };
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.permissions().mode() & 0o7777,
        })
    }

    /// It was last changed well before this time, in nanoseconds since 1970.
    pub fn is_settled(&self, at_ns: i128) -> bool {
        self.changed_ns.saturating_add(STEP_NS) < at_ns
    }

    /// All of it, for an index.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(60);
        for number in [self.device, self.inode, self.bytes] {
            octets.extend_from_slice(&number.to_be_bytes());
        }
        for time in [self.modified_ns, self.changed_ns] {
            octets.extend_from_slice(&time.to_be_bytes());
        }
        octets.extend_from_slice(&self.mode.to_be_bytes());
        octets
    }
}

/// A file's bytes.
pub(super) struct Content {
    /// All of it; None where it is larger than the limit, and so holds no keys.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
    /// Permission bits.
    pub mode: u32,
    /// The state that was read; None for what is no regular file.
    pub identity: Option<FileIdentity>,
}

/// All files named, and those in the folders named and below, folders in the byte order of their paths.
///
/// Links to files are followed, links to folders only where they are named: no walk goes round in a circle.
/// In folders only regular files count; a pipe can be named.
///
/// # Errors
/// `Unreadable` for a path or folder that can't be read.
pub(super) fn list(paths: &[PathBuf]) -> Result<Vec<Candidate>, RunError> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable = |source| RunError::unreadable(path, source);
        let metadata = fs::metadata(path).map_err(unreadable)?;
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        if !metadata.is_dir() {
            files.push(Candidate {
                path: path.clone(),
                named: true,
                absolute,
                identity: FileIdentity::of(&metadata),
            });
            continue;
        }
        let start = files.len();
        let mut folders = vec![(path.clone(), absolute)];
        while let Some(folder) = folders.pop() {
            walk(&folder, &mut files, &mut folders)
                .map_err(|source| RunError::unreadable(&folder.0, source))?;
        }
        if let Some(found) = files.get_mut(start..) {
            found.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        }
    }
    Ok(files)
}

fn walk(
    folder: &(PathBuf, PathBuf),
    files: &mut Vec<Candidate>,
    folders: &mut Vec<(PathBuf, PathBuf)>,
) -> io::Result<()> {
    for entry in fs::read_dir(&folder.0)? {
        let entry = entry?;
        let path = entry.path();
        let absolute = folder.1.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            folders.push((path, absolute));
            continue;
        }
        let identity = fs::metadata(&path)
            .ok()
            .and_then(|target| FileIdentity::of(&target));
        if identity.is_some() {
            files.push(Candidate {
                path,
                named: false,
                absolute,
                identity,
            });
        }
    }
    Ok(())
}

/// Reserved for what has no size beforehand; few key files are larger.
const PIPE_BYTES: usize = 64 << 10;

/// Reads at most `limit_bytes` of a file.
///
/// # Errors
/// As the system says.
pub(super) fn read(path: &Path, limit_bytes: u64) -> io::Result<Content> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mode = metadata.permissions().mode() & 0o7777;
    let identity = FileIdentity::of(&metadata);
    if metadata.len() > limit_bytes {
        return Ok(Content {
            bytes: None,
            mode,
            identity,
        });
    }
    // One allocation: a buffer that grows leaves copies of the key behind.
    let size = match usize::try_from(metadata.len()) {
        Ok(size) if metadata.is_file() => size + 1,
        _ => PIPE_BYTES,
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    file.take(limit_bytes + 1).read_to_end(&mut bytes)?;
    let within = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit_bytes);
    Ok(Content {
        bytes: within.then_some(bytes),
        mode,
        identity,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn folders_are_walked_in_byte_order_without_circles() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        for name in ["a", "b/c/d", "b.p12", "B"] {
            fs::write(root.join(name), name).unwrap();
        }
        symlink(root, root.join("b/round")).unwrap();
        symlink(root.join("a"), root.join("link")).unwrap();
        symlink(root.join("nowhere"), root.join("dangling")).unwrap();
        let names: Vec<_> = list(&[root.to_owned()])
            .unwrap()
            .into_iter()
            .map(|file| {
                assert!(!file.named);
                file.path.strip_prefix(root).unwrap().to_owned()
            })
            .collect();
        let expected = ["B", "a", "b.p12", "b/c/d", "link"];
        assert_eq!(names, expected.map(PathBuf::from));
        let named = list(&[root.join("a")]).unwrap();
        assert!(named[0].named);
        let missing = list(&[root.join("nothing")]).unwrap_err();
        assert!(matches!(missing, RunError::Unreadable { .. }));
    }

    #[test]
    fn large_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, [7; 10]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let content = read(&path, 10).unwrap();
        assert_eq!(content.bytes.unwrap().as_slice(), [7; 10]);
        assert_eq!(content.mode, 0o640);
        assert!(read(&path, 9).unwrap().bytes.is_none());
    }
}
