//! Which keys are missing: the archive is read once, nothing is judged and nothing is written but the table.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use crate::archive::{Archive, Cursor, ReadOptions};
use crate::crypto;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::record::MessageFacts;
use crate::facts::store::{self, Event, Head, Kind};
use crate::jobs::given::Given;
use crate::jobs::output::spool;
use crate::limits::BLOCK_BYTES;
use crate::pipeline::{self, FactsOutput, Machine, Progress};
use crate::pki::keyring::Keyring;
use crate::pki::pool::{PoolBuilder, Provenance};
use crate::report::Cells;
use crate::report::missing::{self, KeyName, MissingKeys};
use crate::report::screen::grouped;

/// What to count.
#[derive(Debug)]
pub struct Count<'a> {
    /// Files and folders; `-` is standard input.
    pub archives: &'a [PathBuf],
    /// Own keys: what they open is not missing. None are needed.
    pub keys: &'a Keyring,
    /// Certificates that may say whose keys are asked for.
    pub certificates: &'a Given,
    /// What to collect.
    pub settings: Settings,
    /// The cells of the table.
    pub cells: Cells,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// `missing-keys.csv`.
    pub table: Vec<u8>,
    /// The sums.
    pub totals: Totals,
}

/// Messages and their bytes as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What the table adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages read.
    pub read: u64,
    /// With an encrypted layer.
    pub encrypted: Amount,
    /// Of these, with a layer for which no key was there.
    pub closed: Amount,
    /// Of these, with no such layer that names a key: passwords, or recipients that can't be read.
    pub unnamed: Amount,
    /// Keys that are missing.
    pub keys: u64,
    /// What the first keys of the table would open together: their number, and messages with a layer for one of them.
    pub together: Vec<(u64, Amount)>,
    /// Something could not be read.
    pub incomplete: bool,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Reads archives and counts what which key would open. `step` is told of each block.
///
/// Equal archives, keys and certificates give equal bytes, for any number of threads.
///
/// # Errors
/// What ends a run.
pub fn count(
    count: &Count<'_>,
    machine: &Machine<'_>,
    step: &mut dyn FnMut(Progress, Option<u64>),
) -> Result<Counted, RunError> {
    let limits = &count.settings.limits;
    let options = ReadOptions {
        limits: limits.clone(),
        block_bytes: BLOCK_BYTES,
        file_times: false,
    };
    let archive = Archive::open(count.archives, options)?;
    let total = archive.total_bytes();
    let mut pool = PoolBuilder::new(spool()?);
    for der in count.keys.certificates() {
        pool.insert_certificate(der, Provenance::Given)?;
    }
    for der in count.certificates.certificates.values() {
        pool.insert_certificate(der, Provenance::Given)?;
    }
    let facts = Temporary::new()?;
    let mut output = FactsOutput {
        writer: facts.writer(count.keys)?,
        path: &facts.folder,
        pool: &mut pool,
        crls: HashSet::new(),
        file: None,
    };
    let mut read = 0;
    let mut progress = |progress: Progress| {
        read = progress.messages;
        step(progress, total);
        false
    };
    let (keys, settings) = (count.keys, &count.settings);
    pipeline::collect(archive, keys, settings, machine, &mut output, &mut progress)?;
    let mut totals = Totals {
        read,
        ..Totals::default()
    };
    let mut missing = MissingKeys::default();
    facts.each(|event| match event {
        Event::Message { facts, length, .. } => {
            missing.count(&facts, length);
            totals.message(&facts, length);
        }
        Event::Fault(fault) => totals.incomplete |= fault.incomplete,
        Event::FileStart(_)
        | Event::Ordinary { .. }
        | Event::Between { .. }
        | Event::FileEnd(_) => {}
    })?;
    totals.keys = u64::try_from(missing.len()).unwrap_or(u64::MAX);
    totals.together = together(&missing, &facts)?;
    let table = missing.table(&pool.finish(), limits, count.cells)?;
    Ok(Counted { table, totals })
}

