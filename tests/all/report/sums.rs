//! What adds up: tallies, certificates, the summary and its balance, the screen.

use mailseal::error::RunError;
use mailseal::facts::record::{MessageFacts, Sha256};
use mailseal::judge::Evidence;
use mailseal::judge::Status;
use mailseal::judge::verdict::MessageVerdict;
use mailseal::pki::trust::Chain;
use mailseal::pki::trust::{Model, PolicyInputs};
use mailseal::report::summary::Given;
use mailseal::report::{
    CertificateRow, CertificateTally, Header, InputRow, Place, Rendered, Summary, Tally, Usages,
    certificates, screen,
};
use proptest::prelude::*;
use serde_json::Value;

use super::samples::{at, everything, place, signed};
use super::{OPTIONS, render_into, written};

const GIVEN: Given = Given {
    number: 1,
    sha256: [1; 32],
};

static NO_EVIDENCE: Evidence = Evidence {
    hosts: Vec::new(),
    fields: Vec::new(),
    file_time: false,
};

static NO_POLICIES: PolicyInputs = PolicyInputs {
    required: Vec::new(),
    inhibit_mapping: false,
    inhibit_any: false,
};

fn header() -> Header<'static> {
    Header {
        now: at(1_700_000_000),
        mailseal: "0.1.0",
        openssl: "OpenSSL 3.6.3",
        anchors: GIVEN,
        policy: [2; 32],
        model: Model::Shell,
        path_policies: &NO_POLICIES,
        policy_file: None,
        evidence: &NO_EVIDENCE,
        keyring: GIVEN,
        certificates_given: &[[3; 32]],
        crls_given: GIVEN,
        distrusted: &[],
        all: false,
        input_digests: false,
    }
}

const INPUT: InputRow<'static> = InputRow {
    archive: 0,
    path: "lists/2009.mbox",
    folder: "lists/2009.mbox",
    kind: "mbox",
    mbox_variant: Some("mboxrd"),
    bytes: 36_000 + 900 + 10 + 50,
    sha256: None,
    messages: 4,
    smime_messages: 1,
    message_bytes: 36_900,
    between_bytes: 10,
    fault_bytes: 50,
};

/// One message with S/MIME and three without.
fn balanced() -> Tally {
    let mut block = Rendered::default();
    render_into(
        &place(0, 10),
        &signed(Status::ValidAsClaimed, Some(1_240_000_000)),
        &mut block,
    );
    block.tally.count_ordinary("lists/2009.mbox", 3, 900);
    block.tally
}

