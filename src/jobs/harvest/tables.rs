//! Pool and register to the tables, by SHA-256: workers make the rows, one place writes them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::asn1::{Reader, Time};
use crate::cms::attribute_values::smime_capabilities;
use crate::error::RunError;
use crate::facts::record::{Identifier, Sha256};
use crate::jobs::envelope::announced::capability_name;
use crate::jobs::harvest::exports::{Exporter, Exports};
use crate::jobs::harvest::gather::Salvaged;
use crate::jobs::harvest::register::{Register, Said, Subject, one_named, preferred};
use crate::jobs::output::{DOSSIERS_FILE, REVOCATION_FILE, ReportFolder};
use crate::limits::{HARVEST_RELATIVES, Limits};
use crate::mime::compare::{Match, compare};
use crate::pipeline::{self, Machine};
use crate::pki::lint;
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::trust::{
    Hierarchy, Purpose, Revocation, RevocationEvidence, RevocationJudgement, RevocationOptions,
    Trust,
};
use crate::pki::x509::Certificate;
use crate::pki::x509::summary::CertificateSummary;
use crate::pki::x509::usable::{MailUse, usable_for};
use crate::report::certificates::{
    CRL_LABEL, CertificateRow, CertificateTally, OCSP_LABEL, block, pem,
};
use crate::report::dossier::{self, ChainNow, Dossier, KeyPreference, SignedFor, Statement};
use crate::report::harvest::{self, HarvestTally, SALVAGED_COLUMNS, SalvagedRow};
use crate::report::{Cells, csv};

/// Certificates of one piece of work, and pieces between two writes. Origin: a row of each table is some 3 KB, so 12 MB at a time.
const PIECE: usize = 128;
const PIECES: usize = 32;

/// What the tables are made of.
pub(super) struct Tables<'t> {
    pub pool: &'t Pool,
    pub register: &'t Register,
    /// Where anchors were given.
    pub trusted: Option<Trusted<'t>>,
    /// Signatures were verified.
    pub verified: bool,
    /// Certificates are held against the rules.
    pub lint: bool,
    pub now: Time,
    pub limits: &'t Limits,
    pub cells: Cells,
}

/// What trust rests on.
pub(super) struct Trusted<'t> {
    pub hierarchy: &'t Hierarchy,
    pub trust_embedded: bool,
}

/// Rows of some certificates.
#[derive(Default)]
struct Rendered {
    table: Vec<u8>,
    dossiers: Vec<u8>,
    bundle: Vec<u8>,
    tally: CertificateTally,
    more: HarvestTally,
    exported: Vec<Exported>,
    accusing: BTreeSet<RevocationEvidence>,
}

/// What the exports need of a certificate.
pub(super) struct Exported {
    pub id: CertificateId,
    /// Addresses, where it may be used for mail.
    pub addresses: Vec<String>,
}

/// A file being written.
struct Sheet {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl Sheet {
    fn create(folder: &ReportFolder, name: &str) -> Result<Self, RunError> {
        Ok(Self {
            path: folder.file(name),
            writer: BufWriter::with_capacity(1 << 18, folder.create_file(name)?),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        let written = self.writer.write_all(bytes);
        written.map_err(|error| RunError::unwritable(&self.path, error))
    }

    fn end(mut self) -> Result<(), RunError> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| RunError::unwritable(&self.path, error))
    }
}

impl Tables<'_> {
    /// Writes `certificates.csv`, `certificates.jsonl`, `certificates.pem` and what else was asked for.
    pub fn write(
        &self,
        folder: &ReportFolder,
        machine: &Machine<'_>,
        exports: &Exports<'_>,
    ) -> Result<(CertificateTally, HarvestTally), RunError> {
        let mut accusing = BTreeSet::new();
        let mut table = Sheet::create(folder, "certificates.csv")?;
        let mut dossiers = Sheet::create(folder, DOSSIERS_FILE)?;
        let mut bundle = Sheet::create(folder, "certificates.pem")?;
        let mut exporter = Exporter::new(*exports, folder, self.pool, self.register)?;
        let mut head = Vec::new();
        csv::header(&dossier::columns(), &mut head);
        table.write(&head)?;
        let mut tally = CertificateTally::default();
        let mut more = HarvestTally::default();
        let mut ids = self
            .pool
            .certificates()
            .filter(|id| self.register.carries(*id));
        loop {
            let batch: Vec<CertificateId> = ids.by_ref().take(PIECE * PIECES).collect();
            if batch.is_empty() {
                break;
            }
            if machine.stop.load(Ordering::Relaxed) {
                return Err(RunError::Interrupted);
            }
            let pieces: Vec<&[CertificateId]> = batch.chunks(PIECE).collect();
            for rendered in pipeline::map(machine, &pieces, |ids| self.render(ids, exports))? {
                let rendered = rendered?;
                table.write(&rendered.table)?;
                dossiers.write(&rendered.dossiers)?;
                bundle.write(&rendered.bundle)?;
                tally.join(&rendered.tally);
                more.join(&rendered.more);
                accusing.extend(rendered.accusing);
                for exported in &rendered.exported {
                    exporter.certificate(exported)?;
                }
            }
        }
        table.end()?;
        dossiers.end()?;
        bundle.end()?;
        exporter.finish()?;
        self.revocation(folder, &accusing)?;
        Ok((tally, more))
    }

