//! Row G-08: what was read is what was judged; nothing is lost on the way.

use std::fs;

use serde_json::Value;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::toolkit::cms;
use crate::toolkit::mail;
use crate::toolkit::mail::Mbox;
use crate::toolkit::people;
use crate::toolkit::people::alice;

#[test]
fn g_08_the_sums_of_messages_and_bytes() {
    let good = clear_signed(&cms::signed_by(alice(), &content(), people::sent()));
    let altered = clear_signed(&cms::signed_by(alice(), b"other", people::sent()));
    let plain = mail::message(&from_alice(), &content());
    let damaged = clear_signed(b"no CMS");
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let messages = [good, altered, plain, damaged];
    mail::emls(&archive.join("single"), &messages);
    mail::maildir(&archive.join("maildir"), &messages[1..]);
    let mbox = mail::mbox(&messages, Mbox::Rd);
    fs::write(archive.join("all.mbox"), &mbox).unwrap();
    fs::write(archive.join("notes.txt"), "No mail.\n").unwrap();
    let report = Audit::of(&[]).report(&[archive], &folder.path().join("report"), 2);

    let summary = fs::read_to_string(report.join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let sums = &summary["reconciliation"];
    assert_eq!(sums["messages"], 11);
    assert_eq!(sums["smime_messages"], 8);
    let number = |name: &str| sums[name].as_u64().unwrap();
    assert_eq!(
        number("bytes"),
        number("message_bytes") + number("between_bytes") + number("fault_bytes")
    );
    let records = fs::read_to_string(report.join("messages.jsonl")).unwrap();
    assert_eq!(records.lines().count() as u64, number("messages"));
    let mut statuses: Vec<(String, u64)> = summary["messages"]["status"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(status, count)| (status.clone(), count.as_u64().unwrap()))
        .filter(|(_, count)| *count > 0)
        .collect();
    statuses.sort();
    let expected = [
        ("altered", 3),
        ("damaged", 3),
        ("not_smime", 3),
        ("valid", 2),
    ];
    assert_eq!(
        statuses,
        expected.map(|(status, count)| (status.to_owned(), count))
    );

    let mut inputs = csv::Reader::from_path(report.join("inputs.csv")).unwrap();
    let columns = inputs.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let (mut bytes, mut seen) = (0, 0);
    for row in inputs.records() {
        let row = row.unwrap();
        let cell = |name: &str| row[column(name)].parse::<u64>().unwrap();
        assert_eq!(
            cell("bytes"),
            cell("message_bytes") + cell("between_bytes") + cell("fault_bytes"),
            "{row:?}"
        );
        bytes += cell("bytes");
        seen += cell("messages");
    }
    assert_eq!((bytes, seen), (number("bytes"), 11));
}
