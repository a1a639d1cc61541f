//! One message of a report, by what names it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::error::RunError;
use crate::report::reread::{self, Message, Named};

/// The file that has the records.
const MESSAGES_FILE: &str = "messages.jsonl";

/// Digits of a SHA-256 that are enough to name a message.
const DIGITS: usize = 6;

/// Messages listed where several have the name.
const LISTED: usize = 10;

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One message: its line, and what it says.
    One(Vec<u8>, Box<Message>),
    /// None with that name.
    None,
    /// Several; the first of them.
    Several(Vec<Named>),
}

/// Finds a message in `messages.jsonl` of a report: by Message-ID (with or without angle brackets), by `FILE#OFFSET` (the file's path or
/// its number in inputs.csv), or by the beginning of its SHA-256. Memory does not grow with the report.
///
/// # Errors
/// `Unreadable` where the file can't be read, `Damaged` where a line of it is none of this version.
pub fn find(report: &Path, wanted: &str) -> Result<Found, RunError> {
    let path = report.join(MESSAGES_FILE);
    let unreadable = |error| RunError::unreadable(&path, error);
    let damaged = || RunError::Damaged {
        path: path.clone(),
        problem: "has a line that this version does not write. Judge the report again.",
    };
    let mut file = BufReader::with_capacity(1 << 18, File::open(&path).map_err(unreadable)?);
    let mut line = Vec::new();
    let mut first = None;
    let mut all = Vec::new();
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        let named = reread::named(&line).ok_or_else(damaged)?;
        if is_named(&named, wanted) {
            if all.is_empty() {
                first = Some(line.clone());
            }
            all.push(named);
            if all.len() > LISTED {
                break;
            }
        }
    }
    let Some(line) = first else {
        return Ok(Found::None);
    };
    if all.len() > 1 {
        return Ok(Found::Several(all));
    }
    let message = reread::message(&line).ok_or_else(damaged)?;
    Ok(Found::One(line, Box::new(message)))
}

fn is_named(named: &Named, wanted: &str) -> bool {
    if let Some((file, offset)) = wanted.rsplit_once('#')
        && offset.parse() == Ok(named.offset)
        && (file == named.path || file.parse() == Ok(named.archive))
    {
        return true;
    }
    let is_digits = wanted.len() >= DIGITS && wanted.bytes().all(|octet| octet.is_ascii_hexdigit());
    if is_digits && named.sha256.starts_with(&wanted.to_ascii_lowercase()) {
        return true;
    }
    let bare = |id: &str| {
        id.trim()
            .trim_start_matches('<')
            .trim_end_matches('>')
            .to_owned()
    };
    !named.message_id.is_empty() && bare(&named.message_id) == bare(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_three_names() {
        let named = Named {
            archive: 2,
            path: "a#b/inbox.mbox".to_owned(),
            offset: 17,
            sha256: "ab12cd34ef".to_owned(),
            message_id: "<x@y>".to_owned(),
        };
        for name in [
            "a#b/inbox.mbox#17",
            "2#17",
            "ab12cd",
            "AB12CD34",
            "<x@y>",
            "x@y",
        ] {
            assert!(is_named(&named, name), "{name}");
        }
        for name in [
            "2#18",
            "1#17",
            "inbox.mbox#17",
            "ab12",
            "12cd34",
            "x",
            "",
            "<>",
        ] {
            assert!(!is_named(&named, name), "{name}");
        }
        let nameless = Named {
            message_id: String::new(),
            sha256: String::new(),
            ..named
        };
        assert!(!is_named(&nameless, "") && !is_named(&nameless, "<>"));
    }

    #[test]
    fn one_none_or_several() {
        let place = tempfile::tempdir().unwrap();
        let record = |offset: u32| {
            format!(
                r#"{{"schema":"mailseal/message/1","archive":0,"path":"m","offset":{offset},"length":1,"message_id":"<same@x>","status":"not_smime","layers":[],"certificates":[],"findings":[]}}"#
            )
        };
        let text = format!("{}\n{}\n", record(0), record(9));
        std::fs::write(place.path().join(MESSAGES_FILE), text).unwrap();
        let found = |name| find(place.path(), name).unwrap();
        assert!(matches!(found("m#9"), Found::One(_, message) if message.named.offset == 9));
        assert!(matches!(found("same@x"), Found::Several(all) if all.len() == 2));
        assert_eq!(found("other@x"), Found::None);
        std::fs::write(place.path().join(MESSAGES_FILE), "nonsense\n").unwrap();
        assert!(find(place.path(), "m#9").is_err());
    }
}
