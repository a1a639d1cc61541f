//! The files of a bag that are about the bag, each against the one that has its digest: `bag-info.txt` its own, and those of `run.json`, of
//! the tag manifest and of the signature; the tag manifest those of all others.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

use crate::archive::shown;
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::bag::folder::{PAYLOAD, RECORDS, REFUSED, SIGNATURE_FILE, TAGS};
use crate::jobs::bag::info::BagInfo;
use crate::jobs::bag::tags::COVERED_OF_SENT;
use crate::jobs::check::{Job, What, manifest_line, signature};
use crate::jobs::files::digest_of;
use crate::limits::TAG_FILE_BYTES;
use crate::report::encode::hex;
use crate::report::run;

pub(super) const INFO: &str = "bag-info.txt";
pub(super) const RUN: &str = "run.json";

/// What the tag files say, as far as they can be believed.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// `bag-info.txt`, where it is as it was.
    info: Option<BagInfo>,
    /// Messages and bytes of `run.json`, where it can be read.
    figures: Option<(u64, u64)>,
    /// `manifest-sha256.txt` is not as it was.
    pub payload_changed: bool,
    /// `manifest.jsonl` is not as it was.
    pub records_changed: bool,
}

impl Job<'_> {
    /// Tag files against each other.
    pub(super) fn tags(&mut self) -> Result<(), RunError> {
        let names = [INFO, TAGS, RUN, SIGNATURE_FILE];
        let [info, tags, run, signed] = names.map(|name| self.small(name));
        let (info, tags, run, signed) = (info?, tags?, run?, signed?);
        if self.bag(REFUSED).is_file() {
            self.covered = &COVERED_OF_SENT;
        }
        if tags.is_none() && self.covered.iter().all(|name| !self.bag(name).is_file()) {
            return Err(RunError::Unusable {
                path: self.check.bag.to_owned(),
                problem: "is no bag: none of the files is there that decrypt, sign and encrypt write beside data/.",
            });
        }
        self.tags.info = info.as_deref().and_then(BagInfo::read);
        match (&info, &self.tags.info) {
            (None, _) => self.tell(INFO.to_owned(), None, What::Missing),
            (Some(_), None) => self.tell(INFO.to_owned(), None, What::FileChanged),
            (Some(_), Some(_)) => {}
        }
        let known = self.tags.info.clone();
        let is = |bytes: &Option<Vec<u8>>, wanted: fn(&BagInfo) -> Sha256| match (bytes, &known) {
            (None, _) => Some(What::Missing),
            (Some(bytes), Some(info)) if sha256(bytes) != wanted(info) => Some(What::FileChanged),
            (Some(_), _) => None,
        };
        let tags_changed = is(&tags, |info| info.tags);
        if let Some(what) = tags_changed {
            self.tell(TAGS.to_owned(), None, what);
        }
        let tags = tags.unwrap_or_default();
        self.listed_tags(&tags, tags_changed.is_some())?;
        if let Some(what) = is(&run, |info| info.run) {
            self.tell(RUN.to_owned(), None, what);
        }
        self.tags.figures = run.as_deref().and_then(run::figures);
        if run.is_some() && known.is_none() && self.tags.figures.is_none() {
            self.tell(RUN.to_owned(), None, What::FileChanged);
        }
        let wanted = known.as_ref().map(|info| info.signature);
        let what = match (signed, wanted) {
            (None, Some(Some(_))) => Some(What::Missing),
            (Some(_), Some(None)) => Some(What::Extra),
            (Some(der), Some(Some(wanted))) if sha256(&der) != wanted => Some(What::FileChanged),
            (Some(der), _) if !signature::is_over(&der, &tags) => Some(What::SignatureFails),
            (None, None | Some(None)) | (Some(_), _) => None,
        };
        if let Some(what) = what {
            self.tell(SIGNATURE_FILE.to_owned(), None, what);
        }
        Ok(())
    }

    /// The files that the tag manifest has.
    fn listed_tags(&mut self, tags: &[u8], is_changed: bool) -> Result<(), RunError> {
        let mut seen = BTreeSet::new();
        for line in tags.split(|octet| *octet == b'\n') {
            if line.is_empty() {
                continue;
            }
            let entry = manifest_line(line);
            let entry =
                entry.filter(|(_, name)| self.covered.iter().any(|one| one.as_bytes() == name));
            let Some((digest, name)) = entry else {
                self.tell(TAGS.to_owned(), None, What::ManifestDamaged);
                continue;
            };
            let file = self.check.bag.join(OsStr::from_bytes(&name));
            if file.is_file() && hex(&digest_of(&file)?) != digest {
                // Which of the two is it?
                let what = match is_changed {
                    true => What::NotAsListed,
                    false => What::FileChanged,
                };
                self.tags.payload_changed |= name == PAYLOAD.as_bytes() && !is_changed;
                self.tags.records_changed |= name == RECORDS.as_bytes() && !is_changed;
                self.tell(shown(&name), None, what);
            }
            seen.insert(name);
        }
        for name in self.covered {
            if !self.bag(name).is_file() {
                self.tell((*name).to_owned(), None, What::Missing);
            } else if !seen.contains(name.as_bytes()) && !is_changed {
                self.tell((*name).to_owned(), None, What::Unlisted);
            }
        }
        Ok(())
    }

    /// The sums that were written against what was found, if that was counted by manifests that are as they were.
    pub(super) fn sums(&mut self) {
        if self.tags.payload_changed {
            return;
        }
        let sizes = (self.oxum, self.totals.files);
        if let Some(info) = &self.tags.info
            && (info.bytes, info.files) != sizes
        {
            self.tell(INFO.to_owned(), None, What::OxumDiffers);
        }
        if let Some(figures) = self.tags.figures
            && !self.tags.records_changed
            && figures != (self.totals.messages, self.oxum)
        {
            self.tell(RUN.to_owned(), None, What::FiguresDiffer);
        }
    }

    /// A file that is short by nature: no more of it than it can have. None where it is not there.
    fn small(&self, name: &str) -> Result<Option<Vec<u8>>, RunError> {
        let path = self.bag(name);
        let mut bytes = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(TAG_FILE_BYTES).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RunError::unreadable(&path, error)),
        }
    }
}
