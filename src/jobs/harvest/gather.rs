//! Messages to the pool and the register, in archive order; faults.csv and inputs.csv on the way.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use crate::archive::{FileInfo, Item, Kind};
use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::finding::Finding;
use crate::facts::harvest::{Signer, SignerRole};
use crate::facts::record::{Identifier, MessageFacts};
use crate::facts::{self, Carried, Collected};
use crate::jobs::harvest::register::{Register, Sight};
use crate::jobs::output::{ReportFolder, spool};
use crate::pipeline::Worked;
use crate::pki::pool::{CertificateId, PoolBuilder, Provenance};
use crate::pki::x509::name::NameKey;
use crate::report::counts::Counts;
use crate::report::harvest::HarvestTally;
use crate::report::summary::{InputCounts, Reconciliation};
use crate::report::{Cells, FaultRow, InputRow, csv, faults, folder, inputs};

/// What one message gave.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    carried: Vec<Carried>,
    crls: Vec<Carried>,
    salvaged: Vec<Carried>,
    signers: Vec<Signer>,
    recipients: Vec<Identifier>,
    claimed: Option<Time>,
    other_certificates: u64,
    damaged: u64,
    is_smime: bool,
    panicked: bool,
}

/// What a message says about certificates; None for ordinary mail.
pub(super) fn gathered(collected: Collected) -> Option<Box<Gathered>> {
    let facts = collected.facts?;
    let panicked = facts::has_panicked(&facts);
    let sighted = collected.sighted;
    Some(Box::new(Gathered {
        claimed: claimed(&facts, &sighted.signers),
        recipients: recipients(&facts),
        is_smime: !facts.layers.is_empty(),
        carried: collected.certificates,
        crls: collected.crls,
        salvaged: sighted.salvaged,
        signers: sighted.signers,
        other_certificates: sighted.other_certificates,
        damaged: sighted.damaged,
        panicked,
    }))
}

/// As an audit has it: the signing time of the first signature that has one, else the best of the message's own times.
fn claimed(facts: &MessageFacts, signers: &[Signer]) -> Option<Time> {
    let own = signers
        .iter()
        .filter(|signer| signer.role == SignerRole::Signer && !signer.is_nested);
    let signed = own.filter_map(|signer| signer.at).next();
    signed.or_else(|| facts.times.first().map(|time| time.at))
}

fn recipients(facts: &MessageFacts) -> Vec<Identifier> {
    let encrypted = facts
        .layers
        .iter()
        .filter_map(|layer| layer.encrypted.as_ref());
    encrypted
        .flat_map(|encrypted| &encrypted.recipients)
        .map(|recipient| recipient.identifier.clone())
        .collect()
}

/// All messages so far.
pub(super) struct Gatherer {
    pool: PoolBuilder,
    salvaged: Option<Salvaged>,
    register: Register,
    tally: HarvestTally,
    reconciliation: Reconciliation,
    inputs: InputCounts,
    faults: Counts<String>,
    incomplete: bool,
    cells: Cells,
    file: Option<(u32, FileInfo)>,
    totals: InputTotals,
    fault_rows: Rows,
    input_rows: Rows,
}

/// What was cut out of damaged structures.
#[derive(Debug)]
pub(super) struct Salvaged {
    pub pool: PoolBuilder,
    pub register: Register,
}

/// What all messages gave.
pub(super) struct Harvested {
    pub pool: PoolBuilder,
    pub salvaged: Option<Salvaged>,
    pub register: Register,
    pub tally: HarvestTally,
    pub reconciliation: Reconciliation,
    pub inputs: InputCounts,
    pub faults: Counts<String>,
    pub incomplete: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct InputTotals {
    messages: u64,
    smime: u64,
    message_bytes: u64,
    between_bytes: u64,
    fault_bytes: u64,
}

/// A table being written.
struct Rows {
    path: PathBuf,
    writer: BufWriter<File>,
    line: Vec<u8>,
}

impl Rows {
    fn create(folder: &ReportFolder, name: &str, columns: &[&str]) -> Result<Self, RunError> {
        let mut rows = Self {
            path: folder.file(name),
            writer: BufWriter::new(folder.create_file(name)?),
            line: Vec::new(),
        };
        csv::header(columns, &mut rows.line);
        rows.write()?;
        Ok(rows)
    }

