//! Options about times that the operator stands for.

use clap::Args;

use crate::judge::Host;
use crate::mime::received;

/// Who is believed about times.
#[derive(Clone, Debug, Default, Args)]
pub struct EvidenceArgs {
    /// Believe the topmost Received field if this host wrote it; ".example.com" is every host below; may be repeated
    #[arg(long, value_name = "HOST", value_parser = host, help_heading = "Judging", hide_short_help = true)]
    pub trust_received: Vec<Host>,

    /// Believe the time in this header field, as header:Delivery-Date; your own system must write it, and remove others'; may be repeated
    #[arg(long, value_name = "header:NAME", value_parser = field, help_heading = "Judging", hide_short_help = true)]
    pub assert_time: Vec<String>,

    /// Take the time of the file where a message claims none
    #[arg(long, help_heading = "Judging", hide_short_help = true)]
    pub use_file_time: bool,
}

fn host(text: &str) -> Result<Host, String> {
    let below = text.starts_with('.');
    let name = text.strip_prefix('.').unwrap_or(text);
    match received::host_name(name) {
        Some(name) if below && !name.starts_with('.') => Ok(Host::Below(format!(".{name}"))),
        Some(name) if !name.starts_with('.') => Ok(Host::One(name)),
        Some(_) | None => Err(
            "give the name behind `by` in the topmost Received field, such as mx.example.com"
                .to_owned(),
        ),
    }
}

fn field(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("header:").unwrap_or_default();
    // RFC 5322 §2.2: printable ASCII but the colon.
    let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && c != b':');
    if !is_name {
        return Err(
            "give the name of a header field behind `header:`, such as header:Delivery-Date"
                .to_owned(),
        );
    }
    if name.eq_ignore_ascii_case("received") {
        return Err(
            "anybody can write a Received field; name the host with --trust-received".to_owned(),
        );
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_fields_are_read_as_they_are_compared() {
        assert_eq!(
            host("MX.Example.Com."),
            Ok(Host::One("mx.example.com".to_owned()))
        );
        assert_eq!(
            host(".Example.Com"),
            Ok(Host::Below(".example.com".to_owned()))
        );
        for wrong in ["", ".", "..", "a b", "*.example.com", "..a"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
        assert_eq!(field("header:X-Time"), Ok("x-time".to_owned()));
        for wrong in ["", "X-Time", "header:", "header:a b", "header:Received"] {
            assert!(field(wrong).is_err(), "{wrong}");
        }
    }
}
