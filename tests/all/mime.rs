//! The mime stage.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use mail_parser::{MessageParser, PartType};
use mailseal::limits::Limits;
use mailseal::mime::media::Reading;
use mailseal::mime::smime::{self, Shape};
use mailseal::mime::sniff::may_hold_smime;
use mailseal::mime::transfer;
use mailseal::mime::{Finding, Tree};

/// A generator that gives the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// A well-formed entity of random shape, `level` deep inside.
fn entity(dice: &mut Dice, level: usize, serial: &mut usize) -> String {
    *serial += 1;
    let number = *serial;
    match dice.below(if level > 4 { 4 } else { 8 }) {
        0 => format!("Content-Type: text/plain\n\ntext {number}\n-- \nsignature\n--no delimiter\n"),
        1 => format!(
            "Content-Type: application/pdf; name=\"{number}.pdf\"\nContent-Transfer-Encoding: base64\n\nQUJD\nREVG\n"
        ),
        2 => "\nno header".to_owned(),
        3 => format!(
            "Content-Type: application/pkcs7-mime;\n\tname=smime.p7m\nX-Number: {number}\n\nMIAG\n"
        ),
        4 => format!(
            "Content-Type: message/rfc822\n\nSubject: {number}\n{}",
            entity(dice, level + 1, serial)
        ),
        _ => {
            let subtype = ["mixed", "alternative", "related", "signed"][dice.below(4)];
            let mut text = format!("Content-Type: multipart/{subtype}; boundary=\"b{number}\"\n\n");
            if dice.below(3) == 0 {
                text.push_str("preamble\n");
            }
            for _ in 0..=dice.below(3) {
                text.push_str(&format!(
                    "\n--b{number}\n{}",
                    entity(dice, level + 1, serial)
                ));
            }
            text.push_str(&format!("\n--b{number}--\n"));
            if dice.below(3) == 0 {
                text.push_str("epilogue\n");
            }
            text
        }
    }
}

/// A message of random shape, with one kind of line end.
fn message(dice: &mut Dice) -> Vec<u8> {
    let text = format!("From: a@b.example\nSubject: x\n{}", entity(dice, 0, &mut 0));
    match dice.below(2) {
        0 => text.into_bytes(),
        _ => text.replace('\n', "\r\n").into_bytes(),
    }
}

/// What mail archives hold, and what breaks parsers, at random places.
fn mutate(dice: &mut Dice, message: &mut Vec<u8>) {
    const PIECES: [&[u8]; 16] = [
        b"\n",
        b"\r\n",
        b"\n\n",
        b"--",
        b"\n--b1\n",
        b"\n--b2--\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Type: multipart/digest; boundary=b2\n",
        b"\"",
        b";",
        b"(",
        b"Content-Transfer-Encoding: base64\n",
        b"\nContent-Type: application/octet-stream; name=\"a.p7m\"\n\n",
        b" ",
        b"\0",
        b"\xff",
    ];
    for _ in 0..=dice.below(4) {
        let at = dice.below(message.len() + 1);
        let end = (at + dice.below(30)).min(message.len());
        match dice.below(4) {
            0 => drop(message.drain(at..end)),
            1 => message.truncate(at),
            2 => {
                let copy = message[at..end].to_vec();
                let to = dice.below(message.len() + 1);
                message.splice(to..to, copy);
            }
            _ => drop(message.splice(at..at, PIECES[dice.below(PIECES.len())].iter().copied())),
        }
    }
}

/// Type and body of each leaf, as mail-parser reads the message.
fn leaves_of_mail_parser(bytes: &[u8]) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    let Some(message) = MessageParser::new().parse(bytes) else {
        return leaves;
    };
    let mut open = vec![&message];
    let mut rows = Vec::new();
    while let Some(message) = open.pop() {
        for part in &message.parts {
            match &part.body {
                PartType::Multipart(_) => {}
                PartType::Message(inner) => open.push(inner),
                PartType::Text(_)
                | PartType::Html(_)
                | PartType::Binary(_)
                | PartType::InlineBinary(_) => {
                    use mail_parser::MimeHeaders;
                    let essence = part.content_type().map_or("text/plain".to_owned(), |kind| {
                        format!(
                            "{}/{}",
                            kind.c_type,
                            kind.c_subtype.as_deref().unwrap_or("")
                        )
                        .to_lowercase()
                    });
                    let (start, end) = (part.offset_body as usize, part.offset_end as usize);
                    rows.push((
                        start,
                        essence,
                        String::from_utf8_lossy(&bytes[start..end]).into_owned(),
                    ));
                }
            }
        }
    }
    rows.sort();
    leaves.extend(rows.into_iter().map(|(_, essence, body)| (essence, body)));
    leaves
}

fn leaves(tree: &Tree<'_>) -> Vec<(String, String)> {
    let leaves = tree.parts.iter().filter(|part| part.children.is_empty());
    leaves
        .map(|part| {
            (
                part.media.essence.clone(),
                String::from_utf8_lossy(tree.slice(&part.body)).into_owned(),
            )
        })
        .collect()
}

