//! One audit in this process, from files in a folder to the records of messages.jsonl.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use mailseal::asn1::Time;
use mailseal::crypto::digest::sha256;
use mailseal::facts::Settings;
use mailseal::facts::harvest::Harvest as Wanted;
use mailseal::jobs::audit;
use mailseal::jobs::given::Given;
use mailseal::jobs::harvest;
use mailseal::jobs::harvest::Exports;
use mailseal::jobs::judge;
use mailseal::jobs::judge::Judging;
use mailseal::jobs::judge::Outcome;
use mailseal::judge::Clocks;
use mailseal::judge::Policy;
use mailseal::limits::Limits;
use mailseal::pipeline;
use mailseal::pipeline::Machine;
use mailseal::pki::keyring::Keks;
use mailseal::pki::keyring::Keyring;
use mailseal::pki::keyring::Passwords;
use mailseal::report::Cells;
use mailseal::report::RenderOptions;
use serde_json::Value;

use crate::toolkit::certificates::Holder;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;

/// An audit to be: messages, and what they are judged with.
pub struct Audit<'a> {
    pub messages: Vec<Vec<u8>>,
    pub anchors: Vec<Vec<u8>>,
    pub certificates: Vec<Vec<u8>>,
    pub crls: Vec<Vec<u8>>,
    pub keys: Vec<&'a Holder>,
    /// One a line.
    pub passwords: Vec<u8>,
    pub keks: Keks,
    pub no_legacy: bool,
    pub now: Time,
    pub policy: Policy,
}

/// Audits one message with the sample root as anchor.
pub fn audit_one(message: &[u8]) -> Record {
    Audit::of(&[message]).run().remove(0)
}

impl<'a> Audit<'a> {
    /// These messages, the sample root as anchor, no keys and no CRLs, at [`people::now`].
    pub fn of(messages: &[&[u8]]) -> Self {
        Self {
            messages: messages.iter().map(|message| message.to_vec()).collect(),
            anchors: vec![people::root().certificate.clone()],
            certificates: Vec::new(),
            crls: Vec::new(),
            keys: Vec::new(),
            passwords: Vec::new(),
            keks: Keks::none(),
            no_legacy: false,
            now: people::now(),
            policy: Policy::default(),
        }
    }

    pub fn at(mut self, now: Time) -> Self {
        self.now = now;
        self
    }

    pub fn crl(mut self, crl: Vec<u8>) -> Self {
        self.crls.push(crl);
        self
    }

    pub fn certificate(mut self, certificate: &[u8]) -> Self {
        self.certificates.push(certificate.to_vec());
        self
    }

    pub fn anchor(mut self, anchor: &[u8]) -> Self {
        self.anchors = vec![anchor.to_vec()];
        self
    }

    pub fn key(mut self, holder: &'a Holder) -> Self {
        self.keys.push(holder);
        self
    }

    /// Adds passwords, one a line.
    pub fn passwords(mut self, lines: &[u8]) -> Self {
        self.passwords.extend_from_slice(lines);
        self
    }

    pub fn kek(mut self, identifier: &[u8], key: &[u8]) -> Self {
        self.keks.push(identifier, key.to_vec().into());
        self
    }

    pub fn no_legacy(mut self) -> Self {
        self.no_legacy = true;
        self
    }

    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The record of each message, in order.
    pub fn run(&self) -> Vec<Record> {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        mail::emls(&archive, &self.messages);
        let report = self.report(&[archive], &folder.path().join("report"), 1);
        let text = fs::read_to_string(report.join("messages.jsonl")).unwrap();
        let records: Vec<Record> = text
            .lines()
            .map(|line| Record(serde_json::from_str(line).unwrap()))
            .collect();
        assert_eq!(records.len(), self.messages.len(), "{text}");
        records
    }

    /// The record of the only message.
    pub fn record(&self) -> Record {
        assert_eq!(self.messages.len(), 1);
        self.run().remove(0)
    }

    /// A whole report, still under its partial name; gives its folder.
    pub fn report(&self, archives: &[PathBuf], target: &Path, threads: usize) -> PathBuf {
        let keyring = self.keyring(target);
        self.job(threads, |judging, machine| {
            let request = audit::Audit {
                archives,
                target,
                replace: false,
                resume: false,
                resume_text: b"",
                keys: &keyring,
                settings: Settings {
                    all: true,
                    limits: judging.limits.clone(),
                    no_legacy: self.no_legacy,
                    ..Settings::default()
                },
                hash_inputs: false,
                judging,
            };
            audit::audit(request, machine, &mut |_| false).unwrap()
        })
    }

