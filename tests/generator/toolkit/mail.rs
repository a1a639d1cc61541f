//! Mail around CMS, and the archives it lies in. Everything is written with CR LF; [`lf`] makes the form that Unix stores.

use std::fs;
use std::path::Path;

/// The header fields of a message, in the order given.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// None at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// From, To, Subject, Date, Message-ID and MIME-Version, as a mail program writes them.
    pub fn new(from: &str, subject: &str, date: &str) -> Self {
        let id: String = subject
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        Self::none()
            .with("From", from)
            .with("To", "Everybody <list@example.com>")
            .with("Subject", subject)
            .with("Date", date)
            .with("Message-ID", &format!("<{id}@sample.example>"))
            .with("MIME-Version", "1.0")
    }

    /// One field more, even where there is one of this name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In place of the field of this name.
    pub fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// A field in front, as relays put Received.
    pub fn first(mut self, name: &str, value: &str) -> Self {
        self.0.insert(0, (name.to_owned(), value.to_owned()));
        self
    }

    fn write(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text
    }
}

/// A message of these header fields and an entity, whose own header follows them.
pub fn message(headers: &Headers, entity: &[u8]) -> Vec<u8> {
    [headers.write().as_bytes(), entity].concat()
}

/// A text/plain entity in US-ASCII. Line ends of `text` become CR LF.
pub fn text(text: &str) -> Vec<u8> {
    let header =
        "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
    [header.as_bytes(), &crlf(text.as_bytes())].concat()
}

/// An entity of any type with this body as it is.
pub fn entity(content_type: &str, body: &[u8]) -> Vec<u8> {
    [
        format!("Content-Type: {content_type}\r\n\r\n").as_bytes(),
        body,
    ]
    .concat()
}

/// A multipart of any subtype. Entities end without a line end of their own.
pub fn multipart(subtype: &str, boundary: &str, parts: &[&[u8]]) -> Vec<u8> {
    let kind = format!("multipart/{subtype}; boundary=\"{boundary}\"");
    multipart_as(&kind, boundary, "", parts, "")
}

/// A multipart with its whole Content-Type, and text before the first part and behind the last.
pub fn multipart_as(
    content_type: &str,
    boundary: &str,
    preamble: &str,
    parts: &[&[u8]],
    epilogue: &str,
) -> Vec<u8> {
    let mut bytes = format!("Content-Type: {content_type}\r\n\r\n{preamble}").into_bytes();
    if !preamble.is_empty() {
        bytes.extend_from_slice(b"\r\n");
    }
    for part in parts {
        bytes.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n{epilogue}").as_bytes());
    bytes
}

/// multipart/signed (RFC 8551 §3.5.3): the entity that is signed, and the detached signature.
pub fn multipart_signed(entity: &[u8], signature: &[u8]) -> Vec<u8> {
    multipart_signed_as("sha-256", "signed", entity, signature)
}

/// The same with its own `micalg` and boundary.
pub fn multipart_signed_as(
    micalg: &str,
    boundary: &str,
    entity: &[u8],
    signature: &[u8],
) -> Vec<u8> {
    let kind = format!(
        "multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg={micalg}; boundary=\"{boundary}\""
    );
    multipart_as(
        &kind,
        boundary,
        "",
        &[entity, &signature_part(signature)],
        "",
    )
}

/// The application/pkcs7-signature part.
pub fn signature_part(signature: &[u8]) -> Vec<u8> {
    let header = "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
                  Content-Transfer-Encoding: base64\r\n\
                  Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n";
    [header.as_bytes(), &base64_lines(signature, 64)].concat()
}

/// An application/pkcs7-mime entity (RFC 8551 §3.2) in base64.
pub fn pkcs7_mime(smime_type: &str, cms: &[u8]) -> Vec<u8> {
    let name = match smime_type {
        "certs-only" => "smime.p7c",
        "compressed-data" => "smime.p7z",
        _ => "smime.p7m",
    };
    let kind = format!("application/pkcs7-mime; smime-type={smime_type}; name=\"{name}\"");
    pkcs7_mime_as(&kind, &base64_lines(cms, 64))
}

/// The same with its whole Content-Type, and a body that is base64 already.
pub fn pkcs7_mime_as(content_type: &str, body: &[u8]) -> Vec<u8> {
    let header =
        format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    [header.as_bytes(), body].concat()
}

/// A message inside a message/rfc822 part.
pub fn forwarded(message: &[u8]) -> Vec<u8> {
    entity("message/rfc822", message)
}

/// base64 on one line.
pub fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |all, octet| all << 8 | u32::from(*octet))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            text.push(if place > chunk.len() {
                b'='
            } else {
                ALPHABET[(group >> (18 - 6 * place) & 63) as usize]
            });
        }
    }
    text
}

