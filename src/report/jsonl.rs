//! JSON: one object a line, or one for a file.

use serde::Serialize;

use crate::error::RunError;

/// Writes `record` as one line: no line feed inside, UTF-8 whatever came in.
///
/// # Errors
/// [`RunError::Internal`] where the record can't be JSON; no record of ours is.
pub fn line(record: &impl Serialize, out: &mut Vec<u8>) -> Result<(), RunError> {
    serde_json::to_writer(&mut *out, record).map_err(no_json)?;
    out.push(b'\n');
    Ok(())
}

/// `record` for a file of its own, indented.
///
/// # Errors
/// As [`line()`].
pub fn pretty(record: &impl Serialize) -> Result<Vec<u8>, RunError> {
    let mut out = serde_json::to_vec_pretty(record).map_err(no_json)?;
    out.push(b'\n');
    Ok(out)
}

fn no_json(_: serde_json::Error) -> RunError {
    RunError::Internal {
        what: "a record can't be written as JSON",
    }
}
