//! `mailseal harvest` as typed.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::audit::{JudgingArgs, Signers, ValidationModel};
use crate::cli::args::evidence::EvidenceArgs;
use crate::cli::args::keys::KeyArgs;
use crate::cli::args::machine::{ReadingArgs, RunArgs};
use crate::cli::args::policy::PathPolicyArgs;

/// `mailseal harvest`.
#[derive(Debug, Args)]
#[command(after_long_help = HARVEST_EXAMPLES)]
pub struct HarvestArgs {
    /// Archives: mbox, Maildir, folders of .eml, single messages, each also as .gz or .zst; "-" is standard input
    #[arg(required = true, value_name = "ARCHIVE")]
    pub archives: Vec<PathBuf>,

    /// Folder to write the harvest to
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// The keys.
    #[command(flatten)]
    pub keys: KeyArgs,

    /// Verify each signature with the certificate that comes with it, over its signed attributes; never the mail's content
    #[arg(long, help_heading = "Harvest")]
    pub verify: bool,

    /// Take certificates in attached files too: .cer, .crt, .der, .pem, .p7b, .p7c, .spc
    #[arg(long, help_heading = "Harvest")]
    pub attachments: bool,

    /// List what can be cut out of damaged structures, apart from the rest: salvaged.csv, salvaged.pem
    #[arg(long, help_heading = "Harvest")]
    pub salvage: bool,

    /// Hold each certificate against the rules of `mailseal lint`: the column lint
    #[arg(long, help_heading = "Harvest")]
    pub lint: bool,

    /// A file for each certificate: der/SHA-256.der
    #[arg(long, help_heading = "Formats")]
    pub der: bool,

    /// One PKCS #7 file with all of them: certificates.p7c
    #[arg(long, help_heading = "Formats")]
    pub p7c: bool,

    /// Certificates by address for a directory: certificates.ldif; with a name, entries stand below it
    #[arg(long, value_name = "BASE-DN", num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Formats")]
    pub ldif: Option<String>,

    /// Certificates by address for address books: certificates.vcf
    #[arg(long, help_heading = "Formats")]
    pub vcard: bool,

    /// Trust anchors: chains are judged, and chain_now and revocation_now are filled
    #[arg(long, value_name = "PATH", help_heading = "Judging")]
    pub ca: Vec<PathBuf>,

    /// More certificates for paths; not trusted by themselves, not part of the harvest
    #[arg(long, value_name = "PATH", requires = "ca", help_heading = "Judging")]
    pub certs: Vec<PathBuf>,

    /// Revocation lists and OCSP responses: PEM or DER, files or folders
    #[arg(long, value_name = "PATH", requires = "ca", help_heading = "Judging")]
    pub crl: Vec<PathBuf>,

    /// The clock "now", as 2026-01-31T00:00:00Z or 2026-01-31
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Judging",
        hide_short_help = true
    )]
    pub at: Option<String>,

    /// Let revocation lists found in mail answer "good", too
    #[arg(
        long,
        requires = "ca",
        help_heading = "Judging",
        hide_short_help = true
    )]
    pub trust_embedded: bool,

    /// Replace an existing harvest
    #[arg(long, help_heading = "Report", hide_short_help = true)]
    pub force: bool,

    /// No ' in front of cells that a spreadsheet would take for a formula
    #[arg(long, help_heading = "Report", hide_short_help = true)]
    pub csv_raw: bool,

    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,

    /// How the run behaves.
    #[command(flatten)]
    pub run: RunArgs,
}

impl HarvestArgs {
    /// The same as options of judging; those that are not here decide verdicts on signatures, of which a harvest gives none.
    pub fn judging(&self) -> JudgingArgs {
        JudgingArgs {
            ca: self.ca.clone(),
            certs: self.certs.clone(),
            crl: self.crl.clone(),
            store: None,
            at: self.at.clone(),
            evidence: EvidenceArgs {
                trust_received: Vec::new(),
                assert_time: Vec::new(),
                use_file_time: false,
            },
            policy: None,
            path_policies: PathPolicyArgs::default(),
            model: ValidationModel::Shell,
            require_revocation: false,
            trust_embedded: self.trust_embedded,
            signers: Signers::All,
            fail_on: Vec::new(),
        }
    }
}

const HARVEST_EXAMPLES: &str = "\
Examples:
  mailseal harvest mail.mbox -o harvest
  mailseal harvest ~/Maildir archive.mbox.gz -o harvest --p7c --vcard --ldif=dc=example,dc=org
  mailseal harvest old-mail/ -o harvest --keys keys/ --passwords passwords.txt --attachments
  mailseal harvest mail.mbox -o harvest --verify --ca roots.pem --crl crls/";
