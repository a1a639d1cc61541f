//! A panic at each stage costs one message, whoever else is in its block.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::*;
use crate::archive::ReadOptions;
use crate::asn1::Time;
use crate::judge::{Clocks, Policy};
use crate::limits::Limits;
use crate::pki::pool::Spool;
use crate::pki::trust::{Anchors, Hierarchy};
use crate::report::{Cells, Output, Outputs, RenderOptions, Sink, Tally};

/// Panics where `text` has the word for this stage in it: what no test can bring about from outside.
pub(super) fn trip(stage: &str, text: &[u8]) {
    let word = format!("panic-in-{stage}");
    let found = text
        .windows(word.len())
        .any(|window| window == word.as_bytes());
    assert!(!found, "as a fault of ours would");
}

/// An mbox of messages with these Message-IDs, each with an S/MIME part that is no CMS.
fn mbox(ids: &[&str]) -> Vec<u8> {
    let mut mbox = Vec::new();
    for id in ids {
        write!(
            mbox,
            "From a@b Thu Jan  1 00:00:00 2015\nFrom: a@b\nMessage-ID: <{id}>\nMIME-Version: 1.0\n\
             Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nno CMS\n\n"
        )
        .unwrap();
    }
    mbox
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn output(&self) -> Output {
        Output {
            path: PathBuf::from("test"),
            writer: Box::new(self.clone()),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What both passes made of an archive.
#[derive(Debug, PartialEq)]
struct Made {
    messages: String,
    faults: String,
    tally: Tally,
    incomplete: bool,
}

fn both_passes(mbox: &[u8], threads_wanted: usize) -> Made {
    let workers = threads(threads_wanted).unwrap();
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &workers,
        memory_bytes: 1 << 20,
        stop: &stop,
    };
    let limits = Limits::default();
    let file = tempfile::tempfile().unwrap();
    let path = Path::new("facts");
    let head = store::Head {
        version: String::new(),
        openssl: String::new(),
        all: false,
        hash_inputs: false,
        file_times: false,
        keys: 0,
        keyring: [0; 32],
    };
    let mut pool = PoolBuilder::new(Spool::memory());
    let mut output = FactsOutput {
        writer: store::Writer::create(file.try_clone().unwrap(), &head).unwrap(),
        path,
        pool: &mut pool,
        crls: HashSet::new(),
        file: None,
    };
    let source = Box::new(io::Cursor::new(mbox.to_vec()));
    let archive = Archive::from_reader("test", source, ReadOptions::default()).unwrap();
    let settings = Settings {
        all: false,
        limits: limits.clone(),
        ..Settings::default()
    };
    collect(
        archive,
        &Keyring::empty(),
        &settings,
        &machine,
        &mut output,
        &mut |_| false,
    )
    .unwrap();
    end(output.writer, path, &[]).unwrap();
    let anchors = Anchors::new(std::iter::empty(), &mut pool).unwrap();
    let pool = pool.finish();
    let hierarchy = Hierarchy::new(&pool, &anchors, &limits).unwrap();
    let bench = Bench {
        pool: &pool,
        hierarchy: &hierarchy,
        policy: &Policy::default(),
        clocks: Clocks {
            now: Time::from_unix(1_700_000_000).unwrap(),
        },
        limits: &limits,
        render: RenderOptions {
            subjects: false,
            cells: Cells {
                raw: false,
                text_chars: limits.text_chars,
            },
        },
    };
    let (messages, faults) = (Shared::default(), Shared::default());
    let mut sink = Sink::new(Outputs {
        messages: messages.output(),
        signatures: Shared::default().output(),
        decryptions: Shared::default().output(),
        faults: faults.output(),
    })
    .unwrap();
    let (reader, _) = store::Reader::open(file).unwrap();
    let judged = judge(reader, path, &bench, &machine, &mut sink, &mut |_| ()).unwrap();
    let (tally, _, _) = sink.finish().unwrap();
    Made {
        messages: messages.text(),
        faults: faults.text(),
        tally,
        incomplete: judged.incomplete,
    }
}

#[test]
fn d_28_a_panic_in_one_message_is_caught_and_listed_and_the_others_are_judged() {
    let quiet = both_passes(&mbox(&["1@x", "2@x", "3@x", "4@x"]), 1);
    assert!(!quiet.incomplete);
    assert_eq!(quiet.messages.lines().count(), 4);
    for stage in ["facts", "judge"] {
        let tripped = format!("panic-in-{stage}@x");
        let archive = mbox(&["1@x", &tripped, "3@x", "4@x"]);
        let made = both_passes(&archive, 1);
        assert!(made.incomplete, "{stage}");
        assert_eq!(made.tally.messages.total, 4, "{stage}");
        assert_eq!(made.tally.messages.bytes, (archive.len() - 4 * 35) as u64);
        let rows: Vec<&str> = made.faults.lines().skip(1).collect();
        assert_eq!(rows.len(), 1, "{stage}: {rows:?}");
        assert!(rows[0].contains(",panic,"), "{stage}: {rows:?}");
        let lines: Vec<&str> = made.messages.lines().collect();
        assert_eq!(lines.len(), 4, "{stage}");
        assert!(lines[1].contains("\"code\":\"panic\""), "{}", lines[1]);
        assert!(lines[1].contains("\"status\":\"damaged\""), "{}", lines[1]);
        assert!(lines[1].contains("\"sha256\":"), "{}", lines[1]);
        // The first stands before the panic: nothing of it differs, and it is there once.
        assert_eq!(lines[0], quiet.messages.lines().next().unwrap(), "{stage}");
        assert!(lines[2].contains("3@x") && lines[3].contains("4@x"));
        assert_eq!(made, both_passes(&archive, 4), "{stage}");
    }
}

/// What `migrate` hands out of an archive: a word for each message.
fn migrated(mbox: &[u8], threads_wanted: usize) -> Vec<String> {
    let workers = threads(threads_wanted).unwrap();
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &workers,
        memory_bytes: 1 << 20,
        stop: &stop,
    };
    let reader = Box::new(io::Cursor::new(mbox.to_vec()));
    let archive = Archive::from_reader("a.mbox", reader, ReadOptions::default()).unwrap();
    let mut words = Vec::new();
    migrate(
        archive,
        &Keyring::empty(),
        &Settings::default(),
        &machine,
        |placed, collected, _| {
            if collected.facts.as_deref().is_some_and(facts::has_panicked) {
                return "panicked".to_owned();
            }
            trip("work", placed.message.bytes);
            format!("{:?}", placed.message.bytes.len())
        },
        &mut |worked| {
            words.extend_from_slice(&worked.results);
            Ok(())
        },
        &mut |_| {},
    )
    .unwrap();
    words
}

#[test]
fn f_01_a_panic_while_a_message_is_migrated_costs_that_message_only() {
    let ids = ["1", "panic-in-facts", "2", "panic-in-work", "3"];
    for threads_wanted in [1, 4] {
        let words = migrated(&mbox(&ids), threads_wanted);
        assert_eq!(words.len(), 5);
        let panicked: Vec<bool> = words.iter().map(|word| word == "panicked").collect();
        assert_eq!(panicked, [false, true, false, true, false]);
    }
}
