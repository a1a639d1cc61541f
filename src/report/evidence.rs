//! Reads reports again: what `certificates.csv`, `messages.jsonl` and the dossiers of `certificates.jsonl` say of certificates.
//!
//! Tolerant on purpose: columns and keys are found by name, what is not known is passed over, and a row that can't be read costs that
//! row. Reports of other versions stay readable as long as the names that are asked for mean the same.

use std::io::{self, Read};

use csv::ReaderBuilder;
use jiff::Timestamp;
use serde::Deserialize;

use crate::asn1::Time;
use crate::facts::record::Sha256;

/// A row of `certificates.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateEvidence {
    /// Of the certificate.
    pub sha256: Sha256,
    /// Messages that carry it.
    pub messages: u64,
    /// Signatures that it verifies.
    pub signed: u64,
    /// By claimed time.
    pub first_seen: Option<Time>,
    /// By claimed time.
    pub last_seen: Option<Time>,
    /// `archive#offset`.
    pub first_place: String,
}

/// Reads `certificates.csv`; `take` gets each row. Gives how many rows could not be read.
///
/// # Errors
/// Where the file can't be read any further.
pub fn certificates(
    table: impl Read,
    take: &mut dyn FnMut(CertificateEvidence),
) -> io::Result<u64> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(table);
    let header = reader.headers().map_err(io::Error::from)?.clone();
    let column = |name: &str| header.iter().position(|column| column == name);
    let places = [
        "sha256",
        "messages",
        "signed",
        "first_seen",
        "last_seen",
        "first_place",
    ]
    .map(column);
    let mut unreadable = 0;
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(unreadable),
            Err(error) if error.is_io_error() => return Err(io::Error::from(error)),
            Err(_) => {
                unreadable += 1;
                continue;
            }
        }
        let [sha256, messages, signed, first_seen, last_seen, first_place] = places.map(|place| {
            place
                .and_then(|place| record.get(place))
                .unwrap_or_default()
        });
        let Some(sha256) = digest(sha256) else {
            unreadable += 1;
            continue;
        };
        take(CertificateEvidence {
            sha256,
            messages: messages.parse().unwrap_or_default(),
            signed: signed.parse().unwrap_or_default(),
            first_seen: instant(first_seen),
            last_seen: instant(last_seen),
            first_place: first_place.to_owned(),
        });
    }
}

/// A signature of a message that verifies, as `messages.jsonl` tells it, by a certificate that speaks for the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvidence {
    /// The signer's.
    pub signer: Sha256,
    /// Addresses of the signer's certificate; one of them is the sender's.
    pub addresses: Vec<String>,
    /// From of the message that it signs, decoded.
    pub from: String,
    /// What the layer carries, the signer's certificate among it or not.
    pub carried: Vec<Sha256>,
    /// The best time that is told.
    pub at: Option<Time>,
    /// `archive#offset` of the message.
    pub place: String,
}

/// What a line of `messages.jsonl` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    /// Those that verify, of the sender.
    pub good: Vec<SignedEvidence>,
    /// SHA-256 of certificates that are revoked by the clock "now", and of the list or OCSP response that says so.
    pub revoked: Vec<(Sha256, Sha256)>,
}

/// Reads a line of `messages.jsonl`; None where it is none. Signatures that do not verify, or of somebody else than the sender, are
/// passed over: they say nothing about the sender.
#[must_use]
pub fn message(line: &[u8]) -> Option<Signatures> {
    let message: Message = serde_json::from_slice(line).ok()?;
    let mut all = Signatures::default();
    for layer in &message.layers {
        let from = layer
            .message
            .as_ref()
            .map_or(&message.from, |nested| &nested.from);
        for signature in &layer.signatures {
            all.revoked.extend(revoked(&signature.judgements.now));
            let is_good = signature.digest.starts_with("match")
                && signature.signature == "valid"
                && matches!(signature.attributes.as_str(), "ok" | "absent")
                && matches!(
                    signature.identity.as_str(),
                    "match_from" | "match_casefold_local"
                );
            let Some(signer) = digest(&signature.signer.certificate).filter(|_| is_good) else {
                continue;
            };
            let told = signature.times.first().map_or("", |time| time.at.as_str());
            all.good.push(SignedEvidence {
                signer,
                addresses: signature.signer.addresses.clone(),
                from: from.clone(),
                carried: layer
                    .certificates
                    .iter()
                    .filter_map(|text| digest(text))
                    .collect(),
                at: instant(told).or_else(|| instant(&message.date_utc)),
                place: format!("{}#{}", message.archive, message.offset),
            });
        }
    }
    Some(all)
}

