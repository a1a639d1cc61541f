//! Who may import whom: the table of `lib.rs`, held against the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Module and what it may import; `limits` and `error` are free for all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("asn1", &[]),
    ("mime", &[]),
    ("archive", &["mime"]),
    ("crypto", &["asn1"]),
    ("cms", &["asn1"]),
    ("pki", &["asn1", "cms", "crypto"]),
    ("facts", &["asn1", "mime", "cms", "pki", "crypto"]),
    ("judge", &["asn1", "facts", "pki"]),
    ("report", &["asn1", "facts", "judge", "pki"]),
    (
        "pipeline",
        &["archive", "mime", "facts", "judge", "report", "pki"],
    ),
    (
        "jobs",
        &[
            "asn1", "mime", "archive", "crypto", "cms", "pki", "facts", "judge", "report",
            "pipeline",
        ],
    ),
    (
        "cli",
        &[
            "asn1", "mime", "archive", "crypto", "cms", "pki", "facts", "judge", "report",
            "pipeline", "jobs",
        ],
    ),
    ("manual", &[]),
    ("limits", &[]),
    ("error", &[]),
    ("main", &["cli"]),
];

/// A crate or word, and the only places that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("openssl::", &["crypto"]),
    ("openssl_sys::", &["crypto"]),
    ("rayon::", &["pipeline"]),
    ("catch_unwind", &["pipeline"]),
    ("serde_json::", &["report", "facts/axis.rs"]),
    ("postcard::", &["facts/store.rs"]),
    ("use csv::", &["report"]),
    ("rusqlite::", &["jobs/store"]),
    ("use clap::", &["cli"]),
    ("indicatif::", &["cli"]),
    ("SystemTime::now", &["cli"]),
    ("Timestamp::now", &["cli"]),
    ("Instant::now", &["cli"]),
    ("env::var", &["cli"]),
];

#[test]
fn every_module_imports_only_what_the_table_allows() {
    let files = sources();
    assert!(files.len() > 50, "found only {} sources", files.len());
    let mut wrong = Vec::new();
    for (name, path, text) in &files {
        if path.ends_with("/tests.rs") {
            continue; // a test may build its input with whatever is there
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| module == name) else {
            if name != "lib" {
                wrong.push(format!("{path}: module {name} is not in the table"));
            }
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("//") {
                continue;
            }
            for (at, _) in line.match_indices("crate::") {
                let is_use = line.starts_with("use ")
                    || line.starts_with("pub use ")
                    || line.starts_with("pub(crate) use ");
                let target: String = line[at + 7..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                if !is_use && target != *name {
                    wrong.push(format!(
                        "{path}:{}: inline path crate::{target}",
                        number + 1
                    ));
                }
                if target != *name
                    && target != "limits"
                    && target != "error"
                    && !allowed.contains(&target.as_str())
                {
                    wrong.push(format!(
                        "{path}:{}: {name} may not import {target}",
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_only_one_place_may_use_is_used_there_only() {
    let mut wrong = Vec::new();
    for (_, path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for (word, places) in ONLY_IN {
                let found = line.match_indices(word).any(|(at, _)| {
                    !line[..at]
                        .ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                        || word.contains("now")
                });
                if found && !places.iter().any(|place| path.starts_with(place)) {
                    wrong.push(format!("{path}:{}: {word}", number + 1));
                }
            }
            if line.contains("unsafe ") && line.contains('{') && path != "crypto/sys.rs" {
                wrong.push(format!("{path}:{}: unsafe", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_keep_their_size() {
    let all = sources()
        .into_iter()
        .chain(below("tests"))
        .chain(below("benches"));
    for (_, path, text) in all {
        let lines = text.lines().count();
        assert!(lines <= 1000, "{path}: {lines} lines");
        if path.ends_with("mod.rs") {
            assert!(lines <= 200, "{path}: {lines} lines");
        }
        let reason = text
            .lines()
            .take(8)
            .any(|line| line.contains("lines because"));
        assert!(
            lines <= 600 || reason,
            "{path}: {lines} lines, and no reason in its first lines"
        );
    }
}

/// (module, path below src, text) of every source.
fn sources() -> Vec<(String, String, String)> {
    below("src")
}

/// The same of another folder.
fn below(folder: &str) -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut all = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                let module = below
                    .split('/')
                    .next()
                    .unwrap()
                    .trim_end_matches(".rs")
                    .to_owned();
                all.push((module, below, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}