    /// A harvest, still under its partial name; gives its folder.
    pub fn harvest(
        &self,
        archives: &[PathBuf],
        target: &Path,
        threads: usize,
        wanted: Wanted,
        exports: Exports<'_>,
    ) -> PathBuf {
        let keyring = self.keyring(target);
        self.job(threads, |judging, machine| {
            let request = harvest::Harvest {
                archives,
                target,
                replace: false,
                keys: &keyring,
                settings: Settings {
                    harvest: Some(wanted),
                    limits: judging.limits.clone(),
                    ..Settings::default()
                },
                lint: false,
                exports,
                judging,
            };
            harvest::harvest(&request, machine, &mut |_| {}).unwrap()
        })
    }

    /// The judgement of a report's facts repeated.
    pub fn judge(&self, report: &Path, target: &Path, threads: usize) -> PathBuf {
        self.job(threads, |judging, machine| {
            judge::judge(report, target, false, judging, machine).unwrap()
        })
    }

    fn job(
        &self,
        threads: usize,
        run: impl FnOnce(Judging<'_>, &Machine<'_>) -> Outcome,
    ) -> PathBuf {
        let limits = Limits::default();
        let certificates = given(self.certificates.iter().map(Vec::as_slice));
        let anchors = given(self.anchors.iter().map(Vec::as_slice));
        let crls = self.crls.iter().map(|der| (sha256(der), der.clone()));
        let crls = Given {
            crls: crls.collect(),
            ..Given::default()
        };
        let workers = pipeline::threads(threads).unwrap();
        let stop = AtomicBool::new(false);
        let machine = Machine {
            threads: &workers,
            memory_bytes: 64 << 20,
            stop: &stop,
        };
        let judging = Judging {
            anchors: &anchors,
            certificates: &certificates,
            crls: &crls,
            distrusted: &BTreeSet::new(),
            policy: &self.policy,
            clocks: Clocks { now: self.now },
            limits: &limits,
            render: RenderOptions {
                subjects: true,
                cells: Cells {
                    raw: false,
                    text_chars: limits.text_chars,
                },
            },
        };
        run(judging, &machine).folder.path().to_owned()
    }

    fn keyring(&self, beside: &Path) -> Keyring {
        let folder = beside.with_extension("keys");
        fs::create_dir_all(&folder).unwrap();
        for (index, holder) in self.keys.iter().enumerate() {
            fs::write(
                folder.join(format!("{index}.key")),
                keys::pkcs8(holder.key()),
            )
            .unwrap();
            fs::write(folder.join(format!("{index}.cer")), &holder.certificate).unwrap();
        }
        let passwords = Passwords::from_lines(&self.passwords);
        let loaded = Keyring::load(&[folder], &passwords, &Limits::default());
        loaded.unwrap().0.with_keks(self.keks.clone())
    }
}

fn given<'d>(certificates: impl Iterator<Item = &'d [u8]>) -> Given {
    Given {
        certificates: certificates
            .map(|der| (sha256(der), der.to_vec()))
            .collect(),
        ..Given::default()
    }
}

/// A line of messages.jsonl.
#[derive(Debug, Clone, PartialEq)]
pub struct Record(pub Value);

impl Record {
    /// The text at a JSON pointer; empty where nothing stands there.
    pub fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The list of texts at a JSON pointer; empty where nothing stands there.
    pub fn list(&self, pointer: &str) -> Vec<&str> {
        let list = self.0.pointer(pointer).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    pub fn status(&self) -> &str {
        self.text("/status")
    }

    /// Structure of the outermost layer.
    pub fn structure(&self) -> &str {
        self.text("/layers/0/structure")
    }

    /// A value of the first signature of the outermost layer.
    pub fn axis(&self, name: &str) -> &str {
        self.text(&format!("/layers/0/signatures/0/{name}"))
    }

    /// Several values of the first signature of the outermost layer.
    pub fn axes<const N: usize>(&self, names: [&str; N]) -> [&str; N] {
        names.map(|name| self.axis(name))
    }

    /// A value of the first signature's judgement at a clock.
    pub fn at(&self, clock: &str, name: &str) -> &str {
        self.axis(&format!("judgements/{clock}/{name}"))
    }

    pub fn reasons(&self, clock: &str) -> Vec<&str> {
        self.list(&format!(
            "/layers/0/signatures/0/judgements/{clock}/chain_reasons"
        ))
    }

    pub fn verdict(&self) -> &str {
        self.axis("verdict")
    }

    pub fn etsi(&self) -> &str {
        self.axis("etsi")
    }

    /// All findings of the message, its layers and its signatures.
    pub fn findings(&self) -> Vec<&str> {
        let list = self.0["findings"].as_array().into_iter().flatten();
        list.filter_map(|finding| finding["code"].as_str())
            .collect()
    }

    pub fn has(&self, finding: &str) -> bool {
        self.findings().contains(&finding)
    }

    pub fn signatures(&self) -> usize {
        let signatures = self.0.pointer("/layers/0/signatures");
        signatures.and_then(Value::as_array).map_or(0, Vec::len)
    }
}