fn revoked(now: &Now) -> Option<(Sha256, Sha256)> {
    let source = &now.revocation_source;
    let by = digest(&source.crl).or_else(|| digest(&source.ocsp))?;
    is_revoked(&now.revocation).then_some((digest(&source.certificate)?, by))
}

fn is_revoked(word: &str) -> bool {
    matches!(word, "revoked" | "revoked_later")
}

/// A line of `certificates.jsonl`: what else mail told of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dossier {
    /// Of the certificate.
    pub sha256: Sha256,
    /// From addresses that it claims and signed for, with the number of verified signatures, and the first and last claimed time.
    pub signed_for: Vec<(String, u64, Option<Time>, Option<Time>)>,
    /// The ciphers of its holder's last SMIMECapabilities, by name, and when they were said.
    pub capabilities: Option<(Vec<String>, Option<Time>)>,
    /// SHA-256 of the certificate that its holder wants mail encrypted to, and when he said so.
    pub preference: Option<(Sha256, Option<Time>)>,
    /// SHA-256 of the list or OCSP response that says that it, or an authority above it, is revoked.
    pub revoked_by: Option<Sha256>,
}

/// Reads a line of `certificates.jsonl`; None where it is none. What no verified signature says is passed over.
#[must_use]
pub fn dossier(line: &[u8]) -> Option<Dossier> {
    let read: DossierLine = serde_json::from_slice(line).ok()?;
    let is_proven = |verified: Option<u64>| verified.is_some_and(|number| number > 0);
    let signed_for = read.signed_for.iter();
    let capabilities = read.capabilities.into_iter();
    let preferences = read.key_preference.iter();
    Some(Dossier {
        sha256: digest(&read.sha256)?,
        signed_for: signed_for
            .filter(|one| one.claimed && is_proven(one.verified))
            .map(|one| {
                let verified = one.verified.unwrap_or_default();
                let times = (instant(&one.first), instant(&one.last));
                (one.address.clone(), verified, times.0, times.1)
            })
            .collect(),
        capabilities: capabilities
            .filter(|said| is_proven(said.verified))
            .map(|said| (said.algorithms, instant(&said.last)))
            .max_by_key(|(_, last)| *last),
        preference: preferences
            .filter(|said| is_proven(said.verified))
            .filter_map(|said| Some((digest(&said.certificate)?, instant(&said.last))))
            .max_by_key(|(_, last)| *last),
        revoked_by: digest(&read.chain_now.revoked_by),
    })
}

/// 64 digits of hexadecimal.
fn digest(text: &str) -> Option<Sha256> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut sha256 = [0; 32];
    if pairs.len() != sha256.len() || !rest.is_empty() {
        return None;
    }
    for (octet, pair) in sha256.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok()?;
        *octet = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(sha256)
}