/// What holds for every message, however broken.
fn check(bytes: &[u8]) {
    let limits = Limits::default();
    for reading in [Reading::First, Reading::Last] {
        let tree = Tree::read_as(bytes, &limits, reading);
        let mut numbers: Vec<String> = (0..tree.parts.len())
            .map(|part| tree.number(part))
            .collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), tree.parts.len(), "part numbers are unique");
        for (at, part) in tree.parts.iter().enumerate() {
            assert!(
                part.entity.start <= part.header.end
                    && part.header.end <= part.body.start
                    && part.body.start <= part.body.end
            );
            assert!(part.body.end == part.entity.end && part.entity.end <= bytes.len());
            assert!(part.parent.is_none_or(|parent| parent < at));
            for pair in part.children.windows(2) {
                assert!(
                    tree.parts[pair[0]].entity.end <= tree.parts[pair[1]].entity.start,
                    "siblings overlap"
                );
            }
            let _ = transfer::cms_bytes(&tree, at);
        }
        let candidates = smime::find(&tree);
        let hidden = tree.has(Finding::MessageEncoded);
        assert!(
            may_hold_smime(bytes) || (candidates.is_empty() && !hidden),
            "the sniff misses S/MIME:\n{}",
            String::from_utf8_lossy(bytes)
        );
        if reading == Reading::Last && tree.findings != Tree::read(bytes, &limits).findings {
            assert!(Tree::read(bytes, &limits).has(Finding::MimeAmbiguous));
        }
    }
}

/// mail-parser 0.11 loses the parts behind a message/rfc822 whose message is a message/rfc822 itself, and its debug assertion fails.
fn mail_parser_can_read(tree: &Tree<'_>) -> bool {
    (0..tree.parts.len()).all(|part| {
        !tree.is_message_root(part) || tree.parts[part].media.essence != "message/rfc822"
    })
}

#[test]
fn the_walker_and_mail_parser_see_the_same_leaves() {
    let mut dice = Dice(1);
    let mut compared = 0;
    for _ in 0..3000 {
        let message = message(&mut dice);
        check(&message);
        let tree = Tree::read(&message, &Limits::default());
        if mail_parser_can_read(&tree) {
            compared += 1;
            assert_eq!(
                leaves(&tree),
                leaves_of_mail_parser(&message),
                "{}",
                String::from_utf8_lossy(&message)
            );
        }
    }
    assert!(compared > 2000);
}

#[test]
fn mutated_messages_keep_the_rules() {
    let mut dice = Dice(2);
    for _ in 0..30_000 {
        let mut message = message(&mut dice);
        mutate(&mut dice, &mut message);
        check(&message);
    }
}

fn eml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "eml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Real mail, kept outside of the project. Absent: the test says so and passes.
#[test]
fn real_list_mail_is_found_and_decoys_are_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/real"))
        .find(|folder| folder.exists())
        .unwrap_or_else(|| PathBuf::from("shared/real"));
    let (Ok(archive), Ok(expected)) = (
        fs::File::open(folder.join("lists.mbox.gz")),
        fs::read_to_string(folder.join("lists.expected.jsonl")),
    ) else {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    };
    let mut mbox = Vec::new();
    MultiGzDecoder::new(archive).read_to_end(&mut mbox).unwrap();
    let separator = |at: &usize| {
        mbox[*at..].starts_with(b"From ") && (*at == 0 || mbox[..*at].ends_with(b"\n\n"))
    };
    let mut starts: Vec<usize> = (0..mbox.len()).filter(separator).collect();
    starts.push(mbox.len());
    let (mut mails, mut decoys) = (0, 0);
    for pair in starts.windows(2) {
        let stored = &mbox[pair[0]..pair[1]];
        let message = &stored[stored.iter().position(|byte| *byte == b'\n').unwrap() + 1..];
        let tree = Tree::read(message, &Limits::default());
        let id = String::from_utf8(
            tree.header(0)
                .first("message-id")
                .unwrap()
                .unfolded()
                .into_owned(),
        )
        .unwrap();
        let row = expected.lines().find(|row| row.contains(&id)).unwrap();
        let candidates = smime::find(&tree);
        if row.contains("\"kind\": \"decoy\"") {
            assert_eq!(candidates, [], "{id}");
            decoys += 1;
            continue;
        }
        assert!(may_hold_smime(message), "{id}");
        let [candidate] = candidates.as_slice() else {
            panic!("{id}: {candidates:?}")
        };
        let Shape::Detached { signature, .. } = candidate.shape else {
            panic!("{id}: {candidate:?}")
        };
        assert!(
            transfer::looks_like_ber(&transfer::cms_bytes(&tree, signature).bytes),
            "{id}"
        );
        mails += 1;
    }
    assert_eq!((mails, decoys), (84, 121));
}

/// Mail made with known content; `MAILSEAL_CORPUS` names its folder. Absent: the test says so and passes.
#[test]
fn made_mail_is_found() {
    let Some(corpus) = std::env::var_os("MAILSEAL_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: MAILSEAL_CORPUS names no folder");
        return;
    };
    let truth = fs::read_to_string(corpus.join("truth.jsonl")).unwrap();
    let mut seen = 0;
    for path in eml_files(&corpus.join("eml")) {
        let message = fs::read(&path).unwrap();
        check(&message);
        let tree = Tree::read(&message, &Limits::default());
        let id = String::from_utf8(
            tree.header(0)
                .first("message-id")
                .unwrap()
                .unfolded()
                .into_owned(),
        )
        .unwrap();
        let row = truth.lines().find(|row| row.contains(&id)).unwrap();
        let plain = row.contains("\"layers\": []");
        assert_eq!(smime::find(&tree).is_empty(), plain, "{}", path.display());
        assert!(may_hold_smime(&message) || plain);
        assert_eq!(
            leaves(&tree),
            leaves_of_mail_parser(&message),
            "{}",
            path.display()
        );
        seen += 1;
    }
    assert!(seen > 0, "no messages in {}", corpus.display());
}
