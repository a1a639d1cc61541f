//! A whole run, as the command line makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use mailseal::asn1::Time;
use mailseal::crypto::digest::sha256;
use mailseal::facts::Settings;
use mailseal::jobs::audit::{Audit, Step, audit};
use mailseal::jobs::given::Given;
use mailseal::jobs::judge::Judging;
use mailseal::judge::{Clocks, Policy};
use mailseal::limits::Limits;
use mailseal::pipeline::{Machine, threads};
use mailseal::pki::keyring::{Keyring, Passwords};
use mailseal::report::{Cells, RenderOptions};

use crate::material::measure::{Clock, Spent};
use crate::material::party::{NOW, World};

/// What a run took, and what it found.
pub struct Ran {
    /// Pass 1, from opening the archive to the last frame of facts.
    pub reading: Spent,
    /// Pass 2: judging, the report's tables, certificates, manifest.
    pub judging: Spent,
    pub statuses: Vec<(&'static str, u64)>,
    pub messages: u64,
    pub report: PathBuf,
}

/// Anchors and CRLs of a run.
pub struct Trusted {
    pub anchors: Given,
    pub crls: Given,
}

impl Trusted {
    pub fn in_world(world: &World) -> Self {
        let one = |der: &Vec<u8>| BTreeMap::from([(sha256(der), der.clone())]);
        Self {
            anchors: Given {
                certificates: one(&world.root.certificate),
                ..Given::default()
            },
            crls: Given {
                crls: one(&world.crl),
                ..Given::default()
            },
        }
    }
}

/// The keys in a folder.
pub fn keyring(folder: &Path) -> Keyring {
    let paths = [folder.to_owned()];
    let (keys, _) = Keyring::load(&paths, &Passwords::none(), &Limits::default()).unwrap();
    assert!(!keys.is_empty());
    keys
}

pub fn render_options() -> RenderOptions {
    RenderOptions {
        subjects: false,
        cells: Cells {
            raw: false,
            text_chars: Limits::default().text_chars,
        },
    }
}

/// Audits `archive` into a report in `folder`, which must be empty.
pub fn whole(
    archive: &Path,
    folder: &Path,
    keys: &Keyring,
    trusted: &Trusted,
    workers: usize,
) -> Ran {
    let limits = Limits::default();
    let pool = threads(workers).unwrap();
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &pool,
        memory_bytes: 128 << 20,
        stop: &stop,
    };
    let certificates = Given::default();
    let policy = Policy::default();
    let archives = [archive.to_owned()];
    let request = Audit {
        archives: &archives,
        target: &folder.join("report"),
        replace: false,
        resume: false,
        resume_text: b"",
        keys,
        settings: Settings::default(),
        hash_inputs: false,
        judging: Judging {
            anchors: &trusted.anchors,
            certificates: &certificates,
            crls: &trusted.crls,
            distrusted: &BTreeSet::new(),
            policy: &policy,
            clocks: Clocks {
                now: Time::from_unix(NOW).unwrap(),
            },
            limits: &limits,
            render: render_options(),
        },
    };
    let mut clock = Clock::start();
    let mut reading = None;
    let outcome = audit(request, &machine, &mut |step| {
        if step == Step::Judging {
            reading = Some(clock.spent());
            clock = Clock::start();
        }
        false
    })
    .unwrap();
    Ran {
        reading: reading.unwrap(),
        judging: clock.spent(),
        statuses: outcome
            .totals
            .statuses
            .iter()
            .filter(|(_, count)| *count > 0)
            .copied()
            .collect(),
        messages: outcome.totals.messages,
        report: outcome.folder.path().to_owned(),
    }
}

impl Ran {
    /// Every message has this status, or the figures mean nothing.
    pub fn expect(&self, status: &str, messages: usize) {
        assert_eq!(
            self.statuses,
            [(status, messages as u64)],
            "{:?}",
            self.report
        );
    }
}