/// base64 in lines of `width` characters, each ended.
pub fn base64_lines(bytes: &[u8], width: usize) -> Vec<u8> {
    let text = base64(bytes);
    let mut lines = Vec::with_capacity(text.len() + text.len() / width * 2 + 2);
    for line in text.chunks(width) {
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// Every line end as LF.
pub fn lf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, octet) in bytes.iter().enumerate() {
        if !(*octet == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
            out.push(*octet);
        }
    }
    out
}

/// Every line end as CR LF.
pub fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut before = 0;
    for octet in bytes {
        if *octet == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*octet);
        before = *octet;
    }
    out
}

/// How From_ lines inside messages are quoted in an mbox.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mbox {
    /// `From ` becomes `>From `.
    O,
    /// So does `>From `, and so on: reversible.
    Rd,
    /// Not at all; Content-Length says where a message ends.
    Cl,
    /// As `Rd`, with a Content-Length too.
    Cl2,
}

/// An mbox with LF line ends and a From_ line before each message.
pub fn mbox(messages: &[Vec<u8>], variant: Mbox) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        let stored = lf(message);
        let quoted: Vec<u8> = stored
            .split_inclusive(|octet| *octet == b'\n')
            .flat_map(|line| {
                [
                    if must_quote(line, variant) { ">" } else { "" }.as_bytes(),
                    line,
                ]
                .concat()
            })
            .collect();
        out.extend_from_slice(b"From sender@example.com Wed May 15 10:30:00 2024\n");
        let blank = quoted.windows(2).position(|pair| pair == b"\n\n");
        match (variant, blank) {
            (Mbox::Cl | Mbox::Cl2, Some(blank)) => {
                let body = &quoted[blank + 2..];
                out.extend_from_slice(&quoted[..=blank]);
                out.extend_from_slice(format!("Content-Length: {}\n\n", body.len()).as_bytes());
                out.extend_from_slice(body);
            }
            _ => out.extend_from_slice(&quoted),
        }
        if !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        out.push(b'\n');
    }
    out
}

fn must_quote(line: &[u8], variant: Mbox) -> bool {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    match variant {
        Mbox::O => line.starts_with(b"From "),
        Mbox::Rd | Mbox::Cl2 => line[quotes..].starts_with(b"From "),
        Mbox::Cl => false,
    }
}

/// A Maildir in `folder`, every message seen, in `cur`.
pub fn maildir(folder: &Path, messages: &[Vec<u8>]) {
    for name in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for (index, message) in messages.iter().enumerate() {
        let name = format!("{}.M{index}P1.sample:2,S", 1_715_769_000 + index);
        fs::write(folder.join("cur").join(name), lf(message)).unwrap();
    }
}

/// A folder of `.eml` files, numbered, with CR LF.
pub fn emls(folder: &Path, messages: &[Vec<u8>]) {
    fs::create_dir_all(folder).unwrap();
    for (index, message) in messages.iter().enumerate() {
        fs::write(folder.join(format!("{index:04}.eml")), message).unwrap();
    }
}
