//! Options that several commands share: how archives are read, and how a run behaves.

use clap::Args;

use crate::cli::args::bytes;

/// How archives are read.
#[derive(Debug, Args)]
pub struct ReadingArgs {
    /// Do not read messages larger than this, but list them; decrypt copies them
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Machine", hide_short_help = true)]
    pub max_message: Option<u64>,

    /// Mail held in memory at a time
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "128M", help_heading = "Machine", hide_short_help = true)]
    pub memory: u64,
}

/// How a run behaves.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// No progress, no summary
    #[arg(short, long, help_heading = "Machine", hide_short_help = true)]
    pub quiet: bool,

    /// Worker threads; default: one for each core
    #[arg(long, value_name = "N", help_heading = "Machine", hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}
