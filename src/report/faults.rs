//! `faults.csv`: a row for each thing that could not be read or was skipped.

use crate::report::csv::{Cells, Row};

/// The columns of `faults.csv`.
pub const COLUMNS: &[&str] = &[
    "archive", "path", "code", "stage", "offset", "length", "detail",
];

/// Something that could not be read or was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRow<'a> {
    /// Index into inputs.csv; None for what never became an input.
    pub archive: Option<u32>,
    /// The file's path, relative to the argument.
    pub path: &'a str,
    /// What happened.
    pub code: &'a str,
    /// Where in the program: `archive`, `mime`, `cms` …
    pub stage: &'a str,
    /// From where in the uncompressed file on, in bytes.
    pub offset: Option<u64>,
    /// How much, in bytes.
    pub length: Option<u64>,
    /// What the system or the reader said.
    pub detail: &'a str,
}

/// Writes one row. Never fails.
pub fn row(fault: &FaultRow<'_>, cells: Cells, out: &mut Vec<u8>) {
    let mut row = Row::new(out, cells);
    row.optional_number(fault.archive)
        .text(fault.path)
        .text(fault.code)
        .text(fault.stage)
        .optional_number(fault.offset)
        .optional_number(fault.length)
        .text(fault.detail);
    row.end();
}
