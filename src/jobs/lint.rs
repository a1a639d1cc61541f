//! `mailseal lint`: certificates of files, folders and reports against the table of rules.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cms::{self, Layer};
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::jobs::given;
use crate::limits::{LINT_BATCH, Limits};
use crate::pipeline::{self, Machine};
use crate::pki::keyring::pem;
use crate::pki::lint::{Regime, View, lint as broken_by};
use crate::pki::x509::Certificate;
use crate::report::lint::{LintFinding, LintRow, LintTotals};

/// Looks at every certificate in files (PEM, DER, PKCS #7), below folders, and in reports (their `certificates.pem` alone), each
/// once by its SHA-256, in the order of the paths; `row` gets what was found, also of those in order.
///
/// # Errors
/// A path that can't be read; a file named that holds no certificate; what `row` fails with.
pub fn lint(
    paths: &[PathBuf],
    regime: Regime,
    machine: &Machine<'_>,
    limits: &Limits,
    row: &mut dyn FnMut(&LintRow) -> Result<(), RunError>,
) -> Result<LintTotals, RunError> {
    let mut run = Run {
        regime,
        machine,
        limits,
        seen: HashSet::new(),
        batch: Vec::new(),
        totals: LintTotals::default(),
        row,
    };
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| RunError::unreadable(path, error))?;
        if !metadata.is_dir() {
            if run.file(path)? == 0 {
                return Err(RunError::Unusable {
                    path: path.clone(),
                    problem: "holds no certificate in PEM, DER or PKCS #7, or is too large. Check the file.",
                });
            }
            continue;
        }
        let bundle = path.join("certificates.pem");
        // A folder that somebody keeps certificates in may hold a file of that name too; a report also has the table.
        let files = if bundle.is_file() && path.join("certificates.csv").is_file() {
            vec![bundle]
        } else {
            given::files_below(path)?
        };
        for file in files {
            run.file(&file)?;
        }
    }
    run.flush()?;
    Ok(run.totals)
}

/// A certificate and where it stands.
struct Item {
    place: String,
    der: Vec<u8>,
}

struct Run<'r> {
    regime: Regime,
    machine: &'r Machine<'r>,
    limits: &'r Limits,
    seen: HashSet<[u8; 32]>,
    batch: Vec<Item>,
    totals: LintTotals,
    row: &'r mut dyn FnMut(&LintRow) -> Result<(), RunError>,
}

impl Run<'_> {
    /// Takes the certificates of one file, and gives their number; those seen before count.
    fn file(&mut self, path: &Path) -> Result<usize, RunError> {
        let data = given::read(path, self.limits)?;
        let mut count = 0;
        if pem::is_pem(&data) {
            for block in pem::blocks(&data) {
                match block {
                    Ok(block) if is_certificate(block.label) => {
                        count += 1;
                        self.take(path, count, &block.bytes)?;
                    }
                    Ok(block) if block.label == "PKCS7" || block.label == "CMS" => {
                        count = self.bundle(path, count, &block.bytes)?;
                    }
                    Ok(_) => {}
                    Err(_) => {
                        count += 1;
                        self.take(path, count, &[])?;
                    }
                }
            }
            return Ok(count);
        }
        if Certificate::read(&data).is_ok() {
            self.take(path, 1, &data)?;
            return Ok(1);
        }
        self.bundle(path, 0, &data)
    }

    fn bundle(&mut self, path: &Path, mut count: usize, ber: &[u8]) -> Result<usize, RunError> {
        if let Ok(Layer::Signed(data)) = cms::read(ber, self.limits).map(|info| info.layer) {
            for der in &data.carried.certificates {
                count += 1;
                self.take(path, count, der)?;
            }
        }
        Ok(count)
    }

    fn take(&mut self, path: &Path, number: usize, der: &[u8]) -> Result<(), RunError> {
        // A block that can't be decoded has no octets, and each is another one.
        if der.is_empty() || self.seen.insert(sha256(der)) {
            self.batch.push(Item {
                place: format!("{}#{number}", path.display()),
                der: der.to_vec(),
            });
        }
        if self.batch.len() >= LINT_BATCH {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), RunError> {
        let batch = std::mem::take(&mut self.batch);
        let regime = self.regime;
        let rows = pipeline::map(self.machine, &batch, |item| look(item, regime))?;
        for row in &rows {
            self.totals.add(row);
            (self.row)(row)?;
        }
        Ok(())
    }
}

/// Labels of RFC 7468 §5.1, and OpenSSL's own.
fn is_certificate(label: &str) -> bool {
    ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains(&label)
}

fn look(item: &Item, regime: Regime) -> LintRow {
    let Ok(certificate) = Certificate::read(&item.der) else {
        return LintRow::unreadable(&item.place, &sha256(&item.der));
    };
    let view = View::new(&certificate, regime);
    let findings = broken_by(&view).into_iter().map(LintFinding::from);
    LintRow {
        place: item.place.clone(),
        sha256: certificate.sha256(),
        subject: certificate.subject.display(),
        serial: certificate.serial_hex(),
        not_before: certificate.not_before.ok(),
        kind: view.kind.as_str(),
        profile: view.claim.profile(),
        generation: view.claim.generation(),
        bound: view.bound,
        findings: findings.collect(),
    }
}
