//! Folders: what is read in them, in which order, and what is a fault (catalogue E-32, D-05, D-17).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use mailseal::archive::Archive;
use mailseal::archive::Block;
use mailseal::archive::FaultCode;
use mailseal::archive::Item;
use mailseal::archive::Kind;
use mailseal::archive::ReadOptions;
use mailseal::error::RunError;
use mailseal::limits::Limits;
use mailseal::mime::message::Form;
use mailseal::mime::message::StorageFinding;
use tempfile::TempDir;

use super::Taker;
use super::gzip;
use super::mail;
use super::mbox;
use super::options;
use super::read;
use super::read_all_ways;
use super::read_one;
use super::refused;
use super::write;

#[test]
fn a_folder_of_everything() {
    let folder = TempDir::new().unwrap();
    let der = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\0\0\0\0";
    let two = mbox(&[mail("a"), mail("b")]);
    let [c, d, e, f, g] = ["c", "d", "e", "f", "g"].map(mail);
    let files: [(&str, &[u8], Kind, usize); 16] = [
        ("a.mbox", two.as_bytes(), Kind::Mbox, 2),
        ("b/deep/er/x.eml", c.as_bytes(), Kind::Eml, 1),
        ("b/x.eml.gz", &gzip(d.as_bytes()), Kind::Eml, 1),
        (
            "b/y.zst",
            &zstd::encode_all(two.as_bytes(), 1).unwrap(),
            Kind::Mbox,
            2,
        ),
        ("c.p7m", der, Kind::Cms, 1),
        (
            "c.pem",
            b"-----BEGIN CMS-----\nMIIB\n-----END CMS-----\n",
            Kind::Cms,
            1,
        ),
        (
            "d.tar.gz",
            &gzip(&[&[0; 257][..], b"ustar"].concat()),
            Kind::Other,
            0,
        ),
        ("e/README", b"This is text.\n", Kind::Other, 0),
        (
            "e/cert.pem",
            b"-----BEGIN CERTIFICATE-----\nMIIB\n",
            Kind::Other,
            0,
        ),
        ("e/empty", b"", Kind::Other, 0),
        ("e/truth.jsonl", b"{\"from\": 1}\n", Kind::Other, 0),
        (
            "m/cur/1420070400.M1.host:2,FS",
            e.as_bytes(),
            Kind::Maildir,
            1,
        ),
        (
            "m/cur/1420070401.M2.host",
            b"no header at all",
            Kind::Maildir,
            1,
        ),
        ("m/cur/.hidden", b"index", Kind::Other, 0),
        (
            "m/new/1420070402.M3.host",
            &gzip(f.as_bytes()),
            Kind::Maildir,
            1,
        ),
        (
            "m/.Sent/new/1420070403.M4.host",
            g.as_bytes(),
            Kind::Maildir,
            1,
        ),
    ];
    for (name, bytes, ..) in &files {
        write(&folder, name, bytes);
    }
    write(&folder, "m/tmp/1420070404.M5.host", mail("h"));
    fs::create_dir_all(folder.path().join("m/.Sent/cur")).unwrap();
    let run = read_all_ways(folder.path(), &Limits::default());
    let kinds: BTreeMap<String, Kind> = files
        .iter()
        .map(|(name, _, kind, _)| ((*name).to_owned(), *kind))
        .collect();
    assert_eq!(run.kinds(), kinds);
    assert_eq!(run.faults, []);
    for (name, _, _, count) in &files {
        let input = run
            .files
            .iter()
            .position(|(path, ..)| path == name)
            .unwrap();
        let seen = run
            .messages
            .iter()
            .filter(|seen| seen.input as usize == input)
            .count();
        assert_eq!(seen, *count, "{name}");
    }
    let paths: Vec<&String> = run.files.iter().map(|(path, ..)| path).collect();
    let maildir: Vec<&&String> = paths.iter().filter(|path| path.starts_with("m/")).collect();
    assert_eq!(
        maildir,
        [
            "m/.Sent/new/1420070403.M4.host",
            "m/cur/.hidden",
            "m/cur/1420070400.M1.host:2,FS",
            "m/cur/1420070401.M2.host",
            "m/new/1420070402.M3.host"
        ]
        .iter()
        .collect::<Vec<_>>()
    );
    let flagged = run
        .messages
        .iter()
        .find(|seen| !seen.origin.flags.is_empty())
        .unwrap();
    assert_eq!(flagged.origin.flags.letters().collect::<String>(), "FS");
    assert_eq!(flagged.origin.file_name_seconds, Some(1_420_070_400));
    assert_eq!(
        run.messages
            .iter()
            .filter(|seen| seen.form == Form::Cms)
            .count(),
        2
    );
}

