//! Going on with an interrupted run: what it leaves in its partial folder for that, and what becomes of it.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::asn1::Time;
use crate::cli::args::{Cli, Command};
use crate::cli::exit::CommandError;
use crate::error::RunError;
use crate::jobs::output::{RESUME_FILE, target_of};

/// What an interrupted run needs to go on: its folder, its clock, its arguments.
pub(super) struct Resume {
    pub folder: PathBuf,
    pub now: Time,
    pub arguments: Vec<OsString>,
}

/// First field of the file.
const RESUME_MAGIC: &[u8] = b"mailseal resume 1";

impl Resume {
    /// Of a run that begins here and now.
    pub fn begun(arguments: &[OsString], now: Time) -> Self {
        Self {
            folder: std::env::current_dir().unwrap_or_default(),
            now,
            arguments: arguments.to_vec(),
        }
    }

    /// What an earlier run left in its partial folder: how to go on, its command as typed, and where its output was to be. The working
    /// folder is the earlier run's from now on: its paths are relative to that.
    ///
    /// # Errors
    /// `Usage` where no run left the folder; what can't be read.
    pub fn again(partial: &Path) -> Result<(Self, Command, PathBuf), CommandError> {
        let refused = || not_to_be_gone_on_with(partial);
        let target = target_of(partial).ok_or_else(refused)?;
        let resume = Self::read(partial)?;
        let cli = Cli::try_parse_from(&resume.arguments).map_err(|_| refused())?;
        let target =
            std::path::absolute(target).map_err(|error| RunError::unreadable(partial, error))?;
        std::env::set_current_dir(&resume.folder)
            .map_err(|error| RunError::unreadable(&resume.folder, error))?;
        Ok((resume, cli.command, target))
    }

    /// Fields separated by NUL, which no path or argument holds.
    pub fn text(&self) -> Vec<u8> {
        let mut text = RESUME_MAGIC.to_vec();
        let now = self.now.unix().to_string();
        let fields = [self.folder.as_os_str().as_bytes(), now.as_bytes()];
        let arguments = self.arguments.iter().map(|argument| argument.as_bytes());
        for field in fields.into_iter().chain(arguments) {
            text.push(0);
            text.extend_from_slice(field);
        }
        text
    }

    fn read(partial: &Path) -> Result<Self, CommandError> {
        let path = &partial.join(RESUME_FILE);
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && partial.is_dir() => {
                return Err(not_to_be_gone_on_with(partial));
            }
            Err(error) => return Err(RunError::unreadable(path, error).into()),
        };
        let damaged = || RunError::Damaged {
            path: path.to_owned(),
            problem: "does not say how to go on. Start anew with --force.",
        };
        let mut fields = text.split(|byte| *byte == 0);
        if fields.next() != Some(RESUME_MAGIC) {
            return Err(damaged().into());
        }
        let owned = |field: &[u8]| OsString::from_vec(field.to_vec());
        let folder = fields
            .next()
            .map(|field| PathBuf::from(owned(field)))
            .ok_or_else(damaged)?;
        let now = fields
            .next()
            .and_then(|field| std::str::from_utf8(field).ok()?.parse().ok())
            .and_then(Time::from_unix)
            .ok_or_else(damaged)?;
        Ok(Self {
            folder,
            now,
            arguments: fields.map(owned).collect(),
        })
    }
}

/// No run of the command left this folder.
pub(super) fn not_to_be_gone_on_with(partial: &Path) -> CommandError {
    CommandError::Usage(format!(
        "{}: is not what an interrupted run of this command leaves. Start anew.",
        partial.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_to_go_on_is_read_back() {
        let resume = Resume {
            folder: PathBuf::from("/somewhere/ü"),
            now: Time::from_unix(1_700_000_000).unwrap(),
            arguments: vec![
                OsString::from("mailseal"),
                OsString::from_vec(vec![0xff, b'a']),
                OsString::new(),
            ],
        };
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(RESUME_FILE);
        std::fs::write(&path, resume.text()).unwrap();
        let back = Resume::read(place.path()).unwrap();
        assert_eq!(
            (back.folder, back.now, back.arguments),
            (resume.folder, resume.now, resume.arguments)
        );
        std::fs::write(&path, "nonsense").unwrap();
        assert!(Resume::read(place.path()).is_err());
    }
}
