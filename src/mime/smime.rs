//! Which parts of a message are S/MIME (RFC 8551 §3.10), whoever labelled them.

use crate::mime::finding::Oddity;
use crate::mime::label::{Declared, Extension, Label, declared, label_of};
use crate::mime::media::Reading;
use crate::mime::multipart;
use crate::mime::tree::{Part, Tree};

/// A part, or a multipart/signed, that claims or seems to be S/MIME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where the parts are.
    pub shape: Shape,
    /// How the part with the CMS structure is labelled.
    pub label: Label,
    /// What is odd about it, each once, in the order of the enum.
    pub findings: Vec<Oddity>,
}

/// Where the parts of a candidate are; numbers are indices into [`Tree::parts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// multipart/signed (RFC 1847 §2.1) with an S/MIME signature.
    Detached {
        /// The multipart/signed.
        multipart: usize,
        /// What is signed: its whole entity.
        content: usize,
        /// The part with the signature.
        signature: usize,
        /// Children that are neither; nothing covers them.
        extra: Vec<usize>,
    },
    /// A part that holds a CMS structure by itself.
    Opaque {
        /// The part.
        part: usize,
    },
    /// A signature part outside multipart/signed: certificates only, or its content is gone or stands beside it.
    Loose {
        /// The part.
        part: usize,
        /// The sibling before it, which the signature may once have been over.
        before: Option<usize>,
    },
    /// A multipart/signed for S/MIME that lacks its signature part or its content.
    Incomplete {
        /// The multipart/signed.
        multipart: usize,
    },
}

impl Candidate {
    /// The part that stands for the whole in the tree: the multipart/signed or the single part.
    #[must_use]
    pub fn part(&self) -> usize {
        match self.shape {
            Shape::Detached { multipart, .. } | Shape::Incomplete { multipart } => multipart,
            Shape::Opaque { part } | Shape::Loose { part, .. } => part,
        }
    }
}

/// All S/MIME of a message in document order, inside signed content, other multiparts and nested messages too.
///
/// Goes by labels only; whether a CMS structure is in the part shows when it is read. OpenPGP is left out.
#[must_use]
pub fn find(tree: &Tree<'_>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut taken = vec![false; tree.parts.len()];
    for (index, part) in tree.parts.iter().enumerate() {
        let candidate = if part.media.essence == "multipart/signed" {
            signed(tree, index, part)
        } else if taken.get(index) == Some(&false) && part.children.is_empty() {
            single(tree, index, part)
        } else {
            None
        };
        let Some(candidate) = candidate else { continue };
        if let Shape::Detached { signature, .. } = candidate.shape
            && let Some(taken) = taken.get_mut(signature)
        {
            *taken = true;
        }
        candidates.push(candidate);
    }
    candidates
}

/// What the protocol parameter of multipart/signed stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Smime,
    /// application/pgp-signature and anything else.
    Foreign,
    Absent,
}

fn signed(tree: &Tree<'_>, index: usize, part: &Part) -> Option<Candidate> {
    let protocol = match part.media.text("protocol", Reading::First) {
        Some(protocol) if declared(&protocol.trim().to_ascii_lowercase()).is_some() => {
            Protocol::Smime
        }
        Some(_) => Protocol::Foreign,
        None => Protocol::Absent,
    };
    let is_signature = |child: &usize| {
        let label = label_of(tree, *child);
        label.declared.is_some() || label.extension.is_some()
    };
    let incomplete = |findings| Candidate {
        shape: Shape::Incomplete { multipart: index },
        label: Label::default(),
        findings,
    };
    let at = match (part.children.as_slice(), protocol) {
        ([first, second, ..], _) if is_signature(second) => {
            // Two structures, the first one signed by the second.
            let _ = first;
            1
        }
        ([first, _, ..], _) if is_signature(first) => 0,
        ([_, _, rest @ ..], _) if rest.iter().any(is_signature) => {
            2 + rest.iter().position(is_signature)?
        }
        ([only], Protocol::Smime | Protocol::Absent) if is_signature(only) => {
            return Some(incomplete(Vec::new()));
        }
        ([_, second, ..], Protocol::Smime) if could_be_signature(tree, *second) => 1,
        (_, Protocol::Smime) => return Some(incomplete(Vec::new())),
        (_, Protocol::Foreign | Protocol::Absent) => return None,
    };
    let signature = *part.children.get(at)?;
    let content = *part.children.get(usize::from(at == 0))?;
    let label = label_of(tree, signature);
    let mut findings = Vec::new();
    if protocol != Protocol::Smime {
        findings.push(Oddity::ProtocolMismatch);
    }
    let agrees = label.declared == Some(Declared::Signature)
        && matches!(label.extension, None | Some(Extension::P7s));
    if !agrees {
        findings.push(Oddity::TypeMismatch);
    }
    if let Some(multipart) = &part.multipart {
        if multipart::has_text(tree.slice(&multipart.preamble))
            && !multipart::is_note(tree.slice(&multipart.preamble))
        {
            findings.push(Oddity::PreambleText);
        }
        if multipart::has_text(tree.slice(&multipart.epilogue)) {
            findings.push(Oddity::EpilogueText);
        }
    }
    let extra: Vec<usize> = part
        .children
        .iter()
        .copied()
        .filter(|child| *child != signature && *child != content)
        .collect();
    if !extra.is_empty() {
        findings.push(Oddity::ExtraParts);
    }
    if at == 0 {
        findings.push(Oddity::ReversedParts);
    }
    Some(Candidate {
        shape: Shape::Detached {
            multipart: index,
            content,
            signature,
            extra,
        },
        label,
        findings,
    })
}