fn summary(input: &InputRow<'_>, tally: Tally) -> Summary<'static> {
    let mut summary = Summary::new(header());
    summary.input(input, OPTIONS.cells, &mut Vec::new());
    summary.complete(tally, CertificateTally::default());
    summary
}

/// Row G-08 of the catalogue.
#[test]
fn g_08_sums_that_differ_fail_the_run() {
    assert!(summary(&INPUT, balanced()).check().is_ok());
    for (what, input) in [
        (
            "one more message read",
            InputRow {
                messages: 5,
                ..INPUT
            },
        ),
        (
            "one less",
            InputRow {
                messages: 3,
                ..INPUT
            },
        ),
        (
            "another number with S/MIME",
            InputRow {
                smime_messages: 2,
                ..INPUT
            },
        ),
        (
            "a byte more read",
            InputRow {
                bytes: INPUT.bytes + 1,
                ..INPUT
            },
        ),
        (
            "a byte less between",
            InputRow {
                between_bytes: 9,
                ..INPUT
            },
        ),
        (
            "a byte moved out of messages",
            InputRow {
                message_bytes: 36_899,
                between_bytes: 11,
                ..INPUT
            },
        ),
        (
            "another folder",
            InputRow {
                folder: "lists/2010.mbox",
                ..INPUT
            },
        ),
    ] {
        let summary = summary(&input, balanced());
        assert!(
            matches!(summary.check(), Err(RunError::Internal { .. })),
            "{what}"
        );
        assert!(summary.json().is_err(), "{what}");
    }
    let mut two_statuses = balanced();
    two_statuses.messages.status.add(Status::Valid);
    let mut moved = balanced();
    let group = moved.folders.remove("lists/2009.mbox").unwrap();
    moved.folders.insert("elsewhere".to_owned(), group);
    for tally in [two_statuses, moved, Tally::default()] {
        assert!(summary(&INPUT, tally).check().is_err());
    }
}

/// Rows G-01, G-02, G-03, G-05, G-07 and G-08 of the catalogue.
#[test]
fn summary_json_has_the_counts() {
    let json: Value = serde_json::from_slice(&summary(&INPUT, balanced()).json().unwrap()).unwrap();
    for (pointer, expected) in [
        ("/schema", Value::from("mailseal/summary/1")),
        ("/now", "2023-11-14T22:13:20Z".into()),
        ("/reconciliation/messages", 4.into()),
        ("/reconciliation/between_bytes", 10.into()),
        ("/messages/status/not_smime", 3.into()),
        ("/messages/status/valid_as_claimed", 1.into()),
        ("/folders/lists~12009.mbox/total", 4.into()),
        ("/years/2009/total", 1.into()),
        ("/years/2009/strength/strong", 1.into()),
        ("/signatures/identity/match_from", 1.into()),
        ("/signatures/chain_now/expired", 1.into()),
        ("/signatures/key/rsa-2048", 1.into()),
        ("/signatures/time_skew/within_hour", 1.into()),
        ("/first/valid_as_claimed/path", "lists/2009.mbox".into()),
        ("/first/valid_as_claimed/offset", 10.into()),
        ("/inputs/kind/mbox", 1.into()),
    ] {
        assert_eq!(
            json.pointer(pointer),
            Some(&expected),
            "{pointer}: {json:#}"
        );
    }
}

#[test]
fn certificates_are_rows_and_pem() {
    let mut block = Rendered::default();
    render_into(
        &place(0, 10),
        &signed(Status::Valid, Some(1_240_000_000)),
        &mut block,
    );
    render_into(
        &place(0, 50_000),
        &signed(Status::Valid, Some(1_230_000_000)),
        &mut block,
    );
    let (_, _, usages) = written(&[block]);
    let sha256: Sha256 = [0xc1; 32];
    let (addresses, usage) = (
        ["alice@example.org".to_owned()],
        ["digital_signature".to_owned()],
    );
    let certificate = CertificateRow {
        sha256: &sha256,
        spki_sha256: None,
        serial: &[0, 0xff],
        subject: "CN=@Alice,O=Org",
        issuer: "CN=CA",
        addresses: &addresses,
        not_before: Some(at(1_200_000_000)),
        not_after: Some(at(1_300_000_000)),
        key_algorithm: "rsa",
        key_bits: Some(2048),
        signature_algorithm: "sha256WithRSAEncryption",
        is_ca: Some(false),
        key_usage: &usage,
        extended_key_usage: &[],
        policies: &[],
        chain_now: Some(Chain::Expired),
        lint: &["san-missing"],
    };
    let (mut tally, mut out) = (CertificateTally::default(), Vec::new());
    let used = usages.of(0xc1).unwrap();
    certificates::row(
        &certificate,
        used,
        at(1_700_000_000),
        OPTIONS.cells,
        &mut tally,
        &mut out,
    );
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "{},,00ff,\"CN=@Alice,O=Org\",CN=CA,alice@example.org,2008-01-10T21:20:00Z,2011-03-13T07:06:40Z,rsa,2048,\
             sha256WithRSAEncryption,false,digital_signature,,,2,2,2008-12-23T02:40:00Z,2009-04-17T20:26:40Z,0#10,\
             signer carried,expired,san-missing\n",
            "c1".repeat(32)
        )
    );
    assert_eq!(
        (tally.total, tally.expired_now, tally.authorities),
        (1, 1, 0)
    );
    assert_eq!(tally.lint.of(&"san-missing"), 1);

    for length in [0, 1, 47, 48, 49, 1000] {
        let der: Vec<u8> = (0..length)
            .map(|index: u32| u8::try_from(index % 251).unwrap())
            .collect();
        let mut pem = Vec::new();
        certificates::pem(&der, &mut pem).unwrap();
        let text = String::from_utf8(pem).unwrap();
        assert!(text.lines().all(|line| line.len() <= 64), "{text}");
        let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(openssl::base64::decode_block(&base64).unwrap(), der);
    }
}

