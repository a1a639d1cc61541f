//! `mailseal encrypt` as typed.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::keys::KeyArgs;
use crate::cli::args::machine::{ReadingArgs, RunArgs};
use crate::cli::args::sign::{OutputArgs, SigningArgs, TrustArgs};

/// `mailseal encrypt`.
#[derive(Debug, Args)]
#[command(after_long_help = ENCRYPT_EXAMPLES)]
pub struct EncryptArgs {
    /// Archives: mbox, Maildir, folders of .eml, single messages, each also as .gz or .zst; never written
    #[arg(required_unless_present = "resume", value_name = "ARCHIVE")]
    pub archives: Vec<PathBuf>,

    /// What is written, and where.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Sign each message with the key of its From, then encrypt it
    #[arg(long, help_heading = "Messages", conflicts_with = "triple")]
    pub sign: bool,

    /// Sign, encrypt, and sign what was encrypted
    #[arg(long, help_heading = "Messages", hide_short_help = true)]
    pub triple: bool,

    /// Encrypt to the sender, too, who can then read what was sent (the default)
    #[arg(
        long,
        help_heading = "Messages",
        hide_short_help = true,
        conflicts_with = "no_to_self"
    )]
    pub to_self: bool,

    /// Encrypt to the recipients alone
    #[arg(long, help_heading = "Messages")]
    pub no_to_self: bool,

    /// The content cipher; without it the best that all recipients of a message are known to read
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Messages",
        hide_short_help = true
    )]
    pub cipher: Option<String>,

    /// With --protect-headers: the hidden Subject stands in the text, too, for mail programs that know nothing of RFC 9788
    #[arg(
        long,
        help_heading = "Messages",
        hide_short_help = true,
        requires = "protect_headers"
    )]
    pub legacy_display: bool,

    /// How signatures are made.
    #[command(flatten)]
    pub signing: SigningArgs,

    /// The keys.
    #[command(flatten)]
    pub keys: KeyArgs,

    /// What certificates must be.
    #[command(flatten)]
    pub trust: TrustArgs,

    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,

    /// How the run behaves.
    #[command(flatten)]
    pub run: RunArgs,
}

const ENCRYPT_EXAMPLES: &str = "\
Examples:
  mailseal encrypt outbox.mbox -o sealed --store people.db
  mailseal encrypt outbox.mbox -o sealed --store people.db --sign --keys me.p12 --passwords passwords.txt
  mailseal encrypt outbox.mbox -o sealed --store people.db --no-to-self --protect-headers
  mailseal encrypt outbox.mbox -o sealed --store people.db --allow expired
  mailseal encrypt --resume sealed.partial

Who is in To and Cc gets one message, who is in Bcc one of his own, right behind it. If anybody has no certificate that may be used,
nothing of the message is written: sealed/refused.csv says why. The result: sealed/data/outbox.mbox. Exit codes: 0 all are encrypted ·
1 some were refused · 3 some could not be read.";