    fn write(&mut self) -> Result<(), RunError> {
        let written = self.writer.write_all(&self.line);
        self.line.clear();
        written.map_err(|error| RunError::unwritable(&self.path, error))
    }

    fn end(mut self) -> Result<(), RunError> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| RunError::unwritable(&self.path, error))
    }
}

impl Gatherer {
    /// Nothing read yet. `salvage`: what was cut out of damaged structures is kept, apart.
    pub fn new(folder: &ReportFolder, cells: Cells, salvage: bool) -> Result<Self, RunError> {
        let salvaged = match salvage {
            true => Some(Salvaged {
                pool: PoolBuilder::new(spool()?),
                register: Register::default(),
            }),
            false => None,
        };
        Ok(Self {
            pool: PoolBuilder::new(spool()?),
            salvaged,
            register: Register::default(),
            tally: HarvestTally::default(),
            reconciliation: Reconciliation::default(),
            inputs: InputCounts::default(),
            faults: Counts::default(),
            incomplete: false,
            cells,
            file: None,
            totals: InputTotals::default(),
            fault_rows: Rows::create(folder, "faults.csv", faults::COLUMNS)?,
            input_rows: Rows::create(folder, "inputs.csv", inputs::COLUMNS)?,
        })
    }

    /// The next block of the archive.
    pub fn block(&mut self, worked: &Worked<Option<Box<Gathered>>>) -> Result<(), RunError> {
        let mut results = worked.results.iter();
        for item in &worked.block.items {
            match item {
                Item::FileStart { input, file } => {
                    self.file = Some((*input, file.clone()));
                    self.totals = InputTotals::default();
                }
                Item::Message(located) => {
                    self.totals.messages += 1;
                    self.totals.message_bytes += located.length;
                    if let Some(Some(gathered)) = results.next() {
                        self.totals.smime += u64::from(gathered.is_smime);
                        self.message(gathered, located.offset)?;
                    }
                }
                Item::Between { length, .. } => self.totals.between_bytes += length,
                Item::Fault(fault) => {
                    self.totals.fault_bytes += fault.length;
                    self.incomplete |= fault.code.leaves_mail_unread();
                    let row = (fault.code.as_str(), "archive", fault.offset, fault.length);
                    self.fault(row, &fault.detail.to_string())?;
                }
                Item::FileEnd {
                    bytes,
                    variant,
                    kind,
                    ..
                } => self.end_of_file(*bytes, variant.map(|variant| variant.as_str()), *kind)?,
            }
        }
        Ok(())
    }

    fn message(&mut self, gathered: &Gathered, offset: u64) -> Result<(), RunError> {
        let sight = Sight {
            archive: self.file.as_ref().map_or(0, |(input, _)| *input),
            offset,
            at: gathered.claimed.map(Time::unix),
        };
        if gathered.panicked {
            self.incomplete = true;
            let row = (Finding::Panic.as_str(), "facts", offset, 0);
            self.fault(row, "the message was not read; please send it to us")?;
        }
        let mut here = Vec::with_capacity(gathered.carried.len());
        for one in &gathered.carried {
            let (id, _) = self
                .pool
                .insert_named(one.sha256, &one.der, Provenance::Message)?;
            self.register.carried(id, &sight);
            here.push(id);
        }
        for crl in &gathered.crls {
            self.pool.insert_revocation(&crl.der, Provenance::Message)?;
        }
        let mut signers = Vec::new();
        for signer in &gathered.signers {
            signers.extend(self.register.signer(signer, &self.pool, &sight));
        }
        for id in self.issuers(signers, &here) {
            self.register.in_chain(id, &sight);
        }
        for recipient in &gathered.recipients {
            self.register.recipient(recipient, &sight);
        }
        self.tally.other_kinds += gathered.other_certificates;
        self.tally.damaged += gathered.damaged;
        if let Some(apart) = &mut self.salvaged {
            for one in &gathered.salvaged {
                let (id, _) = apart
                    .pool
                    .insert_named(one.sha256, &one.der, Provenance::Message)?;
                apart.register.carried(id, &sight);
            }
        }
        Ok(())
    }

