//! Which message of a report brought a revocation list or an OCSP response.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use crate::archive::Cursor;
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::facts::store::{self, Event, Kind};
use crate::jobs::output::FACTS_FILE;
use crate::pki::x509::Ocsp;
use crate::report::encode::hex;
use crate::report::explain::story::Brought;
use crate::report::reread::{self, Message};

/// Looks among a report's facts for every list and response that a record names; what no message carries is left out. By SHA-256 in
/// lower-case hexadecimal. Nothing is read where the record names none.
///
/// # Errors
/// `Unreadable` where the facts can't be read, or are of another version.
pub fn brought(report: &Path, message: &Message) -> Result<BTreeMap<String, Brought>, RunError> {
    let signers = message.layers.iter().flat_map(|layer| &layer.signatures);
    let mut wanted = BTreeSet::new();
    for signer in signers {
        let judgements = &signer.judgements;
        let others = judgements.evidenced.iter().chain(&judgements.claimed);
        for at in std::iter::once(&judgements.now).chain(others) {
            let source = at.revocation_source.iter();
            let digests = source.flat_map(|source| source.crl.iter().chain(&source.ocsp));
            wanted.extend(digests.filter_map(|text| reread::sha256(text)));
        }
    }
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let path = report.join(FACTS_FILE);
    let unreadable = |error| RunError::unreadable(&path, error);
    let file = File::open(&path).map_err(unreadable)?;
    let (mut reader, _) = store::Reader::open(file).map_err(unreadable)?;
    let mut produced = BTreeMap::new();
    let mut open = String::new();
    while let Some(frame) = reader.next_frame().map_err(unreadable)? {
        match frame.kind {
            Kind::Crl => {
                let der: Vec<u8> = frame.decode().map_err(unreadable)?;
                if wanted.contains(&sha256(&der)) {
                    let at = Ocsp::read(&der).ok().map(|one| one.produced_at());
                    produced.insert(sha256(&der), at);
                }
            }
            Kind::Block => {
                let block: store::Block<Cursor> = frame.decode().map_err(unreadable)?;
                take(block, &wanted, &mut open, &mut found);
            }
            Kind::Head
            | Kind::Certificate
            | Kind::Own
            | Kind::Digests
            | Kind::End
            | Kind::Checkpoint => {}
        }
    }
    for (sha256, at) in produced {
        if let Some(one) = found.get_mut(&hex(&sha256)) {
            one.produced_at = at;
        }
    }
    Ok(found)
}

fn take(
    block: store::Block<Cursor>,
    wanted: &BTreeSet<Sha256>,
    open: &mut String,
    found: &mut BTreeMap<String, Brought>,
) {
    for event in block.events {
        match event {
            Event::FileStart(file) => *open = file.path,
            Event::Message { offset, facts, .. } => {
                let carried = facts.layers.iter().flat_map(|layer| &layer.crls);
                for sha256 in carried.filter(|sha256| wanted.contains(*sha256)) {
                    found.entry(hex(sha256)).or_insert_with(|| Brought {
                        path: open.clone(),
                        offset,
                        produced_at: None,
                    });
                }
            }
            Event::Ordinary { .. }
            | Event::Between { .. }
            | Event::Fault(_)
            | Event::FileEnd(_) => {}
        }
    }
}
