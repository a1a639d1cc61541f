//! The archive stage: nothing is lost, every byte is accounted for, and neither chunk sizes nor block sizes nor a restart matter.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use flate2::write::GzEncoder;
use mailseal::archive::Archive;
use mailseal::archive::Block;
use mailseal::archive::Compression;
use mailseal::archive::FaultCode;
use mailseal::archive::Item;
use mailseal::archive::Kind;
use mailseal::archive::ReadOptions;
use mailseal::archive::Variant;
use mailseal::error::RunError;
use mailseal::limits::Limits;
use mailseal::mime::message::Form;
use mailseal::mime::message::Origin;
use mailseal::mime::message::Quoting;
use mailseal::mime::message::StorageFinding;
use tempfile::TempDir;

mod folders;
mod live;
mod oracles;

const LINE: &str = "From a@b Thu Jan  1 00:00:00 2015\n";

/// A message as it came out.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    input: u32,
    offset: u64,
    bytes: Vec<u8>,
    form: Form,
    origin: Origin,
}

/// All that came out of one run, block ends left out.
#[derive(Clone, Debug, Default, PartialEq)]
struct Run {
    messages: Vec<Seen>,
    /// Path, kind, variant, bytes.
    files: Vec<(String, Kind, Option<Variant>, u64)>,
    /// Path, code, offset, length.
    faults: Vec<(String, FaultCode, u64, u64)>,
    compressions: Vec<Compression>,
}

impl Run {
    fn texts(&self) -> Vec<String> {
        self.messages
            .iter()
            .map(|seen| String::from_utf8_lossy(&seen.bytes).into_owned())
            .collect()
    }

    fn kinds(&self) -> BTreeMap<String, Kind> {
        self.files
            .iter()
            .map(|(path, kind, ..)| (path.clone(), *kind))
            .collect()
    }

    fn codes(&self) -> Vec<(String, FaultCode)> {
        self.faults
            .iter()
            .map(|(path, code, ..)| (path.clone(), *code))
            .collect()
    }

    fn findings(&self) -> Vec<Vec<StorageFinding>> {
        self.messages
            .iter()
            .map(|seen| seen.origin.findings.iter().collect())
            .collect()
    }
}

/// Takes blocks in, and holds them to what they promise.
#[derive(Default)]
struct Taker {
    run: Run,
    open: Option<(u32, String, u64)>,
    inputs: u32,
}

impl Taker {
    fn take(&mut self, block: &Block) {
        for item in &block.items {
            let mut account = |offset: u64, length: u64| {
                let at = &mut self.open.as_mut().unwrap().2;
                assert_eq!(*at, offset, "a gap or an overlap");
                *at += length;
            };
            match item {
                Item::FileStart { input, file } => {
                    assert_eq!(self.open, None);
                    assert_eq!(*input, self.inputs, "inputs are numbered without gaps");
                    self.inputs += 1;
                    self.open = Some((*input, file.shown_path(), 0));
                    self.run.compressions.push(file.compression);
                }
                Item::Message(located) => {
                    account(located.offset, located.length);
                    let message = block.message(located);
                    assert_eq!(message.bytes.len() as u64, located.length);
                    self.run.messages.push(Seen {
                        input: self.open.as_ref().unwrap().0,
                        offset: located.offset,
                        bytes: message.bytes.to_vec(),
                        form: message.form,
                        origin: message.origin,
                    });
                }
                Item::Between { offset, length, .. } => account(*offset, *length),
                Item::Fault(fault) => {
                    account(fault.offset, fault.length);
                    let path = self.open.as_ref().unwrap().1.clone();
                    self.run
                        .faults
                        .push((path, fault.code, fault.offset, fault.length));
                }
                Item::FileEnd {
                    input,
                    bytes,
                    variant,
                    kind,
                } => {
                    let (number, path, at) = self.open.take().unwrap();
                    assert_eq!(
                        (number, at),
                        (*input, *bytes),
                        "every byte is accounted for"
                    );
                    self.run.files.push((path, *kind, *variant, *bytes));
                }
            }
        }
    }
}

fn options(block_bytes: usize) -> ReadOptions {
    ReadOptions {
        block_bytes,
        ..ReadOptions::default()
    }
}

fn run(mut archive: Archive) -> Run {
    let total = archive.total_bytes();
    let (mut taker, mut source) = (Taker::default(), 0);
    while let Some(block) = archive.next_block() {
        taker.take(&block);
        source += block.source_bytes;
        archive.recycle(block.bytes);
    }
    assert_eq!(taker.open, None, "the last file has an end");
    if let Some(total) = total {
        assert_eq!(source, total, "progress arrives at the end");
    }
    taker.run
}

fn read(paths: &[&Path], options: ReadOptions) -> Run {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    run(Archive::open(&paths, options).unwrap())
}

fn read_one(path: &Path) -> Run {
    read(&[path], ReadOptions::default())
}

