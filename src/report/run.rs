//! `run.json`: the one file of a report that differs from run to run.

use serde::{Deserialize, Serialize};

use crate::asn1::Time;
use crate::error::RunError;
use crate::report::encode::Instant;
use crate::report::jsonl;

const SCHEMA: &str = "mailseal/run/1";

/// What the caller measured; in `run.json` the keys have this order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run<'a> {
    /// When the run began.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// How long it took.
    pub seconds: f64,
    /// The machine's name.
    pub host: &'a str,
    /// Worker threads.
    pub threads: u32,
    /// As typed, passwords left out.
    pub arguments: &'a [String],
    /// Messages read.
    pub messages: u64,
    /// Bytes read, uncompressed; of `decrypt` those of the files it wrote.
    pub bytes: u64,
    /// Where the run went on after an earlier one, as archive and offset.
    pub resumed_at: Option<(u32, u64)>,
    /// Of `decrypt`: files of the source that came, went, grew or were written meanwhile.
    pub unsettled: Option<u64>,
}

#[derive(Serialize)]
struct RunRecord<'a> {
    schema: &'static str,
    started: Instant,
    ended: Instant,
    seconds: f64,
    host: &'a str,
    threads: u32,
    arguments: &'a [String],
    messages: u64,
    bytes: u64,
    messages_per_second: f64,
    bytes_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsettled: Option<u64>,
}

/// The bytes of `run.json`.
///
/// # Errors
/// [`RunError::Internal`] where a number is none.
pub fn json(run: &Run<'_>) -> Result<Vec<u8>, RunError> {
    let seconds = run.seconds.max(0.001);
    let record = RunRecord {
        schema: SCHEMA,
        started: Instant(run.started),
        ended: Instant(run.ended),
        seconds: run.seconds,
        host: run.host,
        threads: run.threads,
        arguments: run.arguments,
        messages: run.messages,
        bytes: run.bytes,
        messages_per_second: (number(run.messages) / seconds).round(),
        bytes_per_second: (number(run.bytes) / seconds).round(),
        resumed_at: run
            .resumed_at
            .map(|(archive, offset)| format!("{archive}#{offset}")),
        unsettled: run.unsettled,
    };
    jsonl::pretty(&record)
}

/// Messages and bytes of a `run.json`; None where it is none.
#[must_use]
pub fn figures(json: &[u8]) -> Option<(u64, u64)> {
    #[derive(Deserialize)]
    struct Figures {
        schema: String,
        messages: u64,
        bytes: u64,
    }
    let figures: Figures = serde_json::from_slice(json).ok()?;
    (figures.schema == SCHEMA).then_some((figures.messages, figures.bytes))
}

/// A count for a rate; above 2^53 the last digits do not matter.
fn number(count: u64) -> f64 {
    let (high, low) = (count >> 32, count & 0xffff_ffff);
    let part = |half: u64| u32::try_from(half).map_or(0.0, f64::from);
    part(high) * 4_294_967_296.0 + part(low)
}
