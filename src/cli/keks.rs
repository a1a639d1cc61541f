//! Key-encryption keys from `--kek ID:FILE`; the key itself never stands in the arguments.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::exit::CommandError;
use crate::cli::screen::escaped;
use crate::error::RunError;
use crate::pki::keyring::Keks;

/// Bytes of a key file: a hexadecimal key with some white space.
const FILE_BYTES: u64 = 1024;

/// The lengths of a key in bytes: from RC2 of 40 bits to what no wrap asks for.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 5..=128;

/// Reads every key.
///
/// # Errors
/// `Usage` where an argument is not `ID:FILE`; a file that can't be read or holds no key; with `strict`, one that others can read.
pub fn load(arguments: &[OsString], strict: bool) -> Result<Keks, CommandError> {
    let mut keks = Keks::none();
    for argument in arguments {
        let (identifier, path) = split(argument).ok_or_else(|| {
            CommandError::Usage(format!(
                "--kek {}: give ID:FILE, the key's identifier in hexadecimal and the file that holds it",
                escaped(&argument.to_string_lossy())
            ))
        })?;
        keks.push(&identifier, read(path, strict)?);
    }
    Ok(keks)
}

fn split(argument: &OsStr) -> Option<(Vec<u8>, &Path)> {
    let octets = argument.as_bytes();
    let colon = octets.iter().position(|octet| *octet == b':')?;
    let (identifier, path) = (octets.get(..colon)?, octets.get(colon + 1..)?);
    let identifier = hexadecimal(identifier).filter(|identifier| !identifier.is_empty())?;
    let path = Path::new(OsStr::from_bytes(path));
    (!path.as_os_str().is_empty()).then(|| (identifier.to_vec(), path))
}

fn read(path: &Path, strict: bool) -> Result<Zeroizing<Vec<u8>>, RunError> {
    let unreadable = |error| RunError::unreadable(path, error);
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        if strict {
            return Err(RunError::Unusable {
                path: path.to_owned(),
                problem: "others can read this key file. Take their permission away (chmod 600), or leave out --strict-perms.",
            });
        }
        // Where standard error is closed nobody is there to be told.
        let _ = writeln!(
            anstream::stderr(),
            "mailseal: {}: others can read this key file",
            escaped(&path.display().to_string())
        );
    }
    // As much room as there will be bytes, so that no copy stays behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2048));
    let mut taken = file.take(FILE_BYTES + 1);
    taken.read_to_end(&mut bytes).map_err(unreadable)?;
    let key = hexadecimal(&bytes).unwrap_or(bytes);
    if !KEY_BYTES.contains(&key.len()) {
        return Err(RunError::Unusable {
            path: path.to_owned(),
            problem: "holds no key: give its 5 to 128 bytes as they are, or in hexadecimal.",
        });
    }
    Ok(key)
}

/// Pairs of hexadecimal digits with white space or colons around them; None where it is something else.
pub(super) fn hexadecimal(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let mut high = None;
    for octet in text {
        if octet.is_ascii_whitespace() || *octet == b':' {
            continue;
        }
        let digit = char::from(*octet).to_digit(16)?;
        let digit = u8::try_from(digit).ok()?;
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => octets.push(high | digit),
        }
    }
    high.is_none().then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b");
        let load = |identifier: &str, content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            let argument = OsString::from(format!("{identifier}:{}", path.display()));
            let keks = load(&[argument], false)?;
            let found = keks.by_identifier(&[0xab, 0xcd]).next().map(<[u8]>::to_vec);
            Ok::<_, CommandError>(found)
        };
        for content in [&b"\x01\x02\x03\x04\x05\x06\xff"[..], b"010203040506FF\n"] {
            let key = load("abCD", content).unwrap();
            assert_eq!(key.unwrap(), [1, 2, 3, 4, 5, 6, 0xff]);
        }
        for content in [&b""[..], b"\x01", &[1; 129], b"0102"] {
            assert!(matches!(
                load("abcd", content),
                Err(CommandError::Run(RunError::Unusable { .. }))
            ));
        }
        for identifier in ["", "xy", "abc"] {
            assert!(matches!(
                load(identifier, &[1; 16]),
                Err(CommandError::Usage(_))
            ));
        }
        let missing = OsString::from("abcd:/nowhere/key");
        assert!(super::load(&[missing], false).is_err());
    }

    #[test]
    fn strict_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, [1; 16]).unwrap();
        let argument = [OsString::from(format!("01:{}", path.display()))];
        for (mode, usable) in [(0o640, false), (0o600, true)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).unwrap();
            assert_eq!(load(&argument, true).is_ok(), usable);
            assert!(load(&argument, false).is_ok());
        }
    }
}