/// Reads with several block sizes, and again from behind each block; all must give the same.
fn read_all_ways(path: &Path, limits: &Limits) -> Run {
    let paths = [path.to_path_buf()];
    let with = |block_bytes| ReadOptions {
        limits: limits.clone(),
        block_bytes,
        file_times: false,
    };
    let expected = read(&[path], with(4 << 20));
    for block_bytes in [1, 7, 100, 1000, 64 << 10] {
        let mut archive = Archive::open(&paths, with(block_bytes)).unwrap();
        let mut blocks = Vec::new();
        while let Some(block) = archive.next_block() {
            blocks.push(block);
        }
        let mut whole = Taker::default();
        blocks.iter().for_each(|block| whole.take(block));
        assert_eq!(whole.run, expected, "blocks of {block_bytes}");
        let step = blocks.len().div_ceil(40);
        for at in (0..blocks.len()).step_by(step.max(1)) {
            let written = serde_json::to_string(&blocks[at].end).unwrap();
            let mut resumed = Archive::open(&paths, with(block_bytes)).unwrap();
            resumed
                .resume(&serde_json::from_str(&written).unwrap())
                .unwrap();
            for expected in &blocks[at + 1..] {
                let block = resumed.next_block().unwrap();
                assert_eq!(block.items, expected.items, "resumed behind block {at}");
                assert_eq!(block.bytes, expected.bytes);
                assert_eq!(block.end, expected.end);
            }
            assert!(resumed.next_block().is_none());
        }
    }
    expected
}

