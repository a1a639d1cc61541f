//! `mailseal explain`.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use crate::cli::args::explain::ExplainArgs;
use crate::cli::exit::{CommandError, Exit};
use crate::error::RunError;
use crate::jobs::brought::brought;
use crate::jobs::message::{self, Found};
use crate::report::explain::{self, story};
use crate::report::reread::Message;

/// Prints what a word means, all words, or one message's story.
///
/// # Errors
/// A word or message that is not known; a report that can't be read.
pub fn explain(args: &ExplainArgs) -> Result<Exit, CommandError> {
    match (&args.what, &args.message) {
        (None, _) => print(&explain::list()),
        (Some(what), None) => word(&what.to_string_lossy())?,
        (Some(report), Some(wanted)) => message(Path::new(report), wanted)?,
    }
    Ok(Exit::Finished)
}

fn word(word: &str) -> Result<(), CommandError> {
    let texts = explain::find(word);
    if texts.is_empty() {
        return Err(CommandError::Usage(unknown(word)));
    }
    let shown: Vec<String> = texts.iter().map(explain::show).collect();
    print(&shown.join("\n"));
    Ok(())
}

fn unknown(word: &str) -> String {
    if Path::new(word).is_dir() {
        return format!("{word}: is a folder. Name a message of the report, too.");
    }
    let near = explain::near::near(word);
    let then = "`mailseal explain` alone lists all words.";
    match near.is_empty() {
        true => format!("{word}: is no word of a report. {then}"),
        false => format!(
            "{word}: is no word of a report. Near are: {}. {then}",
            near.join(", ")
        ),
    }
}

fn message(report: &Path, wanted: &str) -> Result<(), CommandError> {
    let (_, message) = one(report, wanted)?;
    let path = report.join("certificates.csv");
    let table = File::open(&path).map_err(|error| RunError::unreadable(&path, error))?;
    let subjects = story::subjects(BufReader::new(table));
    let brought = brought(report, &message).ok();
    print(&story::story(&message, &subjects, brought.as_ref()));
    Ok(())
}

/// The one message with that name.
///
/// # Errors
/// None or several have it; the report can't be read.
pub(super) fn one(report: &Path, wanted: &str) -> Result<(Vec<u8>, Box<Message>), CommandError> {
    match message::find(report, wanted)? {
        Found::One(line, message) => Ok((line, message)),
        Found::None => Err(CommandError::Usage(format!(
            "{wanted}: no record in {} has this Message-ID, place (FILE#OFFSET) or SHA-256. Ordinary mail has records only with `audit --all`.",
            report.display()
        ))),
        Found::Several(all) => {
            let places: Vec<String> = all
                .iter()
                .map(|one| format!("{}#{}", one.path, one.offset))
                .collect();
            Err(CommandError::Usage(format!(
                "{wanted}: several messages have this name. Take a place: {}",
                places.join(", ")
            )))
        }
    }
}

/// To standard output. A closed pipe ends the output and nothing else.
fn print(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}
