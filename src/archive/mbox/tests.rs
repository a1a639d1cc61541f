//! The separator rule, Content-Length and the variants on small files (catalogue E-30, E-31).

use super::*;
use crate::archive::mbox::variant;

const LINE: &str = "From a@b Thu Jan  1 00:00:00 2015\n";

type Seen = (String, Vec<StorageFinding>);

fn cut_all(text: &str, limits: &Limits) -> (Mbox, Vec<Seen>, Vec<Origin>) {
    let bytes = text.as_bytes();
    let none = StorageFindings::NONE;
    let mut mbox = variant::detect(bytes, true, none, Origin::default(), limits);
    let detected = mbox;
    let (mut at, mut seen, mut origins) = (0, Vec::new(), Vec::new());
    loop {
        match mbox.cut(&bytes[at..], true, limits) {
            Front::Message(cut) => {
                let message = &bytes[at..][cut.message];
                seen.push((
                    String::from_utf8(message.to_vec()).unwrap(),
                    cut.origin.findings.iter().collect(),
                ));
                origins.push(cut.origin);
                mbox.pending = cut.pending;
                at += cut.next;
            }
            Front::End => return (detected, seen, origins),
            Front::Needs(_) => panic!("a complete file needs no more"),
        }
    }
}

fn cut(text: &str) -> Vec<Seen> {
    let (_, lf, _) = cut_all(text, &Limits::default());
    let (_, crlf, _) = cut_all(&text.replace('\n', "\r\n"), &Limits::default());
    let back = crlf
        .into_iter()
        .map(|(text, findings)| (text.replace("\r\n", "\n"), findings))
        .collect::<Vec<_>>();
    assert_eq!(lf, back, "line ends matter");
    lf
}

fn plain(text: &str) -> Seen {
    (text.to_owned(), Vec::new())
}

fn with(text: &str, finding: StorageFinding) -> Seen {
    (text.to_owned(), vec![finding])
}

#[test]
fn e_31_messages_lie_between_separators() {
    assert_eq!(
        cut(&format!(
            "{LINE}A: 1\n\nx\n\n{LINE}B: 2\n\ny\n\n{LINE}C: 3\n\nz\n"
        )),
        [
            plain("A: 1\n\nx\n"),
            plain("B: 2\n\ny\n"),
            plain("C: 3\n\nz\n")
        ]
    );
    // The last message: cut off at any place, it is still there.
    assert_eq!(cut(&format!("{LINE}A: 1\n\nx")), [plain("A: 1\n\nx")]);
    assert_eq!(cut(&format!("{LINE}A: 1\n\nx\n\n")), [plain("A: 1\n\nx\n")]);
    assert_eq!(
        cut(&format!("{LINE}A: 1\n\nx\n\n{LINE}B")),
        [
            plain("A: 1\n\nx\n"),
            with("B", StorageFinding::SeparatorOdd)
        ]
    );
    assert_eq!(
        cut(&format!("{LINE}A: 1\n\nx\n\n{}", LINE.trim_end())),
        [plain("A: 1\n\nx\n"), plain("")]
    );
    // Only the line end of the blank line is the separator's.
    assert_eq!(
        cut(&format!("{LINE}A: 1\n\nx\n\n\n{LINE}B: 2\n")),
        [plain("A: 1\n\nx\n\n"), plain("B: 2\n")]
    );
    assert_eq!(
        cut(&format!("{LINE}\n{LINE}B: 2\n")),
        [plain(""), plain("B: 2\n")]
    );
}

#[test]
fn e_31_odd_separators() {
    use StorageFinding::SeparatorOdd;
    use StorageFinding::SeparatorWithoutBlankLine;
    use StorageFinding::UnquotedFromLine;
    for (between, second) in [
        ("\nFrom a@b 12:30\n", plain("B: 2\n")),
        (
            "\nFrom a@b Thu, 1 Jan 2015 00:00:00 +0000\n",
            plain("B: 2\n"),
        ),
        ("\nFrom \n", with("B: 2\n", SeparatorOdd)),
        ("\nFrom a@b\n", with("B: 2\n", SeparatorOdd)),
        (LINE, with("B: 2\n", SeparatorWithoutBlankLine)),
    ] {
        assert_eq!(
            cut(&format!("{LINE}A: 1\n\nx\n{between}B: 2\n")),
            [plain("A: 1\n\nx\n"), second],
            "{between:?}"
        );
    }
    for body in [
        "\nFrom here on\nall is text\n",
        "From a@b 12:30\nB: 2\n",
        "From a@b Thu, 1 Jan 2015 00:00:00 +0000\nB: 2\n",
        "From a@b Thu Jan  1 00:00:00 2015\nno field\n",
        "\nFrom \n\n",
    ] {
        let message = format!("A: 1\n\nx\n{body}");
        assert_eq!(
            cut(&format!("{LINE}{message}\n{LINE}B: 2\n")),
            [with(&message, UnquotedFromLine), plain("B: 2\n")],
            "{body:?}"
        );
    }
    // A time of day behind a blank line is enough, and odd before text.
    assert_eq!(
        cut(&format!("{LINE}A: 1\n\nx\n\nFrom 12:30 on\nwe eat\n")),
        [plain("A: 1\n\nx\n"), with("we eat\n", SeparatorOdd)]
    );
    assert_eq!(
        cut(&format!("{LINE}\nhi\n\n{LINE}>{LINE}B: 2\n")),
        [plain("\nhi\n"), plain(&format!(">{LINE}B: 2\n"))]
    );
}

