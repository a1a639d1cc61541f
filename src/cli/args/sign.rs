//! `mailseal sign` as typed, and the options that it shares with `mailseal encrypt`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::decrypt::MboxFormat;
use crate::cli::args::keys::KeyArgs;
use crate::cli::args::machine::{ReadingArgs, RunArgs};

/// `mailseal sign`.
#[derive(Debug, Args)]
#[command(after_long_help = SIGN_EXAMPLES)]
pub struct SignArgs {
    /// Archives: mbox, Maildir, folders of .eml, single messages, each also as .gz or .zst; never written
    #[arg(required_unless_present = "resume", value_name = "ARCHIVE")]
    pub archives: Vec<PathBuf>,

    /// What is written, and where.
    #[command(flatten)]
    pub output: OutputArgs,

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

/// Where what is sent goes.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Folder to make: a BagIt bag, the messages below its data/, in the form that they had
    #[arg(short, long, value_name = "DIR", required_unless_present = "resume")]
    pub output: Option<PathBuf>,

    /// Go on with an interrupted run; its arguments are remembered, give no others
    #[arg(
        long,
        value_name = "DIR.partial",
        exclusive = true,
        hide_short_help = true
    )]
    pub resume: Option<PathBuf>,

    /// Write mbox files in this variant; without it in the one they have
    #[arg(
        long,
        value_enum,
        value_name = "VARIANT",
        help_heading = "Output",
        hide_short_help = true
    )]
    pub mbox_format: Option<MboxFormat>,

    /// Replace an existing bag of mailseal
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub force: bool,
}

/// How messages are made.
#[derive(Debug, Args)]
pub struct SigningArgs {
    /// The content stands beside the signature, for every mail program to read (the default)
    #[arg(long, help_heading = "Signing", conflicts_with = "opaque")]
    pub detached: bool,

    /// The content stands in the signature: relays can't change it, and only S/MIME programs can read it
    #[arg(long, help_heading = "Signing")]
    pub opaque: bool,

    /// RSA keys sign with PSS instead of PKCS #1 v1.5; older mail programs can't verify that
    #[arg(long, help_heading = "Signing", hide_short_help = true)]
    pub pss: bool,

    /// The header fields stand inside, too, and can't be changed on the way (RFC 9788); encrypted, the Subject is not read outside
    #[arg(long, help_heading = "Messages")]
    pub protect_headers: bool,
}

/// What certificates must be.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The store with people's certificates, authorities and decisions; encrypt takes that of `mailseal store` where none is named
    #[arg(long, value_name = "FILE", help_heading = "Certificates")]
    pub store: Option<PathBuf>,

    /// Trust anchors; without any, and without a store, the roots in the key files
    #[arg(long, value_name = "PATH", help_heading = "Certificates")]
    pub ca: Vec<PathBuf>,

    /// More certificates for paths; not trusted by themselves
    #[arg(
        long,
        value_name = "PATH",
        help_heading = "Certificates",
        hide_short_help = true
    )]
    pub certs: Vec<PathBuf>,

    /// Revocation lists and OCSP responses
    #[arg(long, value_name = "PATH", help_heading = "Certificates")]
    pub crl: Vec<PathBuf>,

    /// Use no certificate of which nothing says that it is not revoked
    #[arg(long, help_heading = "Certificates", hide_short_help = true)]
    pub require_revocation: bool,

    /// Send although this speaks against a certificate, as in refused.csv: expired, weak, untrusted …; may be repeated
    #[arg(long, value_name = "REASON", help_heading = "Certificates")]
    pub allow: Vec<String>,

    /// The time at which certificates must be valid, and the signing time [default: now]
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Certificates",
        hide_short_help = true
    )]
    pub at: Option<String>,
}

const SIGN_EXAMPLES: &str = "\
Examples:
  mailseal sign outbox.mbox -o signed --keys me.p12 --passwords passwords.txt
  mailseal sign drafts/ -o signed --keys keys/ --passwords passwords.txt --opaque
  mailseal sign outbox.mbox -o signed --keys me.p12 --ca roots.pem --crl crls/ --require-revocation
  mailseal sign outbox.mbox -o signed --keys me.p12 --allow expired
  mailseal sign --resume signed.partial

The key is chosen by each message's From. The result: signed/data/outbox.mbox; what was not signed, and why: signed/refused.csv;
what is signed or encrypted already: signed/skipped.csv. Exit codes: 0 all are signed · 1 some were refused · 3 some could not be read.";
