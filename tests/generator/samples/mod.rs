//! The samples: one message of every kind, what each shows, and the keys and archives that go with them.
//!
//! Each module is a folder of `sample-mail`. Keys, names and times are fixed; signatures and ciphertexts with a random part differ
//! from run to run, so a sample is made anew only when it is asked for.

mod archives;

mod cast;

mod certs;

mod decrypt;

mod keys;

mod labels;

mod plain;

mod readme;

mod verify;

use std::fs;
use std::path::Path;

/// One file of `sample-mail`.
pub struct Sample {
    /// Path below the folder.
    pub name: String,
    /// What it shows, as the README says it.
    pub shows: &'static str,
    pub bytes: Vec<u8>,
}

impl Sample {
    pub fn new(name: &str, shows: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            shows,
            bytes,
        }
    }
}

/// Writes the samples whose names begin with one of these, or all; gives the number of files.
pub fn write(folder: &Path, names: &[String]) -> usize {
    let chosen = |name: &str| names.is_empty() || names.iter().any(|start| name.starts_with(start));
    let groups = [
        verify::samples(),
        labels::samples(),
        decrypt::samples(),
        certs::samples(),
        plain::samples(),
    ];
    let mut samples: Vec<Sample> = groups.into_iter().flatten().collect();
    let before = stored(folder, &samples, &chosen);
    samples.extend(archives::samples(&before));
    samples.extend(keys::samples(folder));
    let mut written = 0;
    for sample in samples.iter().filter(|sample| chosen(&sample.name)) {
        put(folder, &sample.name, &sample.bytes);
        written += 1;
    }
    put(folder, "README.md", readme::text(&samples).as_bytes());
    written + 1
}

/// The messages that archives are made of: those being written, else those that are there.
fn stored(
    folder: &Path,
    samples: &[Sample],
    chosen: &dyn Fn(&str) -> bool,
) -> Vec<(String, Vec<u8>)> {
    let bytes = |sample: &Sample| {
        let there = fs::read(folder.join(&sample.name));
        match there {
            Ok(there) if !chosen(&sample.name) => there,
            _ => sample.bytes.clone(),
        }
    };
    samples
        .iter()
        .map(|sample| (sample.name.clone(), bytes(sample)))
        .collect()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