/// Gives 1, 2, 3 … bytes at a time, and is interrupted now and then.
struct Odd {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Odd {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.step = self.step % 97 + 1;
        if self.step.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = self.step.min(into.len()).min(self.bytes.len() - self.at);
        into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn read_odd(bytes: &[u8], block_bytes: usize) -> Run {
    let reader = Odd {
        bytes: bytes.to_vec(),
        at: 0,
        step: 0,
    };
    run(Archive::from_reader("-", Box::new(reader), options(block_bytes)).unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn mail(name: &str) -> String {
    format!("From: {name}@example.org\nDate: Thu, 1 Jan 2015 00:00:00 +0000\n\ntext of {name}\n")
}

fn write(folder: &TempDir, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(Path::new(name.as_ref()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn mbox(messages: &[String]) -> String {
    messages
        .iter()
        .map(|message| format!("{LINE}{message}\n"))
        .collect()
}

fn refused(path: &Path) -> RunError {
    match Archive::open(&[path.to_path_buf()], ReadOptions::default()) {
        Ok(_) => panic!("{} is taken", path.display()),
        Err(error) => error,
    }
}

#[test]
fn chunks_blocks_compression_and_restarts_do_not_matter() {
    let folder = TempDir::new().unwrap();
    let messages: Vec<String> = (0..60)
        .map(|n| mail(&"n".repeat(n * 7 % 50)) + &"body\nFrom here\n".repeat(n % 11))
        .collect();
    let text = mbox(&messages);
    let plain = write(&folder, "a.mbox", &text);
    let expected = read_all_ways(&plain, &Limits::default());
    assert_eq!(expected.texts(), messages);
    let (front, back) = text.as_bytes().split_at(text.len() / 3);
    let members = [gzip(front), gzip(back)].concat();
    let frames = [
        zstd::encode_all(front, 1).unwrap(),
        zstd::encode_all(back, 1).unwrap(),
    ]
    .concat();
    for (name, bytes, compression) in [
        ("b.mbox.gz", &members[..], Compression::Gzip),
        ("c", &frames, Compression::Zstd),
    ] {
        let path = write(&folder, name, bytes);
        let run = read_all_ways(&path, &Limits::default());
        assert_eq!(run.messages, expected.messages);
        assert_eq!(run.compressions, [compression]);
    }
    for bytes in [text.as_bytes(), &members, &frames] {
        for block_bytes in [50, 4 << 20] {
            let run = read_odd(bytes, block_bytes);
            assert_eq!(run.messages, expected.messages);
            assert_eq!(run.files[0].0, "-");
        }
    }
}

#[test]
fn e_31_crlf_byte_order_mark_and_leading_lines() {
    let folder = TempDir::new().unwrap();
    let messages = [mail("a"), mail("b")];
    let text = mbox(&messages);
    for (before, faults) in [
        ("", vec![]),
        ("\u{feff}", vec![]),
        ("\n\n", vec![]),
        (
            "end of a mail\n\n",
            vec![("a.mbox".to_owned(), FaultCode::BeforeFirstSeparator)],
        ),
    ] {
        let path = write(&folder, "a.mbox", format!("{before}{text}"));
        let run = read_all_ways(&path, &Limits::default());
        assert_eq!(run.texts(), messages, "{before:?}");
        assert_eq!(run.codes(), faults, "{before:?}");
        let crlf = format!("{before}{text}").replace('\n', "\r\n");
        let path = write(&folder, "a.mbox", crlf);
        let run = read_all_ways(&path, &Limits::default());
        let expected = messages.clone().map(|text| text.replace('\n', "\r\n"));
        assert_eq!(run.texts(), expected, "{before:?}");
    }
    let header_first = format!("{}\n{text}", mail("x"));
    let run = read_all_ways(&write(&folder, "a.mbox", header_first), &Limits::default());
    assert_eq!(run.messages.len(), 3);
    assert_eq!(run.findings()[0], [StorageFinding::SeparatorMissing]);
}

#[test]
fn small_files_named_as_arguments() {
    let folder = TempDir::new().unwrap();
    let run = read_one(&write(&folder, "ten", "From x\n\nhi"));
    assert_eq!(run.texts(), ["\nhi"]);
    assert_eq!(run.findings()[0], [StorageFinding::SeparatorOdd]);
    let run = read_one(&write(&folder, "empty", ""));
    assert_eq!(
        run.files,
        [("empty".to_owned(), Kind::Mbox, Some(Variant::Mbox), 0)]
    );
    assert_eq!(run.texts(), [""; 0]);
    let run = read_one(&write(&folder, "one.eml", mail("a")));
    assert_eq!((run.texts(), run.files[0].1), (vec![mail("a")], Kind::Eml));
    assert_eq!(run.messages[0].origin.quoting, Quoting::None);
    for (name, bytes) in [
        ("README", &b"text\n"[..]),
        ("a.tar", &[&[0; 257][..], b"ustar"].concat()),
        ("a.tar.gz", &gzip(&[&[0; 257][..], b"ustar"].concat())),
    ] {
        let path = write(&folder, name, bytes);
        assert!(
            matches!(refused(&path), RunError::Unusable { .. }),
            "{name}"
        );
    }
    let missing = refused(&folder.path().join("missing"));
    assert!(matches!(missing, RunError::Unreadable { .. }));
}

#[test]
fn d_04_a_message_over_the_limit_is_skipped_and_the_next_is_read() {
    let folder = TempDir::new().unwrap();
    let limits = Limits {
        message_bytes: 3000,
        ..Limits::default()
    };
    let sized = |bytes: usize| {
        let head = mail("x");
        let rest = "From y\n".repeat(bytes / 7 + 1);
        format!("{head}{}\n", &rest[..bytes - head.len() - 1])
    };
    for (bytes, fits) in [
        (2999, true),
        (3000, true),
        (3001, false),
        (30_000, false),
        (300_000, false),
    ] {
        let large = sized(bytes);
        assert_eq!(large.len(), bytes);
        let path = write(
            &folder,
            "a.mbox",
            mbox(&[mail("a"), large.clone(), mail("b")]),
        );
        let run = read_all_ways(&path, &limits);
        let mut expected = vec![mail("a"), large.clone(), mail("b")];
        if !fits {
            expected.remove(1);
            let offset = (2 * LINE.len() + mail("a").len() + 1) as u64;
            let length = (bytes + 1) as u64;
            let code = FaultCode::MessageTooLarge;
            assert_eq!(run.faults, [("a.mbox".to_owned(), code, offset, length)]);
        }
        assert_eq!(run.texts(), expected);
        // The last one of a file, and one that is a file.
        let path = write(&folder, "b.mbox", mbox(&[mail("a"), large.clone()]));
        assert_eq!(
            read_all_ways(&path, &limits).messages.len(),
            1 + usize::from(fits)
        );
        let path = write(&folder, "c.eml", &large);
        assert_eq!(
            read_all_ways(&path, &limits).messages.len(),
            usize::from(fits)
        );
    }
}

#[test]
fn damage_and_read_errors_keep_what_was_read_before() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    let text = mbox(&[mail("a"), mail("b"), mail("c")]);
    let reader = io::Cursor::new(text.clone().into_bytes()[..text.len() - 20].to_vec());
    let run =
        run(
            Archive::from_reader("-", Box::new(reader.chain(Failing)), ReadOptions::default())
                .unwrap(),
        );
    assert_eq!(run.messages.len(), 3);
    assert_eq!(
        run.findings(),
        [vec![], vec![], vec![StorageFinding::CutShort]]
    );
    assert_eq!(run.codes(), [("-".to_owned(), FaultCode::ReadError)]);

    let folder = TempDir::new().unwrap();
    let gz = gzip(text.as_bytes());
    write(&folder, "a.gz", &gz[..gz.len() - 4]);
    write(&folder, "b.gz", &gz[..12]);
    write(&folder, "c.zst", b"\x28\xb5\x2f\xfdgarbage");
    write(&folder, "d.eml", mail("d"));
    let run = read_all_ways(folder.path(), &Limits::default());
    assert_eq!(
        run.codes(),
        ["a.gz", "b.gz", "c.zst"].map(|path| (path.to_owned(), FaultCode::CompressedDamaged))
    );
    assert_eq!(run.messages.len(), 4);
    assert_eq!(run.kinds()["b.gz"], Kind::Unread);
}
