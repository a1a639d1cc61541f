//! The judgement repeated from kept facts, with other anchors, CRLs, policy or time, and without the archive.

use std::fs::File;
use std::path::Path;

use crate::error::RunError;
use crate::facts::store::Kind;
use crate::jobs::output::{FACTS_FILE, ReportFolder, spool};
use crate::jobs::report::{self, Judging, Outcome};
use crate::pipeline::Machine;
use crate::pki::pool::{PoolBuilder, Provenance};

/// Judges the facts that a report keeps, into a new report.
///
/// # Errors
/// What ends a run.
pub fn judge(
    report_folder: &Path,
    folder: ReportFolder,
    judging: Judging<'_>,
    machine: &Machine<'_>,
) -> Result<Outcome, RunError> {
    let source = report_folder.join(FACTS_FILE);
    let facts = File::open(&source).map_err(|error| RunError::unreadable(&source, error))?;
    let target = folder.file(FACTS_FILE);
    std::fs::copy(&source, &target).map_err(|error| RunError::unwritable(&target, error))?;
    let mut pool = PoolBuilder::new(spool()?);
    let (mut reader, _) = report::open(facts, &source)?;
    let mut complete = false;
    while let Some(frame) = reader
        .next_frame()
        .map_err(|error| RunError::unreadable(&source, error))?
    {
        let der = || {
            frame
                .decode::<Vec<u8>>()
                .map_err(|error| RunError::unreadable(&source, error))
        };
        match frame.kind {
            Kind::Certificate => {
                pool.insert_certificate(&der()?, Provenance::Message)?;
            }
            Kind::Crl => {
                // One that can't be read speaks for nobody.
                let _ = pool.insert_crl(&der()?, Provenance::Message);
            }
            Kind::Head | Kind::Own | Kind::Block | Kind::Digests => {}
            Kind::End => complete = true,
        }
    }
    if !complete {
        return Err(RunError::Damaged {
            path: source,
            problem: "is of an audit that did not finish. Go on with it by `mailseal audit --resume`.",
        });
    }
    let facts = File::open(&target).map_err(|error| RunError::unreadable(&target, error))?;
    report::report(facts, &target, pool, folder, judging, machine)
}
