//! The report stage: hand-made facts and verdicts to bytes.

mod samples;
mod sums;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use mailseal::error::RunError;
use mailseal::facts::record::{HeaderText, Identifier, MessageFacts, Sha256};
use mailseal::judge::Status;
use mailseal::judge::verdict::MessageVerdict;
use mailseal::report::usage::Role;
use mailseal::report::{
    Cells, FaultRow, Lookup, Output, Outputs, Place, RenderOptions, Rendered, Run, Sink, Tally,
    Usages, certificates, decryptions, faults, inputs, manifest, missing, render, run, signatures,
};
use samples::{at, everything, place, signed};
use serde_json::Value;

const OPTIONS: RenderOptions = RenderOptions {
    subjects: true,
    cells: Cells {
        raw: false,
        text_chars: 4096,
    },
};

fn with_lookup<T>(use_it: impl FnOnce(&Lookup<'_>) -> T) -> T {
    let certificate = |sha256: &Sha256| Some(u32::from(sha256[0]));
    let recipient = |identifier: &Identifier| match identifier {
        Identifier::Ski(ski) => Some(u32::from(ski[0])),
        Identifier::IssuerSerial { .. } | Identifier::None => None,
    };
    use_it(&Lookup {
        certificate: &certificate,
        recipient: &recipient,
    })
}

fn render_into(
    place: &Place<'_>,
    (facts, verdict): &(MessageFacts, MessageVerdict),
    out: &mut Rendered,
) {
    with_lookup(|lookup| render(place, facts, verdict, lookup, &OPTIONS, out)).unwrap();
}

/// A writer whose bytes can be read after the sink is gone.
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

/// The four files of these blocks, and their sums.
fn written(blocks: &[Rendered]) -> ([String; 4], Tally, Usages) {
    let buffers: [Shared; 4] = Default::default();
    let output = |index: usize| Output {
        path: PathBuf::from(index.to_string()),
        writer: Box::new(buffers[index].clone()),
    };
    let mut sink = Sink::new(Outputs {
        messages: output(0),
        signatures: output(1),
        decryptions: output(2),
        faults: output(3),
    })
    .unwrap();
    for block in blocks {
        sink.append(block).unwrap();
    }
    let (tally, usages, _) = sink.finish().unwrap();
    let texts = buffers.map(|buffer| String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap());
    (texts, tally, usages)
}

fn everything_written() -> ([String; 4], Tally, Usages) {
    let mut block = Rendered::default();
    render_into(&place(0, 1234), &everything(), &mut block);
    let fault = FaultRow {
        archive: Some(0),
        path: "lists/2009.mbox",
        code: "message_too_large",
        stage: "archive",
        offset: Some(99_999),
        length: Some(7),
        detail: "=over --max-message",
    };
    block.fault(&fault, OPTIONS.cells);
    written(&[block])
}

/// The golden files, or with `MAILSEAL_BLESS=1` what they are to be.
fn compare_or_bless(name: &str, seen: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/all/report")
        .join(name);
    if std::env::var_os("MAILSEAL_BLESS").is_some() {
        fs::write(&path, seen).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(
        seen == expected,
        "{name} differs; bless it and read the difference:\n{seen}"
    );
}

#[test]
fn a_message_with_every_kind_of_layer_is_written_as_it_is_described() {
    let (texts, tally, usages) = everything_written();
    compare_or_bless("message.jsonl", &texts[0]);
    compare_or_bless("signatures.csv", &texts[1]);
    compare_or_bless("decryptions.csv", &texts[2]);
    compare_or_bless("faults.csv", &texts[3]);
    let mut rows = String::new();
    for (number, known) in [
        (0x01, "carried"),
        (0xc1, "signer carried"),
        (0xca, "chain carried"),
    ] {
        let usage = usages.of(number).unwrap();
        assert_eq!(
            usage
                .roles()
                .map(Role::as_str)
                .collect::<Vec<_>>()
                .join(" "),
            known
        );
        assert_eq!(usage.messages, 1, "{number:02x}");
        rows.push_str(&format!("{number:02x} {}\n", usage.signed));
    }
    assert_eq!(rows, "01 0\nc1 1\nca 0\n");
    assert_eq!(
        usages.of(0xc7).unwrap().roles().collect::<Vec<_>>(),
        [Role::Timestamp]
    );
    assert_eq!(
        usages.of(0xee).unwrap().roles().collect::<Vec<_>>(),
        [Role::Recipient]
    );
    assert_eq!(tally.signatures.total, 3);
}

#[test]
fn keys_come_in_the_order_of_the_manual() {
    let (texts, ..) = everything_written();
    let manual = manual();
    for (heading, pointer) in [
        ("### A message", ""),
        ("### A layer", "/layers/0"),
        ("### An encrypted layer", "/layers/2/encrypted"),
        ("### A recipient", "/layers/2/encrypted/recipients/0"),
        ("### A signature", "/layers/0/signatures/0"),
        (
            "### A judgement",
            "/layers/0/signatures/0/judgements/claimed",
        ),
    ] {
        let described = listed(&manual, heading);
        let seen = keys_in_order(&texts[0], pointer);
        assert!(seen.len() > 4, "{pointer}: {seen:?}");
        let known: Vec<_> = described
            .iter()
            .filter(|key| seen.contains(key))
            .cloned()
            .collect();
        assert_eq!(known, seen, "{heading}");
    }
}

#[test]
fn every_column_is_described_and_every_description_has_a_column() {
    let manual = manual();
    for (heading, columns) in [
        ("## signatures.csv", signatures::COLUMNS),
        ("## decryptions.csv", decryptions::COLUMNS),
        ("## missing-keys.csv", missing::COLUMNS),
        ("## certificates.csv", certificates::COLUMNS),
        ("## faults.csv", faults::COLUMNS),
        ("## inputs.csv", inputs::COLUMNS),
    ] {
        assert_eq!(listed(&manual, heading), columns, "{heading}");
    }
    // Word for word what was promised.
    assert_eq!(
        certificates::COLUMNS.join(", "),
        "sha256, spki_sha256, serial, subject, issuer, addresses, not_before, not_after, key_algorithm, key_bits, \
         signature_algorithm, is_ca, key_usage, extended_key_usage, policies, messages, signed, first_seen, last_seen, \
         first_place, roles, chain_now, lint"
    );
    for (columns, promised) in [
        (faults::COLUMNS, "code stage offset length detail"),
        (
            inputs::COLUMNS,
            "path kind mbox_variant bytes sha256 messages smime_messages",
        ),
        (
            signatures::COLUMNS,
            "layer index digest attributes signature certificate_source identity coverage verdict verdict_claimed \
             verdict_now etsi",
        ),
    ] {
        for column in promised.split_whitespace() {
            assert!(columns.contains(&column), "{column}");
        }
    }
}

#[test]
fn every_row_has_the_columns_of_its_header() {
    let (texts, ..) = everything_written();
    for (text, rows) in texts.iter().skip(1).zip([3, 3, 1]) {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.records().map(Result::unwrap).count(), rows, "{text}");
    }
}

/// Row D-20 of the catalogue, for the tables; JSON has the escapes of JSON.
#[test]
fn d_20_no_file_holds_a_control_or_direction_character() {
    let (texts, ..) = everything_written();
    for text in &texts[1..] {
        let bad = |c: char| {
            (c < ' ' && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!text.contains(bad), "{text}");
    }
    assert!(!texts[0].bytes().any(|byte| byte < b' ' && byte != b'\n'));
}

/// Row D-21 of the catalogue: Python and jq read what was written, and read the truth.
#[test]
fn d_21_python_and_jq_read_the_same() {
    let ((mut facts, verdict), mut block) = (everything(), Rendered::default());
    facts.headers.date = Some(HeaderText {
        text: "\u{feff}\u{fffd}\0\n\r\u{7f}\u{85}\u{2029}\u{1f600}\"\\</script>".to_owned(),
        bytes: Some(vec![0xff, 0, 0xfe]),
    });
    render_into(&place(0, u64::MAX), &(facts, verdict), &mut block);
    let ([json, ..], ..) = written(&[block]);
    assert_eq!(json.matches('\n').count(), 1);
    let script = r#"
import base64, json, sys
lines = sys.stdin.buffer.read().decode("utf-8").split("\n")
assert len(lines) == 2 and lines[1] == ""
m = json.loads(lines[0])
assert m["date"] == "\ufeff\ufffd\0\n\r\x7f\x85\u2029\U0001f600\"\\</script>", m["date"]
assert base64.b64decode(m["date_base64"], validate=True) == b"\xff\0\xfe"
assert base64.b64decode(m["from_base64"], validate=True) == b"Zo\xeb \xed\xa0\x80 <alice@example.org>"
assert m["sender"] == "\x1b[31m\"Alice\"\u2028<alice@example.org>"
assert m["offset"] == 2**64 - 1
unknown = m["layers"][0]["signatures"][1]
assert int(unknown["signer"]["serial"], 16) == 2**64
assert int(unknown["algorithms"]["exponent"]) == 2**64 - 1
print(json.dumps(m, sort_keys=True, ensure_ascii=True))
"#;
    let python = pipe("python3", &["-c", script], &json).expect("python3 is needed for this test");
    let read: Value = serde_json::from_str(&python).unwrap();
    assert_eq!(read, serde_json::from_str::<Value>(&json).unwrap());
    if let Some(jq) = pipe("jq", &["-c", "del(.offset)"], &json) {
        let mut expected = read;
        expected.as_object_mut().unwrap().remove("offset");
        assert_eq!(serde_json::from_str::<Value>(&jq).unwrap(), expected);
    }
}

#[test]
fn the_subject_is_there_only_when_asked_for() {
    let ((facts, verdict), mut block) = (everything(), Rendered::default());
    let options = RenderOptions {
        subjects: false,
        ..OPTIONS
    };
    with_lookup(|lookup| render(&place(0, 0), &facts, &verdict, lookup, &options, &mut block))
        .unwrap();
    let (texts, ..) = written(&[block]);
    assert!(!texts.concat().contains("calc"), "{texts:?}");
}

#[test]
fn a_verdict_of_another_message_is_refused() {
    let ((facts, _), (_, verdict)) = (everything(), signed(Status::Valid, None));
    let mut block = Rendered::default();
    let refused =
        with_lookup(|lookup| render(&place(0, 0), &facts, &verdict, lookup, &OPTIONS, &mut block));
    assert!(matches!(refused, Err(RunError::Internal { .. })));
}

#[test]
fn a_manifest_is_what_sha256sum_checks() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in [
        "summary.json",
        "messages.jsonl",
        "schema/a\\b.json",
        "run.json",
        "manifest-sha256.txt",
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        files.push((name, openssl::sha::sha256(name.as_bytes())));
    }
    let text = manifest::text(files);
    assert!(
        !text.contains("run.json") && !text.contains("manifest"),
        "{text}"
    );
    let check = |text: &str| {
        fs::write(folder.path().join("manifest-sha256.txt"), text).unwrap();
        let mut command = Command::new("sha256sum");
        command
            .args(["-c", "--strict", "manifest-sha256.txt"])
            .current_dir(folder.path());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(check(&text).matches(": OK\n").count(), 3, "{text}");
    fs::write(folder.path().join("summary.json"), "changed").unwrap();
    assert_eq!(check(&text).matches(": FAILED\n").count(), 1, "{text}");
}

#[test]
fn run_json_has_the_rates() {
    let arguments = ["audit".to_owned(), "a.mbox".to_owned()];
    let run = Run {
        started: at(0),
        ended: at(2),
        seconds: 2.0,
        host: "host",
        threads: 4,
        arguments: &arguments,
        messages: 10,
        bytes: 10 << 33,
        resumed_at: Some((1, 20)),
        unsettled: None,
    };
    let json: Value = serde_json::from_slice(&run::json(&run).unwrap()).unwrap();
    assert_eq!(json["messages_per_second"], 5.0);
    assert_eq!(json["bytes_per_second"], 42_949_672_960.0);
    assert_eq!(json["resumed_at"], "1#20");
    assert_eq!(json["started"], "1970-01-01T00:00:00Z");
    assert!(
        run::json(&Run {
            seconds: 0.0,
            ..run
        })
        .is_ok()
    );
}

/// What stands in code spans in the list under a heading of the manual, in order.
fn listed(manual: &str, heading: &str) -> Vec<String> {
    let from = manual
        .find(&format!("{heading}\n"))
        .unwrap_or_else(|| panic!("no {heading}"))
        + heading.len();
    let section = manual[from..].split("\n#").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap().to_owned())
        .collect()
}

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/report.md");
    fs::read_to_string(path).unwrap()
}

/// The keys of the object at `pointer`, in the order in which they stand in `json`.
fn keys_in_order(json: &str, pointer: &str) -> Vec<String> {
    let script = "import json,sys\nm=json.load(sys.stdin)\nfor p in sys.argv[1].split('/')[1:]:\n    \
                  m=m[int(p)] if p.isdigit() else m[p]\nprint('\\n'.join(m))";
    let keys =
        pipe("python3", &["-c", script, pointer], json).expect("python3 is needed for this test");
    keys.lines().map(str::to_owned).collect()
}

/// The output of a program; None where there is no such program.
fn pipe(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        child => child.unwrap(),
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}