#[test]
fn several_arguments_are_read_in_order_and_resumed() {
    let folder = TempDir::new().unwrap();
    let one = write(&folder, "x/a.mbox", mbox(&[mail("a"), mail("b")]));
    let two = write(&folder, "y/b.eml", mail("c"));
    write(&folder, "z/c.eml", mail("d"));
    let three = folder.path().join("z");
    let paths = [two.clone(), three, one.clone(), two, one];
    let mut archive = Archive::open(&paths, options(60)).unwrap();
    let blocks: Vec<Block> = std::iter::from_fn(|| archive.next_block()).collect();
    let mut taker = Taker::default();
    blocks.iter().for_each(|block| taker.take(block));
    let expected = ["c", "d", "a", "b", "c", "a", "b"].map(mail);
    assert_eq!(taker.run.texts(), expected);
    assert_eq!(
        taker
            .run
            .files
            .iter()
            .map(|file| &file.0[..])
            .collect::<Vec<_>>(),
        ["b.eml", "c.eml", "a.mbox", "b.eml", "a.mbox"]
    );
    for at in 0..blocks.len() {
        let mut resumed = Archive::open(&paths, options(60)).unwrap();
        resumed.resume(&blocks[at].end).unwrap();
        for expected in &blocks[at + 1..] {
            assert_eq!(resumed.next_block().unwrap().items, expected.items);
        }
        assert!(resumed.next_block().is_none());
    }
    let mut other = Archive::open(&paths[..1], options(60)).unwrap();
    assert!(other.resume(&blocks.last().unwrap().end).is_err());
}

#[test]
fn d_17_what_is_no_file_is_a_fault_and_names_are_kept() {
    let folder = TempDir::new().unwrap();
    write(&folder, "a.eml", mail("a"));
    write(&folder, OsStr::from_bytes(b"b\xff\n%.eml"), mail("b"));
    fs::hard_link(folder.path().join("a.eml"), folder.path().join("c.eml")).unwrap();
    symlink("a.eml", folder.path().join("link.eml")).unwrap();
    symlink("..", folder.path().join("loop")).unwrap();
    symlink("nowhere", folder.path().join("nowhere")).unwrap();
    let fifo = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    fs::create_dir_all(folder.path().join("maildir/cur")).unwrap();
    fs::create_dir_all(folder.path().join("maildir/tmp")).unwrap();
    let run = read_all_ways(folder.path(), &Limits::default());
    let expected = [
        ("link.eml", FaultCode::SkippedSymlink),
        ("loop", FaultCode::SkippedSymlink),
        ("maildir/new", FaultCode::FolderMissing),
        ("nowhere", FaultCode::SkippedSymlink),
        ("pipe", FaultCode::NotARegularFile),
    ];
    assert_eq!(
        run.codes(),
        expected.map(|(path, code)| (path.to_owned(), code))
    );
    assert_eq!(run.texts(), [mail("a"), mail("b"), mail("a")]);
    assert_eq!(run.files[1].0, "b%FF%0A%25.eml");
    // An argument may be a link.
    let link = folder.path().join("link.eml");
    assert_eq!(read_one(&link).texts(), [mail("a")]);
}

#[test]
fn d_17_unreadable_files_and_folders_are_faults() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "a.eml", mail("a"));
    write(&folder, "b/b.eml", mail("b"));
    write(&folder, "c.eml", mail("c"));
    let closed = folder.path().join("b");
    for path in [&file, &closed] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let denied = fs::File::open(&file).is_err();
    let run = read_one(folder.path());
    let error = denied.then(|| refused(&file));
    for path in [&file, &closed] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let Some(error) = error else {
        eprintln!("skipped: this user may read everything");
        return;
    };
    assert!(matches!(error, RunError::Unreadable { .. }));
    assert_eq!(
        run.codes(),
        ["a.eml", "b"].map(|path| (path.to_owned(), FaultCode::Unreadable))
    );
    assert_eq!(run.texts(), [mail("c")]);
}

#[test]
fn folders_nested_too_deep_are_a_fault() {
    let folder = TempDir::new().unwrap();
    write(&folder, "a/b/c/x.eml", mail("a"));
    write(&folder, "a/b/y.eml", mail("b"));
    let limits = Limits {
        folder_depth: 2,
        ..Limits::default()
    };
    let run = read_all_ways(folder.path(), &limits);
    assert_eq!(
        run.codes(),
        [("a/b/c".to_owned(), FaultCode::FolderTooDeep)]
    );
    assert_eq!(run.texts(), [mail("b")]);
}

