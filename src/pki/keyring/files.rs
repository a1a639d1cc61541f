//! Which files to read, and reading them into memory that is wiped.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
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
}

/// A file's bytes.
pub(super) struct Content {
    /// All of it; None where it is larger than the limit, and so holds no keys.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
    /// Permission bits.
    pub mode: u32,
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
        if !fs::metadata(path).map_err(unreadable)?.is_dir() {
            files.push(Candidate {
                path: path.clone(),
                named: true,
            });
            continue;
        }
        let start = files.len();
        let mut folders = vec![path.clone()];
        while let Some(folder) = folders.pop() {
            walk(&folder, &mut files, &mut folders)
                .map_err(|source| RunError::unreadable(&folder, source))?;
        }
        if let Some(found) = files.get_mut(start..) {
            found.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        }
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<Candidate>, folders: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            folders.push(path);
        } else if fs::metadata(&path).is_ok_and(|target| target.is_file()) {
            files.push(Candidate { path, named: false });
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
    if metadata.len() > limit_bytes {
        return Ok(Content { bytes: None, mode });
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
