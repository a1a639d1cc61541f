//! An archive that a mail program goes on using: messages are moved, flagged, delivered and deleted while it is read, and between a run
//! that was killed and the one that goes on. Each message is handed out or named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mailseal::archive::{Archive, Block, Cursor, FaultCode, Item, ReadOptions};
use tempfile::TempDir;

/// A message whose text is its number.
fn mail(n: usize) -> String {
    format!("From: a@example.org\nSubject: {n}\nDate: Thu, 1 Jan 2015 00:00:00 +0000\n\n{n}\n")
}

fn name(n: usize) -> String {
    format!("{}.M{n}.host", 1_420_070_400 + n)
}

/// A Maildir with messages 0..10 in `new` and 10..20 in `cur`, and a sub-folder behind it with 20..30 in `cur`.
fn maildir() -> TempDir {
    let place = TempDir::new().unwrap();
    for part in ["new", "cur", "tmp", "z/new", "z/cur", "z/tmp"] {
        fs::create_dir_all(place.path().join("m").join(part)).unwrap();
    }
    for n in 0..30 {
        let part = match n {
            0..10 => format!("new/{}", name(n)),
            10..20 => format!("cur/{}:2,S", name(n)),
            _ => format!("z/cur/{}:2,S", name(n)),
        };
        fs::write(place.path().join("m").join(part), mail(n)).unwrap();
    }
    place
}

/// What was handed out: messages by their number, and faults with their paths.
#[derive(Default)]
struct Seen {
    messages: BTreeMap<String, u32>,
    faults: Vec<(FaultCode, String)>,
    paths: Vec<(u32, Vec<u8>)>,
    path: String,
}

impl Seen {
    fn take(&mut self, block: &Block) {
        for item in &block.items {
            match item {
                Item::FileStart { file, .. } => {
                    self.path = file.shown_path();
                    self.paths.push((file.argument, file.path.clone()));
                }
                Item::Message(located) => {
                    let text = String::from_utf8_lossy(block.message(located).bytes);
                    let text = text.trim_end().rsplit('\n').next().unwrap().to_owned();
                    *self.messages.entry(text).or_default() += 1;
                }
                Item::Fault(fault) => self.faults.push((fault.code, self.path.clone())),
                _ => {}
            }
        }
    }

    fn all_once(&self, wanted: impl IntoIterator<Item = usize>) {
        let wanted: BTreeMap<String, u32> =
            wanted.into_iter().map(|n| (n.to_string(), 1)).collect();
        assert_eq!(self.messages, wanted, "faults: {:?}", self.faults);
    }
}

fn open(place: &TempDir) -> Archive {
    let options = ReadOptions {
        block_bytes: 1,
        ..ReadOptions::default()
    };
    Archive::open(&[place.path().join("m")], options).unwrap()
}

/// Reads `blocks` of them, lets `meanwhile` do what it does, and reads the rest: in the same run, or in another that goes on.
fn read(place: &TempDir, blocks: usize, killed: bool, meanwhile: impl FnOnce(&Path)) -> Seen {
    let mut archive = open(place);
    let listing = archive.listing().unwrap();
    let mut seen = Seen::default();
    let mut end = Cursor::default();
    for _ in 0..blocks {
        let block = archive.next_block().unwrap();
        seen.take(&block);
        end = block.end.clone();
    }
    meanwhile(&place.path().join("m"));
    if killed {
        archive = open(place);
        archive.relist(listing);
        for (argument, path) in &seen.paths {
            archive.handed_out(*argument, path);
        }
        archive.resume(&end).unwrap();
    }
    while let Some(block) = archive.next_block() {
        seen.take(&block);
    }
    seen
}

fn rename(folder: &Path, from: String, to: String) {
    fs::rename(folder.join(from), folder.join(to)).unwrap();
}

/// At each block of a run, with and without a kill.
fn everywhere(mut with: impl FnMut(usize, bool)) {
    for blocks in 0..30 {
        for killed in [false, true] {
            if blocks == 0 && killed {
                continue; // such a run begins anew
            }
            with(blocks, killed);
        }
    }
}

#[test]
fn f_14_messages_that_are_moved_from_new_to_cur_are_read_once() {
    everywhere(|blocks, killed| {
        let place = maildir();
        let seen = read(&place, blocks, killed, |folder| {
            for n in 0..10 {
                let to = format!("cur/{}:2,", name(n));
                rename(folder, format!("new/{}", name(n)), to);
            }
        });
        seen.all_once(0..30);
        assert_eq!(seen.faults, [], "{blocks} {killed}");
    });
}