#[test]
fn the_screen_fits_a_terminal_and_shows_the_worst_first() {
    let mut tally = Tally::default();
    let path = "a/\u{1b}]0;x\u{7}\u{202e}/".repeat(20);
    for (index, status) in Status::ALL.iter().enumerate() {
        let mut block = Rendered::default();
        let here = Place {
            path: &path,
            folder: "",
            ..place(0, u64::try_from(index).unwrap())
        };
        render_into(&here, &signed(*status, None), &mut block);
        tally.join(&block.tally);
    }
    tally.faults.add_many("x".repeat(100), u64::MAX / 4);
    let input = InputRow {
        path: &path,
        folder: "",
        ..INPUT
    };
    let lines = screen::lines(&summary(&input, tally), &path);
    assert!(lines.len() <= screen::LINES, "{lines:#?}");
    for line in &lines {
        assert!(line.text.chars().count() <= screen::COLUMNS, "{line:?}");
        assert!(
            !line
                .text
                .contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{line:?}"
        );
    }
    let at_line = |word: &str| {
        lines
            .iter()
            .position(|line| line.text.trim_start().starts_with(word))
    };
    assert!(
        at_line("damaged") < at_line("altered") && at_line("damaged").is_some(),
        "{lines:#?}"
    );
    // One message of each status: what is left over and the good ones are two sums.
    let count = |word: &str| {
        let line = &lines[at_line(word).unwrap()].text;
        line.split_whitespace().nth(1).unwrap().parse::<usize>()
    };
    let (others, good) = (count("(others)").unwrap(), count("(good)").unwrap());
    assert_eq!(good, 6, "{lines:#?}");
    let others_line = &lines[at_line("(others)").unwrap()];
    assert!(others_line.text.contains("need attention"), "{lines:#?}");
    let shown = lines.iter().filter(|line| {
        let name = line.text.split_whitespace().next();
        Status::ALL
            .iter()
            .any(|status| Some(status.as_str()) == name)
    });
    assert_eq!(shown.count() + others + good, Status::ALL.len());
}

#[test]
fn the_screen_of_a_small_run() {
    let mut tally = balanced();
    let mut block = Rendered::default();
    render_into(
        &place(0, 40_000),
        &signed(Status::Altered, None),
        &mut block,
    );
    tally.join(&block.tally);
    let text: Vec<String> = screen::lines(&summary(&INPUT, tally), "report")
        .into_iter()
        .map(|line| line.text)
        .collect();
    super::compare_or_bless("screen.txt", &(text.join("\n") + "\n"));
}

/// A message of random status, time and place.
fn message() -> impl Strategy<Value = (Place<'static>, (MessageFacts, MessageVerdict))> {
    let status = proptest::sample::select(Status::ALL);
    let time = proptest::option::of(0i64..2_000_000_000);
    (status, time, 0u32..3, 0u64..1000, any::<bool>()).prop_map(
        |(status, time, archive, offset, rich)| {
            let folder = ["", "lists", "mail/.Sent"][usize::try_from(archive).unwrap()];
            let place = Place {
                folder,
                ..place(archive, offset)
            };
            (
                place,
                if rich {
                    everything()
                } else {
                    signed(status, time)
                },
            )
        },
    )
}

fn rendered(messages: &[(Place<'static>, (MessageFacts, MessageVerdict))]) -> Rendered {
    let mut block = Rendered::default();
    for (place, message) in messages {
        render_into(place, message, &mut block);
    }
    block
}

fn joined<'r>(blocks: impl IntoIterator<Item = &'r Rendered>) -> (Tally, Usages) {
    let mut sums = (Tally::default(), Usages::default());
    for block in blocks {
        sums.0.join(&block.tally);
        sums.1.join(&block.usages);
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the messages are cut into blocks, and in whatever order the blocks' sums are joined.
    #[test]
    fn blocks_do_not_matter(messages in proptest::collection::vec(message(), 0..12), cut in any::<[prop::sample::Index; 2]>()) {
        let mut ends = cut.map(|index| index.index(messages.len() + 1));
        ends.sort_unstable();
        let whole = rendered(&messages);
        let blocks = [&messages[..ends[0]], &messages[ends[0]..ends[1]], &messages[ends[1]..]].map(rendered);
        prop_assert_eq!(written(&blocks), written(std::slice::from_ref(&whole)));

        let [a, b, c] = &blocks;
        let mut right = joined([b, c]);
        let mut left = joined([a]);
        left.0.join(&right.0);
        left.1.join(&right.1);
        prop_assert_eq!(&left, &joined([a, b, c]));
        right.0.join(&a.tally);
        right.1.join(&a.usages);
        prop_assert_eq!(&right, &left);
        prop_assert_eq!(left, (whole.tally, whole.usages));
    }

    /// A block that was used before gives what a fresh one gives.
    #[test]
    fn a_used_block_is_as_good_as_a_new_one(first in message(), second in message()) {
        let mut used = rendered(std::slice::from_ref(&first));
        used.clear();
        render_into(&second.0, &second.1, &mut used);
        let fresh = rendered(std::slice::from_ref(&second));
        prop_assert_eq!(written(&[used]), written(&[fresh]));
    }
}
