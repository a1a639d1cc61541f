//! `mailseal explain`.

use std::io::Write;
use std::path::Path;

use crate::cli::args::explain::ExplainArgs;
use crate::cli::exit::{CommandError, Exit};
use crate::report::explain;

/// Prints what a word means, all words, or one message's story.
///
/// # Errors
/// A word or message that is not known; a report that can't be read.
pub fn explain(args: &ExplainArgs) -> Result<Exit, CommandError> {
    let Some(what) = &args.what else {
        print(&explain::list());
        return Ok(Exit::Finished);
    };
    word(&what.to_string_lossy())
}

fn word(word: &str) -> Result<Exit, CommandError> {
    let texts = explain::find(word);
    if texts.is_empty() {
        return Err(CommandError::Usage(unknown(word)));
    }
    let shown: Vec<String> = texts.iter().map(explain::show).collect();
    print(&shown.join("\n"));
    Ok(Exit::Finished)
}

fn unknown(word: &str) -> String {
    if Path::new(word).is_dir() {
        return format!("{word}: is a folder. Name a message of it, too.");
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

/// To standard output. A closed pipe ends the output and nothing else.
fn print(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}