/// RFC 3339, as reports write it.
fn instant(text: &str) -> Option<Time> {
    Time::from_unix(text.parse::<Timestamp>().ok()?.as_second())
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Message {
    archive: u32,
    offset: u64,
    from: String,
    date_utc: String,
    layers: Vec<Layer>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Layer {
    message: Option<Nested>,
    signatures: Vec<Signature>,
    certificates: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Nested {
    from: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Signature {
    signer: Signer,
    digest: String,
    attributes: String,
    signature: String,
    identity: String,
    times: Vec<Told>,
    judgements: Judgements,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Judgements {
    now: Now,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Now {
    revocation: String,
    revocation_source: Source,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    certificate: String,
    crl: String,
    ocsp: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Signer {
    certificate: String,
    addresses: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    at: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DossierLine {
    sha256: String,
    signed_for: Vec<SignedFor>,
    capabilities: Vec<Said>,
    key_preference: Vec<Named>,
    chain_now: ChainNow,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChainNow {
    revoked_by: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SignedFor {
    address: String,
    claimed: bool,
    verified: Option<u64>,
    first: String,
    last: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    algorithms: Vec<String>,
    verified: Option<u64>,
    last: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    certificate: String,
    verified: Option<u64>,
    last: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_passed_over_and_what_is_bad_costs_its_row() {
        let one = "ab".repeat(32);
        let table = format!(
            "new,sha256,first_seen,messages\nx,{one},2020-01-01T00:00:00Z,3\nx,nonsense,,\n=,{one},yesterday,-\n"
        );
        let mut rows = Vec::new();
        let unreadable = certificates(table.as_bytes(), &mut |row| rows.push(row)).unwrap();
        assert_eq!((rows.len(), unreadable), (2, 1));
        assert_eq!(rows[0].sha256, [0xab; 32]);
        assert_eq!(rows[0].messages, 3);
        assert_eq!(rows[0].first_seen.unwrap().unix(), 1_577_836_800);
        assert_eq!((rows[1].messages, rows[1].first_seen), (0, None));
    }

    #[test]
    fn only_good_signatures_of_the_sender_are_evidence() {
        let one = "01".repeat(32);
        let line = |digest: &str, signature: &str, identity: &str| {
            format!(
                r#"{{"new":1,"archive":2,"offset":7,"from":"A <a@example.com>","date_utc":"2020-01-01T00:00:00Z","layers":[{{"certificates":["{one}","x"],"signatures":[{{"signer":{{"certificate":"{one}","addresses":["a@example.com"]}},"digest":"{digest}","attributes":"ok","signature":"{signature}","identity":"{identity}"}}]}}]}}"#
            )
        };
        let good = message(line("match_canonical", "valid", "match_from").as_bytes());
        let good = good.unwrap().good;
        assert_eq!(good.len(), 1);
        assert_eq!(good[0].place, "2#7");
        assert_eq!(good[0].carried, [[1; 32]]);
        assert_eq!(good[0].at.unwrap().unix(), 1_577_836_800);
        for (digest, signature, identity) in [
            ("mismatch", "valid", "match_from"),
            ("match", "invalid", "match_from"),
            ("match", "valid", "mismatch"),
            ("match", "valid", "ambiguous_from"),
        ] {
            let none = message(line(digest, signature, identity).as_bytes()).unwrap();
            assert!(none.good.is_empty(), "{digest} {signature} {identity}");
        }
        assert_eq!(message(b"{"), None);
        assert_eq!(message(b"7"), None);
    }

    #[test]
    fn the_last_verified_statement_counts() {
        let named = ["01".repeat(32), "02".repeat(32), "03".repeat(32)];
        let line = format!(
            r#"{{"sha256":"{}","capabilities":[{{"algorithms":["aes-256-cbc"],"verified":1,"last":"2020-01-01T00:00:00Z"}},{{"algorithms":["rc2"],"verified":0,"last":"2021-01-01T00:00:00Z"}}],
            "key_preference":[{{"certificate":"{}","verified":2,"last":"2020-01-01T00:00:00Z"}},{{"certificate":"{}","own":false,"verified":1,"last":"2019-01-01T00:00:00Z"}}],
            "signed_for":[{{"address":"a@example.com","claimed":true,"verified":3}},{{"address":"b@example.com","claimed":false,"verified":3}}]}}"#,
            named[0], named[1], named[2]
        );
        let read = dossier(line.as_bytes()).unwrap();
        assert_eq!(read.capabilities.unwrap().0, ["aes-256-cbc"]);
        assert_eq!(read.preference.unwrap().0, [2; 32]);
        assert_eq!(
            read.signed_for,
            [("a@example.com".to_owned(), 3, None, None)]
        );
    }
}