/// `From :` is a field that anyone may write so; taken for a separator, it hides the sender from the checks.
#[test]
fn e_31_from_with_a_blank_before_its_colon_is_a_field() {
    for field in [
        "From : m@x 12:30\n",
        "From \t: m@x Thu Jan  1 00:00:00 2015\n",
    ] {
        let message = format!("{field}From: a@b\n\nx\n");
        assert_eq!(
            cut(&format!("{LINE}{message}\n{LINE}B: 2\n\n{field}C: 3\n")),
            [plain(&message), plain(&format!("B: 2\n\n{field}C: 3\n"))]
        );
    }
}

/// E-30, the case of notmuch and gmime (jstedfast/gmime#116): an attachment with an unquoted `From ` line in it.
#[test]
fn e_30_from_line_inside_a_part() {
    let message = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-diff\n\n\
                   From 1234567890abcdef Mon Sep 17 00:00:00 2001\nSubject is in the text\n\nFrom: a@b\n--b--\n";
    assert_eq!(
        cut(&format!("{LINE}{message}\n{LINE}B: 2\n"))[..],
        [
            plain(
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-diff\n"
            ),
            with(
                "Subject is in the text\n\nFrom: a@b\n--b--\n",
                StorageFinding::SeparatorOdd
            ),
            plain("B: 2\n")
        ]
    );
    let length = message.split_once("\n\n").unwrap().1.len();
    let message = format!("Content-Length: {length}\n{message}");
    let (mbox, seen, origins) = cut_all(
        &format!("{LINE}{message}\n{LINE}B: 2\n"),
        &Limits::default(),
    );
    assert_eq!(mbox.variant, Variant::Mboxcl2);
    assert_eq!(
        seen,
        [
            with(&message, StorageFinding::UnquotedFromLine),
            plain("B: 2\n")
        ]
    );
    assert_eq!(origins[0].quoting, Quoting::None);
    assert_eq!(origins[1].quoting, Quoting::Ambiguous);
}

#[test]
fn e_30_content_length_is_believed_where_it_lands() {
    let limits = Limits::default();
    let body = format!("x\n\n{LINE}C: 3\n");
    // Both ends of the file are messages that Content-Length ends: else nothing reaches over the separator in the body.
    let second = format!("{LINE}Content-Length: 0\nB: 2\n\n");
    for (length, blank, believed) in [
        (body.len(), "\n", true),
        (body.len(), "", true),
        (body.len() - 1, "", true), // a line end may stand between
        (body.len() - 1, "\n", false),
        (body.len() + 2, "\n", false),
        (3, "\n", true),
        (2, "\n", true),
        (1, "\n", false),
        (0, "\n", false),
        (999_999, "\n", false),
    ] {
        let text = format!("{LINE}content-LENGTH : {length}\n\n{body}{blank}{second}");
        let (_, seen, _) = cut_all(&text, &limits);
        let wrong = seen[..1]
            .iter()
            .any(|(_, findings)| findings.contains(&StorageFinding::ContentLengthWrong));
        assert_eq!(believed, !wrong, "{length} {blank:?}");
        let whole = believed && length > 3;
        assert_eq!(seen.len(), if whole { 2 } else { 3 }, "{length} {blank:?}");
        assert_eq!(seen.last().unwrap().0, "Content-Length: 0\nB: 2\n\n");
    }
    // To the end of the file, with and without a blank line.
    for blank in ["", "\n"] {
        let text = format!(
            "{second}\n{LINE}Content-Length: {}\n\n{body}{blank}",
            body.len()
        );
        assert_eq!(cut_all(&text, &limits).1.len(), 2);
    }
    // It ends where the separator rule ends: nothing odd about that, even when it is not followed that far.
    let near = Limits {
        content_length_bytes: 10,
        ..Limits::default()
    };
    let text = format!(
        "{LINE}Content-Length: 20\n\n{}\n\n{LINE}B: 2\n",
        "x".repeat(19)
    );
    assert_eq!(cut_all(&text, &near).1[0].1, []);
    assert_eq!(cut_all(&text, &near).1, cut_all(&text, &limits).1);
    // No number, or one that is in the body only.
    for header in [
        "Content-Length: -1\n\n",
        "Content-Length:\n\n",
        "A: 1\n\nContent-Length: 1\n",
    ] {
        let text = format!("{LINE}{header}x\n\n{second}");
        assert_eq!(cut_all(&text, &limits).1[0].1, [], "{header:?}");
    }
}

