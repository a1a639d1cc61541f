//! `mailseal sign` and `mailseal encrypt` on the built program: what is sent, what is refused, and that other programs can read it.

mod corpus;
mod crash;
mod encrypting;
mod help;
mod people;
mod refusing;
mod signing;

use std::fs;
use std::process::{Command, Stdio};

use mailseal::archive::{Archive, Item, ReadOptions};
use serde_json::Value;

use super::program::{Ran, Workplace};

/// `COMMAND ARCHIVE -o OUT -q --at=2040-01-01 MORE`.
pub fn send(place: &Workplace, command: &str, archive: &str, out: &str, more: &[&str]) -> Ran {
    let arguments = [
        &[command, archive, "-o", out, "-q", super::program::AT][..],
        more,
    ];
    place.run(&arguments.concat())
}

/// The lines of a bag's `manifest.jsonl`.
pub fn records(place: &Workplace, out: &str) -> Vec<Value> {
    super::migrate::records(place, out)
}

/// The reasons in `refused.csv`, with the role and the address.
pub fn refusals(place: &Workplace, out: &str) -> Vec<(String, String, String)> {
    let rows = place.table(out, "refused.csv");
    rows.iter()
        .map(|row| {
            let cell = |name: &str| row[name].clone();
            (cell("role"), cell("address"), cell("reason"))
        })
        .collect()
}

/// The messages of an archive, as bytes.
pub fn messages(place: &Workplace, archive: &str) -> Vec<Vec<u8>> {
    let paths = [place.join(archive)];
    let mut archive = Archive::open(&paths, ReadOptions::default()).unwrap();
    let mut messages = Vec::new();
    while let Some(block) = archive.next_block() {
        for item in &block.items {
            if let Item::Message(located) = item {
                messages.push(block.message(located).bytes.to_vec());
            }
        }
    }
    messages
}

/// `openssl` as it is installed, and what its first line of version is; None, and a line that says so, where it is not.
pub fn openssl() -> Option<String> {
    let ran = Command::new("openssl").arg("version").output();
    match ran {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(_) | Err(_) => {
            eprintln!("skipped: no openssl here");
            None
        }
    }
}

/// Has `openssl cms` read a message with these arguments; what it prints, where it is content with it.
pub fn openssl_cms(
    place: &Workplace,
    message: &[u8],
    arguments: &[&str],
) -> Result<Vec<u8>, String> {
    let path = place.write("for-openssl.eml", message);
    let output = Command::new("openssl")
        .arg("cms")
        .args(arguments)
        .arg("-in")
        .arg(path)
        .current_dir(place.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// No file of a bag, or of what a run left, has this text in it.
pub fn is_nowhere(place: &Workplace, out: &str, text: &str) {
    for (path, bytes) in super::migrate::files(&place.join(out)) {
        let found = memchr::memmem::find(&bytes, text.as_bytes());
        assert!(found.is_none(), "{text} is in {}", path.display());
    }
}

/// Every file of a bag is its owner's alone.
pub fn is_private(place: &Workplace, out: &str) {
    use std::os::unix::fs::PermissionsExt;
    for path in super::migrate::files(&place.join(out)).keys() {
        let mode = fs::metadata(place.join(out).join(path))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{}", path.display());
    }
}
