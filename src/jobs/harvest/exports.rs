//! The same certificates in other forms: single files, one PKCS #7 file, a directory's entries, cards.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use crate::asn1::oid;
use crate::cms::build::certs_only;
use crate::error::RunError;
use crate::jobs::harvest::register::Register;
use crate::jobs::harvest::tables::Exported;
use crate::jobs::harvest::texts::Texts;
use crate::jobs::output::{DER_FOLDER, ReportFolder};
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::x509::Certificate;
use crate::report::directory;
use crate::report::encode::hex;

/// What is written beside the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exports<'a> {
    /// A file for each certificate, `der/SHA-256.der`.
    pub der: bool,
    /// `certificates.p7c`
    pub p7c: bool,
    /// `certificates.ldif`, below this distinguished name.
    pub ldif: Option<&'a str>,
    /// `certificates.vcf`
    pub vcard: bool,
}

impl Exports<'_> {
    /// Something is.
    #[must_use]
    pub fn any(&self) -> bool {
        self.der || self.p7c || self.by_address()
    }

    /// Something by address is.
    #[must_use]
    pub fn by_address(&self) -> bool {
        self.ldif.is_some() || self.vcard
    }
}

/// Takes certificates in the order of their SHA-256.
pub(super) struct Exporter<'e> {
    exports: Exports<'e>,
    folder: &'e ReportFolder,
    pool: &'e Pool,
    der: Option<PathBuf>,
    p7c: Option<Bundle>,
    addresses: Texts,
    by_address: Vec<(u32, CertificateId)>,
}

/// A PKCS #7 file, begun.
struct Bundle {
    path: PathBuf,
    writer: BufWriter<File>,
    /// What stands behind the certificates.
    behind: Vec<u8>,
}

impl<'e> Exporter<'e> {
    pub fn new(
        exports: Exports<'e>,
        folder: &'e ReportFolder,
        pool: &'e Pool,
        register: &Register,
    ) -> Result<Self, RunError> {
        let der = match exports.der {
            true => Some(folder.create_folder(DER_FOLDER)?),
            false => None,
        };
        let p7c = match exports.p7c {
            true => Some(Bundle::begin(folder, pool, register)?),
            false => None,
        };
        Ok(Self {
            exports,
            folder,
            pool,
            der,
            p7c,
            addresses: Texts::default(),
            by_address: Vec::new(),
        })
    }

    /// The next one.
    pub fn certificate(&mut self, exported: &Exported) -> Result<(), RunError> {
        let id = exported.id;
        if let Some(folder) = &self.der {
            let path = folder.join(format!("{}.der", hex(&self.pool.sha256(id))));
            let der = self.pool.der(id)?;
            let write = || File::create_new(&path)?.write_all(&der);
            write().map_err(|error| RunError::unwritable(&path, error))?;
        }
        if let Some(bundle) = &mut self.p7c
            && self.pool.is_readable(id)
        {
            bundle.write(&self.pool.der(id)?)?;
        }
        for address in &exported.addresses {
            let shown = with_lower_domain(address);
            if let Some(number) = self.addresses.number(shown.as_bytes(), usize::MAX) {
                self.by_address.push((number, id));
            }
        }
        Ok(())
    }

    /// All have come.
    pub fn finish(self) -> Result<(), RunError> {
        if let Some(bundle) = self.p7c {
            bundle.end()?;
        }
        if !self.exports.by_address() {
            return Ok(());
        }
        let mut by_address = self.by_address;
        // Stable: under one address the order of SHA-256 stays.
        by_address.sort_by(|(one, _), (other, _)| {
            self.addresses.get(*one).cmp(self.addresses.get(*other))
        });
        by_address.dedup();
        let mut ldif = Vec::new();
        let mut cards = Vec::new();
        let mut files = Vec::new();
        if self.exports.ldif.is_some() {
            let path = self.folder.file("certificates.ldif");
            let mut file = BufWriter::new(self.folder.create_file("certificates.ldif")?);
            file.write_all(directory::LDIF_HEAD.as_bytes())
                .map_err(|error| RunError::unwritable(&path, error))?;
            files.push((true, path, file));
        }
        if self.exports.vcard {
            let path = self.folder.file("certificates.vcf");
            let file = BufWriter::new(self.folder.create_file("certificates.vcf")?);
            files.push((false, path, file));
        }
        for group in by_address.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((number, _)) = group.first() else {
                continue;
            };
            let address = String::from_utf8_lossy(self.addresses.get(*number));
            let mut certificates = Vec::new();
            for (_, id) in group.iter().take(CERTIFICATES_OF_AN_ADDRESS) {
                certificates.push(self.pool.der(*id)?);
            }
            let name = certificates
                .iter()
                .find_map(|der| common_name(der))
                .unwrap_or_else(|| address.clone().into_owned());
            let ders = || certificates.iter().map(|der| &**der);
            for (is_ldif, path, file) in &mut files {
                let out = if *is_ldif { &mut ldif } else { &mut cards };
                if *is_ldif {
                    let base = self.exports.ldif.unwrap_or_default();
                    directory::ldif(&address, &name, base, ders(), out);
                } else {
                    directory::vcard(&address, &name, ders(), out);
                }
                file.write_all(out)
                    .map_err(|error| RunError::unwritable(path, error))?;
                out.clear();
            }
        }
        for (_, path, file) in &mut files {
            file.flush()
                .map_err(|error| RunError::unwritable(path, error))?;
        }
        Ok(())
    }
}

impl Bundle {
    fn begin(folder: &ReportFolder, pool: &Pool, register: &Register) -> Result<Self, RunError> {
        let readable = pool
            .certificates()
            .filter(|id| register.carries(*id) && pool.is_readable(*id));
        let bytes = readable.map(|id| pool.size_bytes(id)).sum();
        let (before, behind) = certs_only(bytes);
        let mut bundle = Self {
            path: folder.file("certificates.p7c"),
            writer: BufWriter::with_capacity(1 << 18, folder.create_file("certificates.p7c")?),
            behind,
        };
        bundle.write(&before)?;
        Ok(bundle)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        let written = self.writer.write_all(bytes);
        written.map_err(|error| RunError::unwritable(&self.path, error))
    }

    fn end(mut self) -> Result<(), RunError> {
        let behind = std::mem::take(&mut self.behind);
        self.write(&behind)?;
        let flushed = self.writer.flush();
        flushed.map_err(|error| RunError::unwritable(&self.path, error))
    }
}

/// Certificates of one entry or card at most, the first by SHA-256: certificates.csv has all. Origin: a person has a dozen; an archive can
/// make any number for one address.
const CERTIFICATES_OF_AN_ADDRESS: usize = 1000;

/// Domains are the same in any case, local parts may not be (RFC 5321 §2.4).
fn with_lower_domain(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => address.to_owned(),
    }
}

fn common_name(der: &[u8]) -> Option<String> {
    let certificate = Certificate::read(der).ok()?;
    let names = certificate.subject.texts(oid::COMMON_NAME);
    names.into_iter().find(|name| !name.trim().is_empty())
}