/// A part that is not labelled, in the place of the signature: an application type other than OpenPGP's.
fn could_be_signature(tree: &Tree<'_>, part: usize) -> bool {
    tree.parts.get(part).is_some_and(|part| {
        part.media.top() == "application" && !part.media.subtype().starts_with("pgp")
    })
}

fn single(tree: &Tree<'_>, index: usize, part: &Part) -> Option<Candidate> {
    let label = label_of(tree, index);
    let named_only = label.declared.is_none();
    if named_only
        && (label.extension.is_none()
            || matches!(
                part.media.top(),
                "text" | "image" | "audio" | "video" | "multipart" | "message"
            ) && has_content_type(tree, index))
    {
        return None;
    }
    let agrees = match (label.declared, label.extension, label.smime_type.as_deref()) {
        (None, ..) => false,
        (Some(Declared::Signature), extension, _) => {
            matches!(extension, None | Some(Extension::P7s))
        }
        (Some(Declared::Other), ..) => true,
        (Some(Declared::Mime), Some(Extension::P7s), _) => false,
        (Some(Declared::Mime), Some(Extension::P7c), kind) => {
            matches!(kind, None | Some("certs-only"))
        }
        (Some(Declared::Mime), Some(Extension::P7z), kind) => {
            matches!(kind, None | Some("compressed-data"))
        }
        (Some(Declared::Mime), Some(Extension::P7m), kind) => {
            !matches!(kind, Some("certs-only" | "compressed-data"))
        }
        (Some(Declared::Mime), None, _) => true,
    };
    let is_signature = label.declared == Some(Declared::Signature)
        || (named_only && label.extension == Some(Extension::P7s));
    let shape = if is_signature {
        let siblings = part
            .parent
            .and_then(|parent| tree.parts.get(parent))
            .map_or(&[][..], |parent| &parent.children);
        let place = siblings.iter().position(|sibling| *sibling == index);
        Shape::Loose {
            part: index,
            before: place
                .and_then(|place| siblings.get(place.checked_sub(1)?))
                .copied(),
        }
    } else {
        Shape::Opaque { part: index }
    };
    Some(Candidate {
        shape,
        label,
        findings: if agrees {
            Vec::new()
        } else {
            vec![Oddity::TypeMismatch]
        },
    })
}

