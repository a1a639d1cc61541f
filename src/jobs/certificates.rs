//! `certificates.csv` and `certificates.pem`: every distinct certificate that a message carried.

use std::io::{BufWriter, Write};

use crate::error::RunError;
use crate::jobs::output::ReportFolder;
use crate::pipeline::Bench;
use crate::pki::lint;
use crate::pki::x509::Certificate;
use crate::pki::x509::summary::CertificateSummary;
use crate::report::certificates::{self, CertificateRow, CertificateTally};
use crate::report::{Usages, csv};

/// Writes both files in the order of the certificates' SHA-256, and counts them.
///
/// # Errors
/// Where the pool's spool can't be read or a file can't be written.
pub(super) fn write(
    report: &ReportFolder,
    bench: &Bench<'_>,
    usages: &Usages,
) -> Result<CertificateTally, RunError> {
    let table_path = report.file("certificates.csv");
    let bundle_path = report.file("certificates.pem");
    let mut table = BufWriter::new(report.create_file("certificates.csv")?);
    let mut bundle = BufWriter::new(report.create_file("certificates.pem")?);
    let mut judge = bench.judge();
    let mut tally = CertificateTally::default();
    let mut line = Vec::new();
    csv::header(certificates::COLUMNS, &mut line);
    for id in bench.pool.certificates() {
        let Some(usage) = usages.of(id.0).filter(|_| bench.pool.origins(id).message) else {
            continue;
        };
        let der = bench.pool.der(id)?;
        let sha256 = bench.pool.sha256(id);
        let read = Certificate::read(&der).ok();
        let chain_now = match &read {
            Some(_) => Some(judge.chain_now(id)?),
            None => None,
        };
        let summary = read
            .as_ref()
            .map(|certificate| CertificateSummary::new(certificate, bench.limits));
        let lint = read.as_ref().map(lint::codes).unwrap_or_default();
        let spki = read.as_ref().map(Certificate::spki_sha256);
        let empty = CertificateSummary::default();
        let summary = summary.as_ref().unwrap_or(&empty);
        let row = CertificateRow::new(
            &sha256,
            spki.as_ref(),
            read.as_ref(),
            summary,
            chain_now,
            &lint,
        );
        certificates::row(
            &row,
            usage,
            bench.clocks.now,
            bench.render.cells,
            &mut tally,
            &mut line,
        );
        table
            .write_all(&line)
            .map_err(|error| RunError::unwritable(&table_path, error))?;
        line.clear();
        certificates::pem(&der, &mut bundle)
            .map_err(|error| RunError::unwritable(&bundle_path, error))?;
    }
    table
        .write_all(&line)
        .map_err(|error| RunError::unwritable(&table_path, error))?;
    table
        .flush()
        .map_err(|error| RunError::unwritable(&table_path, error))?;
    bundle
        .flush()
        .map_err(|error| RunError::unwritable(&bundle_path, error))?;
    Ok(tally)
}