    /// The certificates of a message that bear the name of a signer's issuer, or of an issuer's.
    fn issuers(&self, signers: Vec<CertificateId>, here: &[CertificateId]) -> Vec<CertificateId> {
        let mut by_subject: HashMap<NameKey, Vec<CertificateId>> = HashMap::new();
        for id in here {
            if let Some((subject, _)) = self.pool.name_keys(*id) {
                by_subject.entry(subject).or_default().push(*id);
            }
        }
        let mut found = Vec::new();
        let mut left = signers;
        while let Some(below) = left.pop() {
            let issuer = self.pool.name_keys(below).map(|(_, issuer)| issuer);
            // Those with one name are looked at once: whoever bears it is found by the first that names it.
            for id in issuer
                .and_then(|issuer| by_subject.remove(&issuer))
                .unwrap_or_default()
            {
                if id != below {
                    found.push(id);
                    left.push(id);
                }
            }
        }
        found
    }

    fn fault(
        &mut self,
        (code, stage, offset, length): (&str, &str, u64, u64),
        detail: &str,
    ) -> Result<(), RunError> {
        let path = self.file.as_ref().map(|(_, file)| file.shown_path());
        let row = FaultRow {
            archive: self.file.as_ref().map(|(input, _)| *input),
            path: path.as_deref().unwrap_or_default(),
            code,
            stage,
            offset: Some(offset),
            length: Some(length),
            detail,
        };
        faults::row(&row, self.cells, &mut self.fault_rows.line);
        self.faults.add(code.to_owned());
        self.fault_rows.write()
    }

    fn end_of_file(
        &mut self,
        bytes: u64,
        variant: Option<&str>,
        kind: Kind,
    ) -> Result<(), RunError> {
        let Some((input, file)) = self.file.take() else {
            return Ok(());
        };
        let totals = std::mem::take(&mut self.totals);
        let path = file.shown_path();
        let kind = match file.compression.as_str() {
            "none" => kind.as_str().to_owned(),
            compression => format!("{}+{compression}", kind.as_str()),
        };
        let row = InputRow {
            archive: input,
            path: &path,
            folder: folder(&path, file.is_mailbox()),
            kind: &kind,
            mbox_variant: variant,
            bytes,
            sha256: None,
            messages: totals.messages,
            smime_messages: totals.smime,
            message_bytes: totals.message_bytes,
            between_bytes: totals.between_bytes,
            fault_bytes: totals.fault_bytes,
        };
        inputs::row(&row, self.cells, &mut self.input_rows.line);
        self.inputs.total += 1;
        self.inputs.kind.add_name(&kind);
        let sums = &mut self.reconciliation;
        sums.messages += totals.messages;
        sums.smime_messages += totals.smime;
        sums.bytes += bytes;
        sums.message_bytes += totals.message_bytes;
        sums.between_bytes += totals.between_bytes;
        sums.fault_bytes += totals.fault_bytes;
        self.input_rows.write()
    }

    /// The archive was read to its end.
    pub fn finish(self) -> Result<Harvested, RunError> {
        self.fault_rows.end()?;
        self.input_rows.end()?;
        Ok(Harvested {
            pool: self.pool,
            salvaged: self.salvaged,
            register: self.register,
            tally: self.tally,
            reconciliation: self.reconciliation,
            inputs: self.inputs,
            faults: self.faults,
            incomplete: self.incomplete,
        })
    }
}
