//! `manifest-sha256.txt`: what `sha256sum -c` checks a report with.

use crate::facts::record::Sha256;
use crate::report::encode::hex;

/// Files of a report that the manifest leaves out: itself, and the one that differs from run to run.
pub const LEFT_OUT: &[&str] = &["manifest-sha256.txt", "run.json"];

/// The manifest of files by their path inside the report, sorted by path. [`LEFT_OUT`] are left out.
///
/// A line break or backslash in a path is escaped as GNU coreutils do, and the line begins with a backslash then. Never fails.
#[must_use]
pub fn text<'f>(files: impl IntoIterator<Item = (&'f str, Sha256)>) -> String {
    let mut files: Vec<_> = files
        .into_iter()
        .filter(|(path, _)| !LEFT_OUT.contains(path))
        .collect();
    files.sort_unstable();
    let mut out = String::new();
    for (path, sha256) in files {
        let escaped = path
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('\r', "\\r");
        if escaped != path {
            out.push('\\');
        }
        out.push_str(&hex(&sha256));
        out.push_str("  ");
        out.push_str(&escaped);
        out.push('\n');
    }
    out
}