    /// Writes `revocation.pem` where there is something for it: all lists and OCSP responses that mail carried, and of those that were
    /// given what says that a certificate is revoked. Lists first, each kind in the order of its SHA-256.
    fn revocation(
        &self,
        folder: &ReportFolder,
        accusing: &BTreeSet<RevocationEvidence>,
    ) -> Result<(), RunError> {
        let lists = self.pool.crls().map(|(id, one)| {
            let counts = one.origins.message || accusing.contains(&RevocationEvidence::Crl(id));
            (counts, CRL_LABEL, one.crl.der())
        });
        let responses = self.pool.ocsp_responses().map(|(id, one)| {
            let counts = one.origins.message || accusing.contains(&RevocationEvidence::Ocsp(id));
            (counts, OCSP_LABEL, one.ocsp.der())
        });
        let mut sheet = None;
        let mut text = Vec::new();
        for (_, label, der) in lists.chain(responses).filter(|(counts, ..)| *counts) {
            let sheet = match &mut sheet {
                Some(sheet) => sheet,
                None => sheet.insert(Sheet::create(folder, REVOCATION_FILE)?),
            };
            text.clear();
            block(label, der, &mut text).map_err(|_| RunError::Internal {
                what: "memory can't be written",
            })?;
            sheet.write(&text)?;
        }
        sheet.map_or(Ok(()), Sheet::end)
    }

    fn render(&self, ids: &[CertificateId], exports: &Exports<'_>) -> Result<Rendered, RunError> {
        let mut trust = self
            .trusted
            .as_ref()
            .map(|trusted| Trust::new(self.pool, trusted.hierarchy, self.limits));
        let mut rendered = Rendered::default();
        for id in ids {
            self.certificate(*id, trust.as_mut(), exports, &mut rendered)?;
        }
        Ok(rendered)
    }

