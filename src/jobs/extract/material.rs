//! Certificates, CRLs and OCSP responses that a record names, from the facts and from what was given.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::facts::store::{self, Kind};
use crate::jobs::given::Given;
use crate::jobs::output::FACTS_FILE;
use crate::report::reread::{self, Message};

/// What a record names, by SHA-256: nothing else is kept.
#[derive(Debug, Default)]
pub(super) struct Material {
    certificates: BTreeMap<Sha256, Vec<u8>>,
    crls: BTreeMap<Sha256, Vec<u8>>,
}

impl Material {
    /// Looks for all that the record names.
    ///
    /// # Errors
    /// The facts can't be read.
    pub fn load(report: &Path, message: &Message, given: &Given) -> Result<Self, RunError> {
        let (mut certificates, mut crls) = (BTreeSet::new(), BTreeSet::new());
        for signer in message.layers.iter().flat_map(|layer| &layer.signatures) {
            certificates.extend(
                signer
                    .signer
                    .certificate
                    .as_deref()
                    .and_then(reread::sha256),
            );
            certificates.extend(signer.path.iter().filter_map(|text| reread::sha256(text)));
            if let Some(source) = &signer.decisive().revocation_source {
                certificates.extend(reread::sha256(&source.certificate));
                crls.extend(source.crl.as_deref().and_then(reread::sha256));
                crls.extend(source.ocsp.as_deref().and_then(reread::sha256));
            }
        }
        let mut all = Self::default();
        all.take(&certificates, &given.certificates, false);
        all.take(&crls, &given.crls, true);
        all.take(&crls, &given.carried, true);
        let path = report.join(FACTS_FILE);
        let unreadable = |error| RunError::unreadable(&path, error);
        let file = File::open(&path).map_err(unreadable)?;
        let (mut reader, _) = store::Reader::open(file).map_err(unreadable)?;
        while let Some(frame) = reader.next_frame().map_err(unreadable)? {
            let (wanted, kept) = match frame.kind {
                Kind::Certificate | Kind::Own => (&certificates, &mut all.certificates),
                Kind::Crl => (&crls, &mut all.crls),
                Kind::Head | Kind::Block | Kind::Digests | Kind::End | Kind::Checkpoint => continue,
            };
            let der: Vec<u8> = frame.decode().map_err(unreadable)?;
            let name = sha256(&der);
            if wanted.contains(&name) {
                kept.insert(name, der);
            }
        }
        Ok(all)
    }

    fn take(&mut self, wanted: &BTreeSet<Sha256>, given: &BTreeMap<Sha256, Vec<u8>>, crls: bool) {
        let found = wanted
            .iter()
            .filter_map(|name| Some((*name, given.get(name)?.clone())));
        match crls {
            true => self.crls.extend(found),
            false => self.certificates.extend(found),
        }
    }

    /// The certificate with this digest, in lower-case hexadecimal.
    pub fn certificate(&self, digest: Option<&str>) -> Option<&[u8]> {
        let name = reread::sha256(digest?)?;
        self.certificates.get(&name).map(Vec::as_slice)
    }

    /// The CRL or OCSP response with this digest.
    pub fn crl(&self, digest: Option<&str>) -> Option<&[u8]> {
        let name = reread::sha256(digest?)?;
        self.crls.get(&name).map(Vec::as_slice)
    }
}
