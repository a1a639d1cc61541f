//! Verdicts to bytes. Decides nothing and reads no clock.
//!
//! Workers [`render`] the messages of a block into a [`Rendered`]; the one [`Sink`] writes blocks in archive order and joins
//! their counts; [`Summary`] holds the sums against each other and becomes `summary.json` and the text on the terminal.
//! The files and their fields are described in `manual/report.md`; [`record`] is the schema of `messages.jsonl`.

pub mod record;

mod fill;

pub mod jsonl;

pub mod csv;

pub mod signatures;

pub mod decryptions;

pub mod faults;

pub mod inputs;

pub mod certificates;

pub mod usage;

pub mod dossier;

pub mod directory;

pub mod harvest;

pub mod missing;

pub mod keys;

mod columns;
pub mod lint;

pub mod evidence;

pub mod store;

pub mod counts;

pub mod tally;

pub mod sink;

pub mod summary;

pub mod screen;

pub mod manifest;

pub mod custody;

pub mod migration;

pub mod refused;

pub mod sending;

pub mod run;

pub mod escape;

pub mod extract;

pub mod explain;

pub mod encode;

pub mod reread;

mod names;

pub use certificates::{CertificateRow, CertificateTally};
pub use csv::Cells;
pub use faults::FaultRow;
pub use inputs::{InputRow, folder};
pub use missing::MissingKeys;
pub use run::Run;
pub use sink::{Output, Outputs, Rendered, Sink};
pub use summary::{Header, Summary};
pub use tally::Tally;
pub use usage::{Usage, Usages};

use crate::error::RunError;
use crate::facts::record::{Identifier, MessageFacts, Sha256};
use crate::judge::verdict::MessageVerdict;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file's number in inputs.csv.
    pub archive: u32,
    /// The file's path, relative to the argument; what is not UTF-8 in it as U+FFFD.
    pub path: &'a str,
    /// The path's bytes, only where they are not valid UTF-8.
    pub path_bytes: Option<&'a [u8]>,
    /// The group that summary.json counts it in; see [`folder`].
    pub folder: &'a str,
    /// From where in the uncompressed file on, in bytes.
    pub offset: u64,
    /// Bytes as stored, in the uncompressed file.
    pub length: u64,
}

/// How the report finds certificates of the pool: by a number that stands for each while the run lasts.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// The number of a certificate by its SHA-256.
    pub certificate: &'a dyn Fn(&Sha256) -> Option<u32>,
    /// The number of the certificate that a RecipientInfo names, where exactly one is known; asked once a block for each.
    pub recipient: &'a dyn Fn(&Identifier) -> Option<u32>,
}

/// What the user chose for the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// `--subjects`: the Subject stands in messages.jsonl.
    pub subjects: bool,
    /// The cells of tables.
    pub cells: Cells,
}

/// Renders one message behind those that are in `out`.
///
/// Pure: equal facts, verdict, place and options give equal bytes. Messages of a block come in order of their offset.
///
/// # Errors
/// [`RunError::Internal`] where verdict and facts are not of the same message.
pub fn render(
    place: &Place<'_>,
    facts: &MessageFacts,
    verdict: &MessageVerdict,
    lookup: &Lookup<'_>,
    options: &RenderOptions,
    out: &mut Rendered,
) -> Result<(), RunError> {
    if !same_message(facts, verdict) {
        return Err(RunError::Internal {
            what: "a verdict does not have its message's layers and signatures",
        });
    }
    out.names.learn(facts);
    let record = fill::message(place, facts, verdict, &out.names, options.subjects);
    jsonl::line(&record, &mut out.messages)?;
    signatures::rows(
        place,
        facts,
        verdict,
        &out.names,
        options.cells,
        &mut out.signatures,
    );
    decryptions::rows(
        place,
        facts,
        &out.names,
        options.cells,
        &mut out.decryptions,
    );
    out.missing.count(facts, place.length);
    let claimed = tally::claimed_time(facts);
    out.tally
        .count(place, facts, verdict, &record.findings, claimed);
    let finder = (lookup, &mut out.recipients);
    out.usages
        .count(place, facts, verdict, &record.certificates, claimed, finder);
    Ok(())
}

fn same_message(facts: &MessageFacts, verdict: &MessageVerdict) -> bool {
    let signatures = facts.layers.iter().map(|layer| layer.signatures.len());
    signatures.eq(verdict.signatures.iter().map(Vec::len))
}

impl std::fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}