    fn certificate(
        &self,
        id: CertificateId,
        trust: Option<&mut Trust<'_>>,
        exports: &Exports<'_>,
        out: &mut Rendered,
    ) -> Result<(), RunError> {
        let Some((usage, named)) = self.register.usage(id) else {
            return Err(RunError::Internal {
                what: "a certificate that mail carried was not counted",
            });
        };
        let der = self.pool.der(id)?;
        let sha256 = self.pool.sha256(id);
        let read = Certificate::read(&der).ok();
        let summary = read
            .as_ref()
            .map(|certificate| CertificateSummary::new(certificate, self.limits))
            .unwrap_or_default();
        let spki = read.as_ref().map(Certificate::spki_sha256);
        let chain = match (trust, &read) {
            (Some(trust), Some(_)) => Some(self.chain(id, trust, &mut out.accusing)?),
            (Some(_) | None, _) => None,
        };
        let lint = match &read {
            Some(certificate) if self.lint => lint::codes(certificate),
            Some(_) | None => Vec::new(),
        };
        let usable = read.as_ref().map(usable_for).unwrap_or_default();
        let same_key = self.same_key(id);
        let variant_of = match &read {
            Some(certificate) => self.variant_of(id, certificate)?,
            None => None,
        };
        let (said, more_statements) = self.register.said(id);
        let mut dossier = Dossier {
            row: CertificateRow::new(
                &sha256,
                spki.as_ref(),
                read.as_ref(),
                &summary,
                chain.as_ref().map(|chain| chain.chain),
                &lint,
            ),
            summary: &summary,
            usage,
            verified: self.verified.then_some(usage.signed),
            named,
            places: match self.register.places(id) {
                Some([first, last]) => (Some(first), Some(last)),
                None => (None, None),
            },
            signed_for: Vec::new(),
            capabilities: Vec::new(),
            preferences: Vec::new(),
            more_statements,
            usable_for: usable,
            same_key,
            variant_of,
            chain,
        };
        for said in &said {
            self.said(said, &summary.addresses, &mut dossier);
        }
        out.more.unreadable += u64::from(read.is_none());
        out.more.variants += u64::from(variant_of.is_some());
        out.more.same_key += u64::from(dossier.same_key.0 > 0);
        for mail_use in &dossier.usable_for {
            out.more.usable_for.add(mail_use.as_str());
        }
        dossier::row(
            &dossier,
            self.now,
            self.cells,
            &mut out.tally,
            &mut out.table,
        );
        dossier::line(&dossier, self.now, &mut out.dossiers)?;
        pem(&der, &mut out.bundle).map_err(|_| RunError::Internal {
            what: "memory can't be written",
        })?;
        if exports.any() {
            let for_mail = dossier.usable_for.contains(&MailUse::Encrypt)
                || dossier.usable_for.contains(&MailUse::Sign);
            let addresses = if for_mail && exports.by_address() {
                summary.addresses.clone()
            } else {
                Vec::new()
            };
            out.exported.push(Exported { id, addresses });
        }
        Ok(())
    }

    fn chain(
        &self,
        id: CertificateId,
        trust: &mut Trust<'_>,
        accusing: &mut BTreeSet<RevocationEvidence>,
    ) -> Result<ChainNow, RunError> {
        let judged = trust.chain(id, Purpose::EmailSigning, self.now)?;
        let revocation = match judged.anchor {
            Some(_) => {
                let options = RevocationOptions {
                    use_crls: true,
                    trust_embedded: self
                        .trusted
                        .as_ref()
                        .is_some_and(|trusted| trusted.trust_embedded),
                };
                Some(trust.revocation(&judged.path, self.now, options)?)
            }
            None => None,
        };
        let worst = revocation.as_ref().and_then(|answer| answer.worst);
        let revoked_by = match revocation.as_ref().map(RevocationJudgement::value) {
            Some(Revocation::Revoked | Revocation::RevokedLater) => {
                worst.and_then(|worst| worst.decided_by)
            }
            Some(
                Revocation::Good | Revocation::NotChecked | Revocation::Stale | Revocation::Unknown,
            )
            | None => None,
        };
        accusing.extend(revoked_by);
        Ok(ChainNow {
            chain: judged.value,
            reasons: judged.reasons,
            path: judged.path.iter().map(|id| self.pool.sha256(*id)).collect(),
            revocation: revocation.as_ref().map(RevocationJudgement::value),
            revoked_by: revoked_by.and_then(|one| self.evidence(one)),
        })
    }

    fn evidence(&self, one: RevocationEvidence) -> Option<Sha256> {
        match one {
            RevocationEvidence::Crl(id) => Some(self.pool.crl(id)?.crl.sha256()),
            RevocationEvidence::Ocsp(id) => Some(self.pool.ocsp(id)?.ocsp.sha256()),
        }
    }

    /// How many others have its key, and which: where there are many, the number alone. Those that were only given do not count, unless
    /// there are many.
    fn same_key(&self, id: CertificateId) -> (u64, Vec<Sha256>) {
        let all = self.pool.with_key_of(id);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        if all.len() > HARVEST_RELATIVES {
            return (count(all.len() - 1), Vec::new());
        }
        let others: Vec<Sha256> = all
            .iter()
            .filter(|other| **other != id && self.register.carries(**other))
            .map(|other| self.pool.sha256(*other))
            .collect();
        (count(others.len()), others)
    }

