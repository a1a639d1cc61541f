//! Opening a PKCS #12 file: the MAC and the certificates now, its private keys when they are needed.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::asn1::Oid;
use crate::limits::Limits;
use crate::pki::keyring::entry::KeyFileProblem;
use crate::pki::keyring::entry::Opened;
use crate::pki::keyring::file::FileRow;
use crate::pki::keyring::file::Loader;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::keyring::pkcs12;
use crate::pki::keyring::pkcs12::BagValue;
use crate::pki::keyring::pkcs12::Pfx;
use crate::pki::keyring::pkcs12::Safe;
use crate::pki::keyring::pkcs12::SafeBag;
use crate::pki::keyring::unlock;
use crate::pki::keyring::unlock::Encrypted;
use crate::pki::keyring::unlock::Fit;
use crate::pki::keyring::unlock::LockedKey;

/// Opens `data`, and keeps what is in it.
pub(super) fn open(data: &[u8], loader: &mut Loader<'_>, row: &mut FileRow, limits: &Limits) {
    let Ok(pfx) = Pfx::read(data, limits) else {
        row.opened(Opened::No);
        return row.problem(KeyFileProblem::Damaged);
    };
    let mut fit = None;
    if let Some(mac) = &pfx.mac {
        match loader
            .unlocker
            .check_mac(mac, &pfx.authenticated_safe, &loader.hints)
        {
            Ok(found) => fit = Some(found),
            Err(error) => {
                row.opened(Opened::No);
                return row.problem(error.into());
            }
        }
    }
    let Ok(safes) = pfx.safes(limits) else {
        row.opened(Opened::No);
        return row.problem(KeyFileProblem::Damaged);
    };
    let mut contents: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    for safe in safes {
        match safe {
            Safe::Plain(content) => contents.push(content),
            Safe::Other(kind) => row.problem(unsupported(kind)),
            Safe::Encrypted {
                algorithm,
                ciphertext,
            } => match loader
                .unlocker
                .open_safe(&algorithm, &ciphertext, &loader.first(fit))
            {
                Ok((content, found)) => {
                    fit.get_or_insert(found);
                    contents.push(content);
                }
                Err(error) => row.problem(error.into()),
            },
        }
    }
    let mut bags = Vec::new();
    for content in &contents {
        match pkcs12::read_bags(content, limits) {
            Ok(read) => bags.extend(read),
            Err(_) => row.problem(KeyFileProblem::Damaged),
        }
    }
    keep(bags, fit, loader, row, limits);
}

fn unsupported(kind: Oid<'_>) -> KeyFileProblem {
    KeyFileProblem::UnsupportedAlgorithm(kind.label())
}

/// What the bags with one `localKeyID` are.
#[derive(Default)]
struct Pair {
    certificate: Option<PublicKeyNames>,
    keys: usize,
    /// Certificates of different keys.
    ambiguous: bool,
}

fn keep(
    bags: Vec<SafeBag<'_>>,
    mut fit: Option<Fit>,
    loader: &mut Loader<'_>,
    row: &mut FileRow,
    limits: &Limits,
) {
    let mut pairs: HashMap<Vec<u8>, Pair> = HashMap::new();
    for bag in &bags {
        let pair = bag.local_key_id.as_ref().map(|id| id.to_vec());
        match &bag.value {
            BagValue::Certificate(der) => {
                let names = loader.certificate(der, row);
                if let (Some(id), Some(names)) = (pair, names) {
                    let pair = pairs.entry(id).or_default();
                    let first = pair.certificate.get_or_insert(names);
                    pair.ambiguous |= first.identity != names.identity;
                }
            }
            BagValue::Key(_) | BagValue::ShroudedKey(_) => {
                if let Some(id) = pair {
                    pairs.entry(id).or_default().keys += 1;
                }
            }
            BagValue::Other(_) => {}
        }
    }
    for bag in bags {
        let pair = bag
            .local_key_id
            .as_ref()
            .and_then(|id| pairs.get(id.as_ref()));
        match bag.value {
            BagValue::Certificate(_) | BagValue::Other(_) => {}
            BagValue::Key(der) => {
                row.key();
                match unlock::read_key(der, limits) {
                    Ok(key) => loader.key(key, bag.friendly_name, row),
                    Err(error) => row.problem(error.into()),
                }
            }
            BagValue::ShroudedKey(der) => {
                row.key();
                let encrypted = Encrypted::Pkcs8(der.to_vec());
                let certificate = pair
                    .filter(|pair| pair.keys == 1 && !pair.ambiguous)
                    .and_then(|pair| pair.certificate);
                if let (Some(names), Some(fit)) = (certificate, fit) {
                    let key = LockedKey { encrypted, fit };
                    loader.locked(key, names, bag.friendly_name);
                    continue;
                }
                // No certificate says which key it is, or nothing has shown yet that the password is right.
                match loader.unlocker.unlock(&encrypted, &loader.first(fit)) {
                    Ok((key, found)) => {
                        fit.get_or_insert(found);
                        loader.key(key, bag.friendly_name, row);
                    }
                    Err(error) => row.problem(error.into()),
                }
            }
        }
    }
    match fit {
        Some(fit) => row.opened(loader.succeeded(fit)),
        None if row.has_problem() => row.opened(Opened::No),
        None => {}
    }
}
