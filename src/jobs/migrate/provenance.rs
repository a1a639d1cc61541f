//! What was done to a message, as one header field: without time, host or run, so that equal input gives equal output.

use crate::crypto::digest::sha256;
use crate::facts::axis::Integrity;
use crate::facts::record::{Identifier, Sha256};
use crate::jobs::migrate::line_ends::LineEnd;
use crate::jobs::migrate::message::RemovedLayer;
use crate::mime::header::Header;

/// Its name.
pub(super) const FIELD: &str = "X-Mailseal-Decrypted";

/// Characters of a line of a header (RFC 5322 §2.1.1).
const LINE: usize = 78;
/// Bytes of an identifier that are shown; certificates have 20 at most (RFC 5280 §4.1.2.2), a CMS structure may have any number.
const SHOWN_BYTES: usize = 32;

/// The items: version of the form, integrity, SHA-256 of the stored message, then each layer's.
pub(super) fn items(
    source: Sha256,
    layers: &[RemovedLayer],
    integrity: Integrity,
    outer: &Header<'_>,
) -> Vec<String> {
    let mut items = vec![
        "v=1".to_owned(),
        format!("integrity={}", integrity.as_str()),
        format!("sha256={}", hex(&source)),
    ];
    for layer in layers {
        items.push(format!("layer={}", layer.kind.as_str()));
        let Some(encrypted) = &layer.encrypted else {
            continue;
        };
        items.push(format!("cipher={}", encrypted.cipher));
        items.push(format!("by={}", encrypted.recipient_kind.as_str()));
        match &encrypted.recipient {
            Identifier::IssuerSerial { issuer, serial } => {
                items.push(format!("serial={}", shown(serial)));
                items.push(format!("issuer={}", hex(&sha256(issuer))));
            }
            Identifier::Ski(id) => items.push(format!("ski={}", shown(id))),
            Identifier::None => {}
        }
    }
    // Both sign the body, which is another one now (RFC 6376 §3.7, RFC 8617 §4.1).
    let dkim = ["dkim-signature", "arc-message-signature"];
    if dkim.iter().any(|name| outer.first(name).is_some()) {
        items.push("dkim=body_changed".to_owned());
    }
    items
}

fn shown(id: &[u8]) -> String {
    match id.get(..SHOWN_BYTES) {
        Some(start) if start.len() < id.len() => format!("{}..", hex(start)),
        Some(_) | None => hex(id),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The field, folded.
pub(super) fn field(items: &[String], end: LineEnd) -> Vec<u8> {
    let mut text = format!("{FIELD}:");
    let mut length = text.len();
    for (index, item) in items.iter().enumerate() {
        let mark = if index + 1 < items.len() { ";" } else { "" };
        if length + 1 + item.len() + mark.len() > LINE {
            text.push_str(if end == LineEnd::Lf { "\n" } else { "\r\n" });
            length = 0;
        }
        text.push(' ');
        text.push_str(item);
        text.push_str(mark);
        length += 1 + item.len() + mark.len();
    }
    text.push_str(if end == LineEnd::Lf { "\n" } else { "\r\n" });
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::facts::axis::{EncryptedType, LayerKind, RecipientKind};
    use crate::jobs::migrate::message::RemovedEncryption;
    use crate::mime::header::unfold;

    #[test]
    fn no_line_is_too_long_whatever_the_identifiers() {
        let layer = |recipient| RemovedLayer {
            path: "1".to_owned(),
            kind: LayerKind::AuthEncrypted,
            encrypted: Some(RemovedEncryption {
                content_type: EncryptedType::AuthEnveloped,
                cipher: "chacha20-poly1305".to_owned(),
                key_bits: Some(256),
                recipient,
                recipient_kind: RecipientKind::RsaOaep,
                matched_by: None,
                integrity: Integrity::Aead,
                plaintext_sha256: [0; 32],
            }),
            signatures: Vec::new(),
        };
        let layers = [
            layer(Identifier::IssuerSerial {
                issuer: vec![7; 5000],
                serial: vec![0xff; 20],
            }),
            layer(Identifier::Ski(vec![0xab; 3000])),
            layer(Identifier::None),
        ];
        let outer = Header::new(b"DKIM-Signature: x\n");
        let items = items([0xee; 32], &layers, Integrity::Aead, &outer);
        assert!(items.contains(&format!("ski={}..", "ab".repeat(32))));
        for end in [LineEnd::Lf, LineEnd::CrLf] {
            let field = field(&items, end);
            let text = String::from_utf8(field.clone()).unwrap();
            assert!(text.lines().all(|line| line.len() <= LINE), "{text}");
            assert!(text.lines().skip(1).all(|line| line.starts_with(' ')));
            assert_eq!(text.contains('\r'), end == LineEnd::CrLf);
            let fields: Vec<_> = Header::new(&field).fields().collect();
            assert_eq!(fields.len(), 1);
            let unfolded = unfold(fields.first().unwrap().value).into_owned();
            assert_eq!(String::from_utf8(unfolded).unwrap(), items.join("; "));
        }
    }
}