#[test]
fn d_05_a_bomb_in_a_folder_ends_its_file_only() {
    let folder = TempDir::new().unwrap();
    let limits = Limits {
        ratio_free_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = format!("{}{}", mbox(&[mail("a")]), "x".repeat(30 << 20));
    write(&folder, "a.gz", gzip(bomb.as_bytes()));
    write(&folder, "b.eml", mail("b"));
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let run = read(&[folder.path()], options);
    assert_eq!(
        run.codes(),
        [("a.gz".to_owned(), FaultCode::DecompressionRatio)]
    );
    assert_eq!(run.messages.len(), 2);
    assert!(run.messages[0].bytes.len() < 25 << 20);
    assert_eq!(run.findings()[0], [StorageFinding::CutShort]);
    assert_eq!(run.texts()[1], mail("b"));
}

#[test]
fn many_small_files_share_a_block() {
    let folder = TempDir::new().unwrap();
    for n in 0..300 {
        write(&folder, format!("cur/{n:03}.M.host:2,"), mail("a"));
        write(&folder, format!("new/{n:03}.M.host"), mail("b"));
    }
    let mut archive =
        Archive::open(&[folder.path().to_path_buf()], ReadOptions::default()).unwrap();
    let block = archive.next_block().unwrap();
    assert_eq!(block.items.len(), 600 * 3);
    assert!(archive.next_block().is_none());
}

#[test]
fn a_file_that_is_written_meanwhile_is_named_and_gone_on_with() {
    let folder = TempDir::new().unwrap();
    // The look at the beginning reads 4 MiB; the file is longer than that, and is cut behind it.
    let text = mbox(&vec![mail("a"); 60_000]);
    assert!(text.len() > 5 << 20);
    let path = write(&folder, "a.mbox", &text);
    write(&folder, "b.eml", mail("b"));
    let paths = [folder.path().to_path_buf()];
    let mut archive = Archive::open(&paths, options(64 << 10)).unwrap();
    let mut taker = Taker::default();
    let first = archive.next_block().unwrap();
    taker.take(&first);
    fs::write(&path, &text[..5 << 20]).unwrap();
    while let Some(block) = archive.next_block() {
        taker.take(&block);
    }
    assert_eq!(
        taker.run.codes(),
        [("a.mbox".to_owned(), FaultCode::FileChanged)]
    );
    assert_eq!(taker.run.files[0].3, 5 << 20);
    assert_eq!(taker.run.texts().last(), Some(&mail("b")));
    let appended = [&text[..], mbox(&[mail("c")]).as_str()].concat();
    for (now, code) in [
        (Some(&text[..10]), Some(FaultCode::FileChanged)),
        (Some(""), Some(FaultCode::FileChanged)),
        (Some(&text), None),
        (Some(&appended), Some(FaultCode::FileGrew)),
        (None, Some(FaultCode::Vanished)),
    ] {
        match now {
            Some(now) => fs::write(&path, now).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let mut resumed = Archive::open(&paths, options(64 << 10)).unwrap();
        resumed.resume(&first.end).unwrap();
        let mut faults = Vec::new();
        let mut messages = 0;
        while let Some(block) = resumed.next_block() {
            for item in &block.items {
                match item {
                    Item::Fault(fault) => faults.push(fault.code),
                    Item::Message(_) => messages += 1,
                    _ => {}
                }
            }
        }
        assert_eq!(
            faults,
            Vec::from_iter(code),
            "{:?} bytes",
            now.map(str::len)
        );
        // The mail of the other file; of this one, what was listed.
        let before = first
            .items
            .iter()
            .filter(|item| matches!(item, Item::Message(_)))
            .count();
        if matches!(code, None | Some(FaultCode::FileGrew)) {
            assert_eq!(before + messages, 60_001);
        }
    }
}

#[test]
fn an_archive_can_be_read_by_a_thread_of_its_own() {
    fn is_send<T: Send>() {}
    is_send::<Archive>();
    is_send::<Block>();
}

/// One that is no mail to us, under a name of mail, is told; a file in `cur` is a message under any name.
#[test]
fn e_33_what_is_named_mail_and_is_none_is_a_fault() {
    let folder = TempDir::new().unwrap();
    write(&folder, "a.eml", "Content-Type: text/plain\n\nx\n");
    write(&folder, "b.EMLX", "nothing\n");
    write(
        &folder,
        "c.mbox",
        "From a\rFrom: a\rDate: x\r\ry\r".repeat(400),
    );
    write(&folder, "d.msg.gz", gzip(b"\xd0\xcf\x11\xe0"));
    write(&folder, "e.eml", "");
    write(&folder, "f.txt", "nothing\n");
    write(&folder, "m/cur/7", "no header");
    write(&folder, "m/new/8", "");
    let run = read_all_ways(folder.path(), &Limits::default());
    assert_eq!(run.messages.len(), 1);
    assert_eq!(run.kinds()["m/cur/7"], Kind::Maildir);
    assert!(
        run.faults
            .iter()
            .all(|fault| fault.1 == FaultCode::NotRecognised)
    );
    assert_eq!(run.faults.len(), 4);
    assert!(FaultCode::NotRecognised.leaves_mail_unread());
}
