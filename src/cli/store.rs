//! `mailseal store`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::asn1::Time;
use crate::cli::args::store::{
    AddArgs, DecideArgs, ExportArgs, ImportArgs, Kind, ListArgs, RemoveArgs, ShowArgs, StoreArgs,
    StoreCommand,
};
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::keys::{self, Sources};
use crate::cli::run;
use crate::cli::screen::{escaped, warn};
use crate::error::RunError;
use crate::jobs::keys::problem;
use crate::jobs::store::{Filter, Gathered, Ground, OwnKey, Store, Wanted, Whose};
use crate::judge::Policy;
use crate::judge::recipient::{Decision, Hindrance, Rules};
use crate::limits::Limits;
use crate::pki::keyring::{Held, KeyFileProblem};
use crate::pki::x509::Crl;
use crate::report::certificates::{self, CRL_LABEL, OCSP_LABEL};
use crate::report::encode::hex;
use crate::report::store as rows;

/// `mailseal store`.
///
/// # Errors
/// What ends the run.
pub fn store(args: &StoreArgs) -> Result<Exit, CommandError> {
    let path = match &args.store {
        Some(path) => path.clone(),
        None => default_store().ok_or_else(|| {
            CommandError::Usage("no home folder is known: give the store with --store".to_owned())
        })?,
    };
    let now = run::clock();
    let open = || Store::open(&path, false);
    match &args.command {
        StoreCommand::Add(args) => add(args, &path, now),
        StoreCommand::Import(args) => import(args, &path, now),
        StoreCommand::List(args) => list(args, &open()?),
        StoreCommand::Show(args) => show(args, &open()?, now),
        StoreCommand::Trust(args) => decide(args, &mut open()?, Decision::Trusted, now),
        StoreCommand::Distrust(args) => decide(args, &mut open()?, Decision::Distrusted, now),
        StoreCommand::Remove(args) => remove(args, &mut open()?),
        StoreCommand::Export(args) => export(args, &open()?),
    }
}

/// `$XDG_DATA_HOME/mailseal/store.db`, else `~/.local/share/mailseal/store.db` (XDG Base Directory Specification: a relative path is
/// ignored).
pub(super) fn default_store() -> Option<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    Some(base?.join("mailseal/store.db"))
}

fn add(args: &AddArgs, path: &Path, now: Time) -> Result<Exit, CommandError> {
    let limits = Limits::default();
    let mut gathered = Gathered::read(&args.files, &limits)?;
    let files: Vec<PathBuf> = gathered.keys.iter().map(|(file, _)| file.clone()).collect();
    let named: BTreeSet<&Path> = gathered
        .keys
        .iter()
        .filter(|(_, named)| *named)
        .map(|(file, _)| file.as_path())
        .collect();
    let mut own = Vec::new();
    let mut exit = Exit::Finished;
    if !files.is_empty() {
        let sources = Sources::to_list(&files, args.passwords.as_deref(), args.password_fd);
        let loaded = keys::open(sources, &limits, build::count(None))?;
        let ring = &loaded.keys;
        for entry in &loaded.report.entries {
            let is_nothing = entry.problem == Some(KeyFileProblem::NotAKeyFile);
            if is_nothing && named.contains(entry.path.as_path()) {
                return Err(RunError::Unusable {
                    path: entry.path.clone(),
                    problem: "holds no certificate, no revocation list, no OCSP response and no key. Check the file.",
                }
                .into());
            }
            if !is_nothing && let Some(problem) = problem(entry) {
                warn(&format!("{}: {problem}", entry.path.display()));
                exit = Exit::Incomplete;
            }
            let absolute = std::path::absolute(&entry.path).unwrap_or_else(|_| entry.path.clone());
            for held in &entry.holds {
                match held {
                    Held::Key(key) => {
                        if let Some((spki, _)) = ring.names_of(*key) {
                            own.push(OwnKey {
                                path: absolute.clone(),
                                spki_sha256: *spki,
                                certificates: ring
                                    .certificates_of(*key)
                                    .map(<[u8]>::to_vec)
                                    .collect(),
                            });
                        }
                    }
                    Held::Certificate(place) => {
                        if let Some(der) = ring.certificate_at(*place) {
                            gathered.given.insert(der);
                        }
                    }
                }
            }
        }
    }
    let mut store = Store::open(path, true)?;
    let added = store.add(&gathered.given, &own, now)?;
    say(&format!(
        "{}: {} certificates ({} of authorities), {} revocation lists, {} OCSP responses, {} keys added",
        store.path().display(),
        added.certificates,
        added.authorities,
        added.crls,
        added.ocsp,
        added.keys
    ));
    if added.authorities > 0 {
        say(
            "Nothing is trusted yet: mailseal store list --kind authority, and mailseal store trust SHA256",
        );
    }
    Ok(exit)
}