/// A sender who knows the size of what comes behind his mail must not take it out of the archive.
#[test]
fn e_30_content_length_swallows_no_message() {
    let lengthy = |body: &str| format!("{LINE}Content-Length: {}\n\n{body}", body.len());
    let good = lengthy("x\n");
    let plain = format!("{LINE}B: 2\n\ny\n");
    for (text, messages) in [
        (lengthy(&format!("x\n\n{plain}")), 2),
        (format!("{}\n{plain}", lengthy(&format!("x\n\n{plain}"))), 3),
        (format!("{good}\n{}", lengthy(&format!("x\n\n{good}"))), 3),
    ] {
        let (_, seen, _) = cut_all(&text, &Limits::default());
        assert_eq!(seen.len(), messages, "{text:?}");
        let wrong = |seen: &Seen| seen.1.contains(&StorageFinding::ContentLengthWrong);
        assert_eq!(
            seen.iter().filter(|seen| wrong(seen)).count(),
            1,
            "{text:?}"
        );
    }
}

#[test]
fn e_30_variants_are_told_apart() {
    let message = |body: &str| format!("{LINE}A: 1\n\n{body}\n");
    let lengthy = |body: &str| format!("{LINE}Content-Length: {}\n\n{body}\n", body.len());
    let unquoted = "\nFrom a@b Thu Jan  1 00:00:00 2015\nC: 3\n";
    for (text, variant, quoting) in [
        (message("x\n"), Variant::Mbox, Quoting::Ambiguous),
        (message(">From x\n"), Variant::Mbox, Quoting::Ambiguous),
        (message(">>From x\n"), Variant::Mboxrd, Quoting::Ambiguous),
        (message("> >From x\n"), Variant::Mbox, Quoting::Ambiguous),
        (
            message(">From x\nFrom y\n"),
            Variant::Mboxo,
            Quoting::Ambiguous,
        ),
        (lengthy("x\n"), Variant::Mboxcl, Quoting::Ambiguous),
        (lengthy(">From x\n"), Variant::Mboxcl, Quoting::Mboxo),
        (
            lengthy(unquoted) + &lengthy("x\n"),
            Variant::Mboxcl2,
            Quoting::None,
        ),
        (
            lengthy(&format!(">From x\n{unquoted}")) + &lengthy("x\n"),
            Variant::Mboxcl2,
            Quoting::Ambiguous,
        ),
        (
            format!("{}{}{}", lengthy("x\n"), message("x\n"), message("y\n")),
            Variant::Mbox,
            Quoting::Ambiguous,
        ),
    ] {
        let (mbox, _, origins) = cut_all(&text, &Limits::default());
        assert_eq!(
            (mbox.variant, origins[0].quoting),
            (variant, quoting),
            "{text:?}"
        );
    }
}

#[test]
fn the_separators_date_is_kept() {
    let (_, _, origins) = cut_all(&format!("{LINE}A: 1\n\nFrom x\nB: 2\n"), &Limits::default());
    assert_eq!(origins[0].from_line_seconds, Some(1_420_070_400));
    assert_eq!(origins[1].from_line_seconds, None);
}

/// Whoever sees only the beginning says so, or says what he says who sees all.
#[test]
fn a_cut_is_final_or_asks_for_more() {
    let limits = Limits::default();
    let file = format!(
        "{LINE}Content-Length: 9\n\nFrom x\n1\n\n{LINE}A: 1\n\nx\nFrom y\n\nFrom z\nB: 2\n\n{LINE}C: 3\n"
    );
    let mbox = variant::detect(
        file.as_bytes(),
        true,
        StorageFindings::NONE,
        Origin::default(),
        &limits,
    );
    let whole = mbox.cut(file.as_bytes(), true, &limits);
    for length in 0..file.len() {
        match mbox.cut(&file.as_bytes()[..length], false, &limits) {
            Front::Needs(bytes) => assert!(bytes == 0 || bytes > length),
            front => assert_eq!(front, whole, "{length}"),
        }
    }
    // Content-Length asks for what the rule looks ahead; filled up, it gets its answer.
    let filled = format!("{file}{}", "x".repeat(AHEAD_BYTES));
    assert_eq!(mbox.cut(filled.as_bytes(), false, &limits), whole);
}

#[test]
fn overlong_lines_are_no_separators() {
    let long = "x".repeat(LINE_BYTES);
    let text = format!("{LINE}A: 1\n\nFrom {long} 12:30\nB: 2\n\nFrom y 12:30\n{long}: z\n");
    let seen = cut(&text);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].1, [StorageFinding::UnquotedFromLine]);
    assert_eq!(seen[1].1, [StorageFinding::SeparatorOdd]);
}