    /// The first of those with the same tbsCertificate, where it is another one.
    fn variant_of(
        &self,
        id: CertificateId,
        certificate: &Certificate<'_>,
    ) -> Result<Option<Sha256>, RunError> {
        let relatives = self.pool.with_issuer_serial_of(id);
        if relatives.len() < 2 {
            return Ok(None);
        }
        for other in relatives.iter().take(HARVEST_RELATIVES) {
            if *other == id {
                return Ok(None);
            }
            let der = self.pool.der(*other)?;
            let is_same = Certificate::read(&der).is_ok_and(|other| other.tbs == certificate.tbs);
            if is_same && self.register.carries(*other) {
                return Ok(Some(self.pool.sha256(*other)));
            }
        }
        Ok(None)
    }

    fn said(&self, said: &Said<'_>, addresses: &[String], dossier: &mut Dossier<'_>) {
        match said.subject {
            Subject::From => {
                let address = String::from_utf8_lossy(said.text).into_owned();
                let claimed = addresses
                    .iter()
                    .any(|own| compare(&address, own) != Match::None);
                let value = SignedFor { address, claimed };
                dossier.signed_for.push(self.statement(value, said));
            }
            Subject::Capabilities => {
                let statement = self.statement(capabilities(said.text), said);
                dossier.capabilities.push(statement);
            }
            Subject::Preference => {
                let identifier = preferred(said.text);
                let certificate = self.named(&identifier);
                let value = KeyPreference {
                    identifier,
                    certificate,
                };
                dossier.preferences.push(self.statement(value, said));
            }
        }
    }

    fn statement<T>(&self, value: T, said: &Said<'_>) -> Statement<T> {
        Statement {
            value,
            signatures: u64::from(said.signatures),
            verified: self.verified.then_some(u64::from(said.verified)),
            times: (said.first, said.last),
        }
    }

    /// The one certificate that an identifier names.
    fn named(&self, identifier: &Identifier) -> Option<Sha256> {
        one_named(identifier, self.pool).map(|id| self.pool.sha256(id))
    }
}

/// Writes `salvaged.csv` and `salvaged.pem`; gives their number.
pub(super) fn salvaged(
    salvaged: Salvaged,
    harvest: (&Pool, &Register),
    folder: &ReportFolder,
    limits: &Limits,
    cells: Cells,
) -> Result<u64, RunError> {
    let pool = salvaged.pool.finish();
    let mut table = Sheet::create(folder, "salvaged.csv")?;
    let mut bundle = Sheet::create(folder, "salvaged.pem")?;
    let mut line = Vec::new();
    csv::header(SALVAGED_COLUMNS, &mut line);
    for id in pool.certificates() {
        let der = pool.der(id)?;
        let sha256 = pool.sha256(id);
        let (Ok(read), Some((usage, _))) = (Certificate::read(&der), salvaged.register.usage(id))
        else {
            continue;
        };
        let summary = CertificateSummary::new(&read, limits);
        let row = SalvagedRow {
            sha256: &sha256,
            serial: read.serial.minimal(),
            subject: &summary.subject,
            issuer: &summary.issuer,
            addresses: &summary.addresses,
            not_before: summary.not_before,
            not_after: summary.not_after,
            messages: usage.messages,
            first_place: usage.first_place,
            carried: harvest
                .0
                .find(&sha256)
                .is_some_and(|id| harvest.1.carries(id)),
        };
        harvest::salvaged(&row, cells, &mut line);
        table.write(&line)?;
        line.clear();
        pem(&der, &mut line).map_err(|_| RunError::Internal {
            what: "memory can't be written",
        })?;
        bundle.write(&line)?;
        line.clear();
    }
    table.write(&line)?;
    table.end()?;
    bundle.end()?;
    Ok(u64::try_from(pool.len()).unwrap_or(u64::MAX))
}

/// The names of the algorithms in an SMIMECapabilities value.
fn capabilities(value: &[u8]) -> Vec<String> {
    let read = smime_capabilities(&mut Reader::new(value)).unwrap_or_default();
    read.iter().map(capability_name).collect()
}