fn import(args: &ImportArgs, path: &Path, now: Time) -> Result<Exit, CommandError> {
    let limits = Limits::default();
    let mut store = Store::open(path, true)?;
    let mut exit = Exit::Finished;
    let mut unreadable = 0;
    let mut waiting = 0;
    for report in &args.reports {
        let imported = store.import(report, &limits, now)?;
        let name = report.display();
        let brought = format!(
            "{} revocation lists and OCSP responses, {} of them new",
            imported.revocation, imported.new_revocation
        );
        if imported.other_facts {
            warn(&format!(
                "{name}: its facts are of another version, so revocation lists that mail brought were not taken. Audit the archive again, or harvest it."
            ));
            exit = Exit::Incomplete;
        }
        if imported.known {
            say(&format!("{name}: was imported before; {brought}"));
            continue;
        }
        say(&format!(
            "{name}: {} certificates, {} of them new; {} certificates in signed mail of an address; {brought}",
            imported.certificates, imported.new, imported.evidence
        ));
        if imported.unproven > 0 {
            warn(&format!(
                "{name}: {} certificates are revoked there by lists or OCSP responses that were given to it and are not in it. Give them to `mailseal store add`, too.",
                imported.unproven
            ));
        }
        unreadable += imported.unreadable;
        waiting += imported.new_authorities.len();
    }
    if waiting > 0 {
        say(&format!(
            "{waiting} new authorities wait for a decision: mailseal store list --undecided"
        ));
    }
    if unreadable > 0 {
        warn(&format!(
            "{unreadable} rows of the reports could not be read"
        ));
        exit = Exit::Incomplete;
    }
    Ok(exit)
}

fn list(args: &ListArgs, store: &Store) -> Result<Exit, CommandError> {
    let mut filter = Filter {
        address: args.address.clone(),
        kinds: args
            .kind
            .iter()
            .map(|kind| match kind {
                Kind::Key => "key",
                Kind::Authority => "authority",
                Kind::Certificate => "certificate",
                Kind::Crl => "crl",
                Kind::Ocsp => "ocsp",
            })
            .collect(),
        decision: None,
    };
    if args.undecided {
        filter.kinds = vec!["authority"];
        filter.decision = Some(Decision::Undecided);
    }
    let list = store.list(&filter)?;
    let out = if args.json {
        rows::json(&list)?
    } else {
        rows::table(&list).into_bytes()
    };
    print(&out);
    Ok(Exit::Finished)
}

