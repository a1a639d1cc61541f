//! Certificates and CRLs that the operator gives: `--ca`, `--certs`, `--crl`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cms::{self, Carried, Layer};
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::limits::Limits;
use crate::pki::keyring::pem;
use crate::pki::x509::{Certificate, Crl, Ocsp};

/// DER of certificates and CRLs by SHA-256, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Certificates.
    pub certificates: BTreeMap<[u8; 32], Vec<u8>>,
    /// CRLs and OCSP responses.
    pub crls: BTreeMap<[u8; 32], Vec<u8>>,
    /// CRLs and OCSP responses that mail brought: they speak against a certificate, and for it only where the policy lets them.
    pub carried: BTreeMap<[u8; 32], Vec<u8>>,
    /// Folders below which nothing of what was wanted lies.
    pub empty: Vec<PathBuf>,
    /// Files below a folder that was given for its lists, and that look like one and can't be read.
    pub unread: Vec<PathBuf>,
}

/// What a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `--ca`, `--certs`
    Certificates,
    /// `--crl`: CRLs and OCSP responses.
    Revocation,
}

impl Given {
    /// Takes what is wanted from files (PEM, DER, PKCS #7 bundles) and from all files below folders.
    ///
    /// # Errors
    /// A path that can't be read, or a file named that holds nothing of what is wanted. Other files below a folder are passed over; those
    /// among them that look like lists are in [`Given::unread`].
    pub fn load(paths: &[PathBuf], wanted: Wanted, limits: &Limits) -> Result<Self, RunError> {
        let mut given = Self::default();
        for path in paths {
            let metadata = fs::metadata(path).map_err(|error| RunError::unreadable(path, error))?;
            if metadata.is_dir() {
                let mut found = 0;
                for file in files_below(path)? {
                    let data = read(&file, limits)?;
                    let count = given.add(&data, wanted, limits);
                    found += count;
                    if count == 0 && wanted == Wanted::Revocation && is_like_a_list(&file, &data) {
                        given.unread.push(file);
                    }
                }
                if found == 0 {
                    given.empty.push(path.clone());
                }
            } else if given.add(&read(path, limits)?, wanted, limits) == 0 {
                let problem = match wanted {
                    Wanted::Certificates => {
                        "holds no certificate in PEM, DER or PKCS #7. Check the file."
                    }
                    Wanted::Revocation => {
                        "holds no revocation list or OCSP response in PEM or DER. Check the file."
                    }
                };
                return Err(RunError::Unusable {
                    path: path.clone(),
                    problem,
                });
            }
        }
        Ok(given)
    }

    /// Takes a certificate; one that can't be read is passed over.
    pub fn insert(&mut self, der: &[u8]) {
        if Certificate::read(der).is_ok() {
            self.certificates.insert(sha256(der), der.to_vec());
        }
    }

    /// Takes certificates, CRLs and OCSP responses of a file, or of all files below a folder. Gives the files with how many were in each; a file that
    /// holds private keys too counts as one without, since its certificates come with them.
    ///
    /// # Errors
    /// A path that can't be read.
    pub fn take(
        &mut self,
        path: &Path,
        limits: &Limits,
    ) -> Result<Vec<(PathBuf, usize)>, RunError> {
        let metadata = fs::metadata(path).map_err(|error| RunError::unreadable(path, error))?;
        let files = if metadata.is_dir() {
            files_below(path)?
        } else {
            vec![path.to_owned()]
        };
        let mut all = Vec::new();
        for file in files {
            let data = Zeroizing::new(read(&file, limits)?);
            let has_keys = pem::is_pem(&data)
                && pem::blocks(&data)
                    .filter_map(Result::ok)
                    .any(|block| block.label.ends_with("PRIVATE KEY"));
            let found = if has_keys {
                0
            } else {
                self.add(&data, Wanted::Certificates, limits)
                    + self.add(&data, Wanted::Revocation, limits)
            };
            all.push((file, found));
        }
        Ok(all)
    }

    /// Takes everything of another.
    pub fn join(&mut self, other: Self) {
        self.certificates.extend(other.certificates);
        self.crls.extend(other.crls);
        self.carried.extend(other.carried);
        self.empty.extend(other.empty);
        self.unread.extend(other.unread);
    }

    fn add(&mut self, data: &[u8], wanted: Wanted, limits: &Limits) -> usize {
        if pem::is_pem(data) {
            let blocks = pem::blocks(data).filter_map(Result::ok);
            return blocks
                .map(|block| self.add_der(&block.bytes, wanted, limits))
                .sum();
        }
        self.add_der(data, wanted, limits)
    }

    fn add_der(&mut self, der: &[u8], wanted: Wanted, limits: &Limits) -> usize {
        match wanted {
            Wanted::Certificates if Certificate::read(der).is_ok() => {
                self.certificates.insert(sha256(der), der.to_vec());
                1
            }
            Wanted::Revocation if tells_of_revocation(der) => {
                self.crls.insert(sha256(der), der.to_vec());
                1
            }
            Wanted::Certificates | Wanted::Revocation => {
                match cms::read(der, limits).map(|info| info.layer) {
                    Ok(Layer::Signed(data)) => {
                        let inside = match wanted {
                            Wanted::Certificates => data.carried.certificates,
                            Wanted::Revocation => {
                                let Carried {
                                    crls,
                                    ocsp_responses,
                                    ..
                                } = data.carried;
                                [crls, ocsp_responses].concat()
                            }
                        };
                        inside.iter().map(|der| self.add_element(der, wanted)).sum()
                    }
                    Ok(_) | Err(_) => 0,
                }
            }
        }
    }

    fn add_element(&mut self, der: &[u8], wanted: Wanted) -> usize {
        let (readable, list) = match wanted {
            Wanted::Certificates => (Certificate::read(der).is_ok(), &mut self.certificates),
            Wanted::Revocation => (tells_of_revocation(der), &mut self.crls),
        };
        if readable {
            list.insert(sha256(der), der.to_vec());
        }
        usize::from(readable)
    }
}

/// By its name, or as it is DER or PEM and no certificate or key: whoever put it there meant it to count.
fn is_like_a_list(path: &Path, data: &[u8]) -> bool {
    let extension = path.extension().unwrap_or_default();
    if ["crl", "ors", "ocsp"]
        .iter()
        .any(|known| extension == *known)
    {
        return true;
    }
    if pem::is_pem(data) {
        let is_other =
            |label: &str| label.ends_with("CERTIFICATE") || label.ends_with("PRIVATE KEY");
        return pem::blocks(data).any(|block| block.map_or(true, |block| !is_other(block.label)));
    }
    data.first() == Some(&0x30) && Certificate::read(data).is_err()
}

/// It is a CRL or an OCSP response.
pub(super) fn tells_of_revocation(der: &[u8]) -> bool {
    Crl::is_readable(der) || Ocsp::read(der).is_ok()
}

pub(super) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, RunError> {
    let unreadable = |error| RunError::unreadable(path, error);
    let mut data = Vec::new();
    // Not by its metadata: a pipe or a device has no size.
    let file = File::open(path).map_err(unreadable)?;
    let most = limits.given_file_bytes.saturating_add(1);
    let size = file.take(most).read_to_end(&mut data).map_err(unreadable)?;
    if u64::try_from(size).is_ok_and(|size| size == most) {
        data.clear();
    }
    Ok(data)
}

/// Regular files below a folder, sorted by path; links are followed for files only, so that no loop is possible.
pub(super) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let unreadable = |error| RunError::unreadable(&folder, error);
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.file_type().map_err(unreadable)?.is_dir() {
                open.push(entry.path());
            } else if entry.path().is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