impl Totals {
    fn message(&mut self, facts: &MessageFacts, bytes: u64) {
        if facts.layers.iter().all(|layer| layer.encrypted.is_none()) {
            return;
        }
        self.encrypted.add(bytes);
        if missing::closed(facts).next().is_some() {
            self.closed.add(bytes);
            if missing::asked_for(facts).is_empty() {
                self.unnamed.add(bytes);
            }
        }
    }

    /// The sums as lines of text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let amount = |amount: &Amount| {
            let (messages, bytes) = (grouped(amount.messages), grouped(amount.bytes));
            format!("{messages:>12} messages {bytes:>18} bytes")
        };
        let mut lines = vec![
            format!("read         {:>12} messages", grouped(self.read)),
            format!("encrypted    {}", amount(&self.encrypted)),
            format!("without key  {}", amount(&self.closed)),
        ];
        if self.unnamed.messages > 0 {
            lines.push(format!(
                "no key named {}  (passwords, or recipients that can't be read)",
                amount(&self.unnamed)
            ));
        }
        lines.push(format!("missing keys {:>12}", grouped(self.keys)));
        for (keys, opened) in &self.together {
            let name = format!("first {}", grouped(*keys));
            lines.push(format!("{name:12} {}", amount(opened)));
        }
        lines
    }
}

/// What the first 1, 2, 5, 10 … keys open together.
fn together(missing: &MissingKeys, facts: &Temporary) -> Result<Vec<(u64, Amount)>, RunError> {
    let ranked = missing.ranked();
    let places: BTreeMap<&KeyName, usize> = ranked.iter().copied().zip(0..).collect();
    let mut by_place = vec![Amount::default(); ranked.len()];
    facts.each(|event| {
        if let Event::Message { facts, length, .. } = event {
            let asked = missing::asked_for(&facts);
            let first = asked.iter().filter_map(|name| places.get(name)).min();
            if let Some(amount) = first.and_then(|place| by_place.get_mut(*place)) {
                amount.add(length);
            }
        }
    })?;
    let mut sums = Vec::new();
    let mut sum = Amount::default();
    for (keys, amount) in (1_u64..).zip(&by_place) {
        sum.messages += amount.messages;
        sum.bytes = sum.bytes.saturating_add(amount.bytes);
        if is_step(keys) || usize::try_from(keys) == Ok(by_place.len()) {
            sums.push((keys, sum));
        }
    }
    Ok(sums)
}

/// 1, 2, 5, 10, 20, 50 …
fn is_step(keys: u64) -> bool {
    let mut rest = keys;
    while rest >= 10 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    matches!(rest, 1 | 2 | 5)
}

/// Facts that nobody keeps: a file without a name.
struct Temporary {
    file: File,
    folder: PathBuf,
}

impl Temporary {
    fn new() -> Result<Self, RunError> {
        let folder = std::env::temp_dir();
        let file = tempfile::tempfile().map_err(|error| RunError::unwritable(&folder, error))?;
        Ok(Self { file, folder })
    }

    fn writer(&self, keys: &Keyring) -> Result<store::Writer, RunError> {
        let head = Head {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            openssl: crypto::openssl_version(),
            all: false,
            hash_inputs: false,
            file_times: false,
            keyring: keys.digest(),
            keys: u64::try_from(keys.keys().count()).unwrap_or(u64::MAX),
        };
        let create = || store::Writer::create(self.file.try_clone()?, &head);
        create().map_err(|error| RunError::unwritable(&self.folder, error))
    }

    fn each(&self, mut told: impl FnMut(Event)) -> Result<(), RunError> {
        let mut read = || -> io::Result<()> {
            let mut file = self.file.try_clone()?;
            file.seek(SeekFrom::Start(0))?;
            let (mut reader, _) = store::Reader::open(file)?;
            while let Some(frame) = reader.next_frame()? {
                if frame.kind == Kind::Block {
                    let block: store::Block<Cursor> = frame.decode()?;
                    block.events.into_iter().for_each(&mut told);
                }
            }
            Ok(())
        };
        read().map_err(|error| RunError::unreadable(&self.folder, error))
    }
}