fn show(args: &ShowArgs, store: &Store, clock: Time) -> Result<Exit, CommandError> {
    let limits = Limits::default();
    let at = build::instant(args.at.as_deref(), clock)?;
    let allowed = allowed(&args.allow)?;
    let addresses: Vec<String> = args
        .names
        .iter()
        .filter(|name| name.contains('@'))
        .cloned()
        .collect();
    let ground = Ground::new(&store.material(Whose::Of(&addresses))?, &limits)?;
    let policy = Policy {
        require_revocation: args.require_revocation,
        trust_embedded: args.trust_embedded,
        ..Policy::default()
    };
    let mut judge = ground.judge(&policy, at, &limits);
    let rules = Rules {
        at,
        require_revocation: args.require_revocation,
        allowed: &allowed,
    };
    let mut exit = Exit::Finished;
    for name in &args.names {
        if !name.contains('@') {
            let row = store.show(name)?;
            let out = if args.json {
                rows::json(&[row])?
            } else {
                rows::details(&row).into_bytes()
            };
            print(&out);
            continue;
        }
        let choice = store.recipient(name, &ground, &mut judge, rules)?;
        if choice.chosen.is_err() {
            exit = Exit::Found;
        }
        let out = if args.json {
            rows::choice_json(name, &choice)?
        } else {
            let filter = Filter {
                address: Some(name.clone()),
                ..Filter::default()
            };
            rows::choice(name, &choice, &store.list(&filter)?).into_bytes()
        };
        print(&out);
    }
    Ok(exit)
}

pub(super) fn allowed(words: &[String]) -> Result<Vec<Hindrance>, CommandError> {
    let one = |word: &String| {
        let known = Hindrance::ALL.iter().find(|one| one.as_str() == word);
        known.copied().ok_or_else(|| {
            let all: Vec<&str> = Hindrance::ALL.iter().map(|one| one.as_str()).collect();
            CommandError::Usage(format!("--allow {word}: give one of {}", all.join(", ")))
        })
    };
    words.iter().map(one).collect()
}

fn decide(
    args: &DecideArgs,
    store: &mut Store,
    decision: Decision,
    now: Time,
) -> Result<Exit, CommandError> {
    let decision = if args.undo { Decision::Known } else { decision };
    for one in store.decide(&args.names, decision, &args.note, now)? {
        let what = match (decision, one.is_anchor) {
            (Decision::Trusted, true) => "trusted: an anchor from now on",
            (Decision::Trusted, false) => {
                "confirmed for its addresses; it still needs a trusted authority"
            }
            (Decision::Distrusted, _) => "distrusted",
            (Decision::Known | Decision::Undecided, _) => "known: material, no more",
        };
        say(&format!("{} {}: {what}", hex(&one.sha256), one.subject));
    }
    Ok(Exit::Finished)
}

fn remove(args: &RemoveArgs, store: &mut Store) -> Result<Exit, CommandError> {
    store.remove(&args.names)?;
    say(&format!("{} removed", args.names.len()));
    Ok(Exit::Finished)
}

fn export(args: &ExportArgs, store: &Store) -> Result<Exit, CommandError> {
    let wanted = match (args.trusted, args.distrusted, args.crls) {
        (true, _, _) => Wanted::Decided(Decision::Trusted),
        (_, true, _) => Wanted::Decided(Decision::Distrusted),
        (_, _, true) => Wanted::Revocation,
        (false, false, false) => Wanted::Certificates(&args.names),
    };
    let all = store.export(wanted)?;
    let mut out = Vec::new();
    for der in &all {
        let label = match args.crls {
            true if Crl::read(der.as_slice()).is_ok() => CRL_LABEL,
            true => OCSP_LABEL,
            false => "CERTIFICATE",
        };
        // Writing to a Vec never fails.
        let _ = certificates::block(label, der, &mut out);
    }
    let Some(path) = &args.output else {
        print(&out);
        return Ok(Exit::Finished);
    };
    let unwritable = |error| RunError::unwritable(path, error);
    if path.exists() {
        return Err(RunError::Unusable {
            path: path.clone(),
            problem: "exists already. Choose another name with -o.",
        }
        .into());
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(unwritable)?;
    file.write_all(&out)
        .and_then(|()| file.sync_all())
        .map_err(unwritable)?;
    Ok(Exit::Finished)
}

fn print(bytes: &[u8]) {
    // A closed pipe ends the output and nothing else.
    let _ = anstream::stdout().write_all(bytes);
}

fn say(line: &str) {
    print(format!("{}\n", escaped(line)).as_bytes());
}