fn has_content_type(tree: &Tree<'_>, part: usize) -> bool {
    tree.header(part).first("content-type").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::mime::sniff::may_hold_smime;

    /// What is found, and that the sniff does not deny it.
    fn found(message: &str) -> Vec<Candidate> {
        let crlf = message.replace('\n', "\r\n");
        let read = |message: &str| find(&Tree::read(message.as_bytes(), &Limits::default()));
        let candidates = read(message);
        assert_eq!(candidates, read(&crlf), "{message}");
        for message in [message, &crlf] {
            assert!(
                may_hold_smime(message.as_bytes()) || candidates.is_empty(),
                "{message}"
            );
        }
        candidates
    }

    const DATA: &str = "\n\nMIAG\n";

    #[test]
    fn single_parts_are_known_by_type_or_name() {
        use Extension::{P7c, P7m, P7s, P7z};
        let declared = |declared, extension| Label {
            declared,
            extension,
            smime_type: None,
        };
        for (header, label, agrees) in [
            (
                "application/pkcs7-mime",
                declared(Some(Declared::Mime), None),
                true,
            ),
            (
                "Application/X-PKCS7-MIME; name=smime.p7m",
                declared(Some(Declared::Mime), Some(P7m)),
                true,
            ),
            (
                "application/pkcs7-mime; name=smime.p7s",
                declared(Some(Declared::Mime), Some(P7s)),
                false,
            ),
            (
                "application/x-pkcs7-certificates; name=a.p7b",
                declared(Some(Declared::Other), Some(P7c)),
                true,
            ),
            (
                "application/cms",
                declared(Some(Declared::Mime), None),
                true,
            ),
            (
                "application/octet-stream; name=SMIME.P7M",
                declared(None, Some(P7m)),
                false,
            ),
            (
                "application/octet-stream; name=\"=?utf-8?q?smime=2Ep7c?=\"",
                declared(None, Some(P7c)),
                false,
            ),
            (
                "application/octet-stream\nContent-Disposition: attachment; filename*0=smime.p; filename*1=7z",
                declared(None, Some(P7z)),
                false,
            ),
            (
                "application/octet-stream; name=\"s\\.p\\7m\"",
                declared(None, Some(P7m)),
                false,
            ),
            ("x; name=smime.p7m", declared(None, Some(P7m)), false),
        ] {
            let candidates = found(&format!("Content-Type: {header}{DATA}"));
            let expected = Candidate {
                shape: Shape::Opaque { part: 0 },
                label,
                findings: if agrees {
                    vec![]
                } else {
                    vec![Oddity::TypeMismatch]
                },
            };
            assert_eq!(candidates, [expected], "{header}");
        }
        let kind = |header: &str| {
            found(&format!(
                "Content-Type: application/pkcs7-mime; {header}{DATA}"
            ))[0]
                .clone()
        };
        assert_eq!(
            kind("smime-type=Enveloped-Data")
                .label
                .smime_type
                .as_deref(),
            Some("enveloped-data")
        );
        assert_eq!(
            kind("smime-type=certs-only; name=smime.p7m").findings,
            [Oddity::TypeMismatch]
        );
        assert_eq!(kind("smime-type=certs-only; name=smime.p7c").findings, []);
        assert_eq!(
            found(&format!(
                "Content-Disposition: attachment; filename=smime.p7m{DATA}"
            ))
            .len(),
            1
        );
    }

    #[test]
    fn other_parts_are_left_alone() {
        for header in [
            "application/octet-stream",
            "application/octet-stream; name=p7m",
            "application/pgp-encrypted",
            "text/plain; name=smime.p7s",
            "application/pkcs10; name=smime.p10",
            "application/pdf; name=pkcs7.pdf",
        ] {
            assert_eq!(
                found(&format!("Content-Type: {header}{DATA}")),
                [],
                "{header}"
            );
        }
    }

    fn signed(parameters: &str, body: &str) -> String {
        format!("Content-Type: multipart/signed; boundary=o{parameters}\n\n{body}")
    }

    const PROTOCOL: &str = "; protocol=\"application/pkcs7-signature\"";
    const TEXT: &str = "--o\nContent-Type: text/plain\n\nhi\n";
    const SIGNATURE: &str =
        "--o\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nMIAG\n";
    const END: &str = "--o--\n";

    #[test]
    fn detached_signatures_are_found_in_every_arrangement() {
        let x_form = SIGNATURE.replace("pkcs7", "x-pkcs7");
        let octets = SIGNATURE.replace("pkcs7-signature", "octet-stream");
        let unnamed = "--o\nContent-Type: application/octet-stream\n\nMIAG\n";
        let detached = |content, signature, extra: &[usize]| Shape::Detached {
            multipart: 0,
            content,
            signature,
            extra: extra.to_vec(),
        };
        let usual = || detached(1, 2, &[]);
        for (parameters, body, shape, findings) in [
            (PROTOCOL, format!("{TEXT}{SIGNATURE}{END}"), usual(), vec![]),
            (PROTOCOL, format!("{TEXT}{x_form}{END}"), usual(), vec![]),
            (
                "; protocol=application/x-pkcs7-signature",
                format!("{TEXT}{SIGNATURE}{END}"),
                usual(),
                vec![],
            ),
            (
                "",
                format!("{TEXT}{SIGNATURE}{END}"),
                usual(),
                vec![Oddity::ProtocolMismatch],
            ),
            (
                "; protocol=application/pgp-signature",
                format!("{TEXT}{SIGNATURE}{END}"),
                usual(),
                vec![Oddity::ProtocolMismatch],
            ),
            (
                PROTOCOL,
                format!("{TEXT}{octets}{END}"),
                usual(),
                vec![Oddity::TypeMismatch],
            ),
            (
                PROTOCOL,
                format!("{TEXT}{unnamed}{END}"),
                usual(),
                vec![Oddity::TypeMismatch],
            ),
            (
                PROTOCOL,
                format!("{SIGNATURE}{TEXT}{END}"),
                detached(2, 1, &[]),
                vec![Oddity::ReversedParts],
            ),
            (
                PROTOCOL,
                format!("{TEXT}{SIGNATURE}{TEXT}{END}"),
                detached(1, 2, &[3]),
                vec![Oddity::ExtraParts],
            ),
            (
                PROTOCOL,
                format!("{TEXT}{TEXT}{SIGNATURE}{END}"),
                detached(1, 3, &[2]),
                vec![Oddity::ExtraParts],
            ),
            (
                PROTOCOL,
                format!("Pay me.\n{TEXT}{SIGNATURE}{END}"),
                usual(),
                vec![Oddity::PreambleText],
            ),
            (
                PROTOCOL,
                format!("This is an S/MIME signed message\n\n{TEXT}{SIGNATURE}{END}"),
                usual(),
                vec![],
            ),
            (
                PROTOCOL,
                format!("This is an S/MIME signed message. Pay me.\n\n{TEXT}{SIGNATURE}{END}"),
                usual(),
                vec![Oddity::PreambleText],
            ),
            (
                PROTOCOL,
                format!("{TEXT}{SIGNATURE}{END}footer"),
                usual(),
                vec![Oddity::EpilogueText],
            ),
            (
                PROTOCOL,
                format!("{TEXT}{SIGNATURE}{END}\n \n"),
                usual(),
                vec![],
            ),
            (PROTOCOL, format!("{TEXT}{SIGNATURE}"), usual(), vec![]),
            (
                PROTOCOL,
                format!("{TEXT}{END}"),
                Shape::Incomplete { multipart: 0 },
                vec![],
            ),
            (
                PROTOCOL,
                "nothing".to_owned(),
                Shape::Incomplete { multipart: 0 },
                vec![],
            ),
        ] {
            let candidates = found(&signed(parameters, &body));
            assert_eq!(candidates.len(), 1, "{body}");
            assert_eq!(
                (&candidates[0].shape, &candidates[0].findings),
                (&shape, &findings),
                "{parameters}\n{body}"
            );
        }
        let pgp = SIGNATURE.replace(
            "pkcs7-signature; name=smime.p7s",
            "pgp-signature; name=signature.asc",
        );
        assert_eq!(
            found(&signed(
                "; protocol=application/pgp-signature",
                &format!("{TEXT}{pgp}{END}")
            )),
            []
        );
        assert_eq!(found(&signed("", &format!("{TEXT}{pgp}{END}"))), []);
    }

    #[test]
    fn a_signature_without_its_multipart_is_loose() {
        let mixed = |body: &str| format!("Content-Type: multipart/mixed; boundary=o\n\n{body}");
        for (message, part, before) in [
            (mixed(&format!("{TEXT}{SIGNATURE}{END}")), 2, Some(1)),
            (mixed(&format!("{SIGNATURE}{END}")), 1, None),
            (SIGNATURE.replace("--o\n", ""), 0, None),
            (
                SIGNATURE
                    .replace("--o\n", "")
                    .replace("pkcs7-signature", "octet-stream"),
                0,
                None,
            ),
        ] {
            let candidates = found(&message);
            assert_eq!(candidates.len(), 1, "{message}");
            assert_eq!(
                candidates[0].shape,
                Shape::Loose { part, before },
                "{message}"
            );
        }
        let lone = found(&signed(PROTOCOL, &format!("{SIGNATURE}{END}")));
        let shapes: Vec<_> = lone
            .iter()
            .map(|candidate| candidate.shape.clone())
            .collect();
        assert_eq!(
            shapes,
            [
                Shape::Incomplete { multipart: 0 },
                Shape::Loose {
                    part: 1,
                    before: None
                }
            ]
        );
    }

    #[test]
    fn everything_nested_is_found_in_document_order() {
        let opaque = "Content-Type: application/pkcs7-mime; name=smime.p7m\n\nMIAG\n";
        let inner = signed(PROTOCOL, &format!("{TEXT}{SIGNATURE}{END}"))
            .replace("=o", "=i")
            .replace("--o", "--i");
        let message = format!(
            "Content-Type: multipart/digest; boundary=o\n\n--o\n\n{opaque}\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o\n{}\n--o--\n",
            signed(
                PROTOCOL,
                &format!(
                    "--i\n{opaque}\n--i\nContent-Type: application/pkcs7-signature\n\nMIAG\n--i--"
                )
            )
            .replace("=o", "=i")
        );
        let tree = Tree::read(message.as_bytes(), &Limits::default());
        let places: Vec<_> = found(&message)
            .iter()
            .map(|candidate| {
                (
                    tree.number(candidate.part()),
                    tree.enclosing_message(candidate.part()),
                )
            })
            .collect();
        let expected = [("1.1", 2), ("2.0", 4), ("3", 0), ("3.1", 0)]
            .map(|(number, message)| (number.to_owned(), message));
        assert_eq!(places, expected);
    }
}