#[test]
fn f_14_messages_whose_flags_change_are_read_once() {
    everywhere(|blocks, killed| {
        let place = maildir();
        let seen = read(&place, blocks, killed, |folder| {
            for n in 10..30 {
                let part = if n < 20 { "cur" } else { "z/cur" };
                let from = format!("{part}/{}:2,S", name(n));
                // In one direction of the order and in the other.
                let flags = ["", "FRS", "T"][n % 3];
                rename(folder, from, format!("{part}/{}:2,{flags}", name(n)));
            }
        });
        seen.all_once(0..30);
        assert_eq!(seen.faults, [], "{blocks} {killed}");
    });
}

#[test]
fn f_14_what_is_delivered_meanwhile_is_read_or_named() {
    everywhere(|blocks, killed| {
        let place = maildir();
        let seen = read(&place, blocks, killed, |folder| {
            fs::write(folder.join(format!("new/{}", name(100))), mail(100)).unwrap();
            fs::write(folder.join(format!("z/cur/{}:2,", name(101))), mail(101)).unwrap();
        });
        let named: Vec<&str> = seen.faults.iter().map(|(_, path)| &path[..]).collect();
        let mut wanted: Vec<usize> = (0..30).collect();
        for (n, path) in [
            (100, format!("new/{}", name(100))),
            (101, format!("z/cur/{}:2,", name(101))),
        ] {
            if !named.contains(&&path[..]) {
                wanted.push(n);
            }
        }
        seen.all_once(wanted);
        let appeared = |fault: &(FaultCode, String)| fault.0 == FaultCode::Appeared;
        assert!(seen.faults.iter().all(appeared), "{:?}", seen.faults);
    });
}

#[test]
fn f_14_what_is_deleted_meanwhile_was_read_or_is_named() {
    everywhere(|blocks, killed| {
        let place = maildir();
        let gone = [
            (3, format!("new/{}", name(3))),
            (13, format!("cur/{}:2,S", name(13))),
            (23, format!("z/cur/{}:2,S", name(23))),
        ];
        let seen = read(&place, blocks, killed, |folder| {
            for (_, path) in &gone {
                fs::remove_file(folder.join(path)).unwrap();
            }
        });
        let mut wanted: Vec<usize> = (0..30).collect();
        let mut named = 0;
        for (n, path) in &gone {
            if seen.faults.contains(&(FaultCode::Vanished, path.clone())) {
                wanted.retain(|one| one != n);
                named += 1;
            }
        }
        seen.all_once(wanted);
        assert_eq!(seen.faults.len(), named, "{:?}", seen.faults);
        assert!(named > 0 || blocks > 22, "{blocks} {killed}");
    });
}

#[test]
fn f_14_a_folder_of_files_that_come_and_go_is_accounted_for() {
    everywhere(|blocks, killed| {
        let place = TempDir::new().unwrap();
        fs::create_dir_all(place.path().join("m/below")).unwrap();
        for n in 0..40 {
            let path = place.path().join(format!("m/below/{n:02}.eml"));
            fs::write(path, mail(n)).unwrap();
        }
        let seen = read(&place, blocks, killed, |folder| {
            fs::remove_file(folder.join("below/39.eml")).unwrap();
            fs::remove_file(folder.join("below/00.eml")).unwrap();
            fs::write(folder.join("below/00a.eml"), mail(100)).unwrap();
            fs::write(folder.join("below/x.lock"), "").unwrap();
            fs::write(folder.join("below/dovecot.index.log"), "x").unwrap();
        });
        let named: Vec<PathBuf> = seen.faults.iter().map(|(_, path)| path.into()).collect();
        let read = |n: usize| seen.messages.contains_key(&n.to_string());
        let is_named = |path: &str| named.contains(&PathBuf::from(path));
        assert!(read(39) != is_named("below/39.eml"), "{blocks} {killed}");
        assert!(read(0) != is_named("below/00.eml"), "{blocks} {killed}");
        assert!(read(100) != is_named("below/00a.eml"), "{blocks} {killed}");
        assert!((1..39).all(read));
        assert!(!is_named("below/x.lock"));
    });
}

#[test]
fn f_14_two_files_of_one_lasting_name_are_two() {
    let place = maildir();
    let twice = format!("m/cur/{}:2,F", name(15));
    fs::write(place.path().join(twice), mail(200)).unwrap();
    everywhere(|blocks, killed| {
        let seen = read(&place, blocks, killed, |_| {});
        seen.all_once((0..30).chain([200]));
        assert_eq!(seen.faults, []);
    });
}
