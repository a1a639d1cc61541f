//! When two addresses are the same mailbox (RFC 5321 §2.4, RFC 9598 §5).

/// How two addresses compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Match {
    /// The same mailbox: domains equal without case and as A-labels (RFC 9598 §5), local parts equal byte by byte (RFC 5321 §2.4).
    Exact,
    /// The same but for the case of the local part, which few hosts tell apart.
    CasefoldLocal,
    /// Another mailbox, or one of the two is no address.
    None,
}

/// Compares two addr-specs.
#[must_use]
pub fn compare(one: &str, other: &str) -> Match {
    let (Some((local, domain)), Some((other_local, other_domain))) =
        (one.rsplit_once('@'), other.rsplit_once('@'))
    else {
        return Match::None;
    };
    if local.is_empty() || domain.is_empty() || !equal_domains(domain, other_domain) {
        return Match::None;
    }
    let (local, other_local) = (unquoted(local), unquoted(other_local));
    if local == other_local {
        Match::Exact
    } else if local.to_lowercase() == other_local.to_lowercase() {
        Match::CasefoldLocal
    } else {
        Match::None
    }
}

/// A text that is equal for two addr-specs exactly where [`compare`] gives `Exact` or `CasefoldLocal`; None for what is no address.
#[must_use]
pub fn folded(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    let domain = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_ascii_lowercase());
    Some(format!("{}@{domain}", unquoted(local).to_lowercase()))
}

fn equal_domains(one: &str, other: &str) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    match (idna::domain_to_ascii(one), idna::domain_to_ascii(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// A local part without quotes and escapes (RFC 5322 §3.2.4: they are no part of what is meant).
fn unquoted(local: &str) -> String {
    let Some(inside) = local
        .strip_prefix('"')
        .and_then(|local| local.strip_suffix('"'))
    else {
        return local.to_owned();
    };
    let mut text = String::with_capacity(inside.len());
    let mut escaped = false;
    for c in inside.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_as_mailboxes() {
        for (one, other, expected) in [
            ("a@b.example", "a@b.example", Match::Exact),
            ("a@b.example", "a@B.EXAMPLE", Match::Exact),
            (
                "a@b\u{fc}cher.example",
                "a@xn--bcher-kva.example",
                Match::Exact,
            ),
            (
                "a@B\u{dc}CHER.example",
                "a@XN--BCHER-KVA.example",
                Match::Exact,
            ),
            ("\"a.b\"@c.example", "a.b@c.example", Match::Exact),
            (
                "\"a\\\\ b\"@c.example",
                "\"a\\\\ \\b\"@c.example",
                Match::Exact,
            ),
            ("A.B@c.example", "a.b@c.example", Match::CasefoldLocal),
            ("\u{dc}@c.example", "\u{fc}@c.example", Match::CasefoldLocal),
            ("a@b.example", "a@c.example", Match::None),
            ("a@b.example", "c@b.example", Match::None),
            ("a@b.example", "a@b.example.evil.example", Match::None),
            ("a@b.example", "a@b.example.", Match::None),
            ("", "", Match::None),
            ("a", "a", Match::None),
            ("@b", "@b", Match::None),
            ("a@", "a@", Match::None),
        ] {
            assert_eq!(compare(one, other), expected, "{one} {other}");
            assert_eq!(compare(other, one), expected, "{other} {one}");
        }
    }
}
