//! How a part is labelled: media type, name and smime-type (RFC 8551 §3.2 and §3.10).

use crate::mime::media::{Reading, file_names};
use crate::mime::tree::Tree;

/// What a part says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The media type, where it is one for S/MIME.
    pub declared: Option<Declared>,
    /// The extension of its name, where it is one of S/MIME's.
    pub extension: Option<Extension>,
    /// The smime-type parameter (RFC 8551 §3.2.2) in lower case.
    pub smime_type: Option<String>,
}

/// Media types of S/MIME, `x-` forms included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Declared {
    /// application/pkcs7-mime, and application/cms (RFC 7193).
    Mime,
    /// application/pkcs7-signature.
    Signature,
    /// Another application/pkcs7-…, such as x-pkcs7-certificates.
    Other,
}

/// File name extensions (RFC 8551 §3.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// `.p7m`: signed, encrypted or authenticated-enveloped data.
    P7m,
    /// `.p7s`: a detached signature.
    P7s,
    /// `.p7c`: certificates only; `.p7b` is Windows' name for it.
    P7c,
    /// `.p7z`: compressed data.
    P7z,
}

/// The label of a part. Never fails.
#[must_use]
pub fn label_of(tree: &Tree<'_>, index: usize) -> Label {
    let Some(part) = tree.parts.get(index) else {
        return Label::default();
    };
    let names = file_names(&tree.header(index), &part.media);
    Label {
        declared: declared(&part.media.essence),
        extension: names.iter().find_map(|name| extension(name)),
        smime_type: part
            .media
            .text("smime-type", Reading::First)
            .map(|kind| kind.trim().to_ascii_lowercase()),
    }
}

/// The S/MIME type that `essence`, in lower case, is.
pub(super) fn declared(essence: &str) -> Option<Declared> {
    let subtype = essence.strip_prefix("application/")?;
    let subtype = subtype.strip_prefix("x-").unwrap_or(subtype);
    match subtype {
        "pkcs7-mime" | "cms" => Some(Declared::Mime),
        "pkcs7-signature" => Some(Declared::Signature),
        _ => subtype.starts_with("pkcs7").then_some(Declared::Other),
    }
}

fn extension(name: &str) -> Option<Extension> {
    let (_, extension) = name
        .trim_end_matches([' ', '.', '"', '\''])
        .rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "p7m" => Some(Extension::P7m),
        "p7s" => Some(Extension::P7s),
        "p7c" | "p7b" => Some(Extension::P7c),
        "p7z" => Some(Extension::P7z),
        _ => None,
    }
}
