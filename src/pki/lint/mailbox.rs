//! Mailboxes: which texts are one (RFC 5321 §4.1.2), and when two are the same.

/// The text is one `Mailbox` and nothing else: a dot-string or a quoted string, `@`, a domain or an address literal. Letters beyond ASCII
/// count as letters (RFC 6531 §3.3).
pub(super) fn is_mailbox(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain))
}

/// The same mailbox: the local part letter by letter, the domain without regard to case (RFC 5280 §7.5).
pub(super) fn same(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((a, at)), Some((b, bt))) => a == b && at.eq_ignore_ascii_case(bt),
        _ => one == other,
    }
}

fn is_local_part(text: &str) -> bool {
    if let Some(quoted) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        let mut escaped = false;
        let in_order = quoted.chars().all(|c| {
            let fine = escaped || c == '\\' || (c != '"' && !c.is_control());
            escaped = !escaped && c == '\\';
            fine
        });
        return in_order && !escaped;
    }
    let is_atext =
        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    !text.is_empty()
        && text
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_domain(text: &str) -> bool {
    if let Some(literal) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return !literal.is_empty()
            && literal
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".:-".contains(c));
    }
    let is_label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii();
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(inside)
    };
    text.len() <= 255 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_are_told_from_other_texts() {
        for text in [
            "a@b",
            "alice.smith+tag@example.com",
            "\"a b\"@example.com",
            "\"a\\\"@b\"@example.com",
            "用户@例子.测试",
            "a@[192.0.2.1]",
            "o'hara@xn--bcher-kva.example",
        ] {
            assert!(is_mailbox(text), "{text}");
        }
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a..b@c",
            ".a@b",
            "a@b.",
            "a@-b",
            "a@b@c",
            "<a@b>",
            "Alice <a@b>",
            "a@b, c@d",
            "mailto:a@b@c",
            "\"a\"b\"@c",
            "\"a\\\"@c",
            "a@[]",
            "a\n@b",
        ] {
            assert!(!is_mailbox(text), "{text}");
        }
    }

    #[test]
    fn only_the_domain_is_compared_without_case() {
        assert!(same("Alice@Example.COM", "Alice@example.com"));
        assert!(!same("alice@example.com", "Alice@example.com"));
        assert!(same("nobody", "nobody"));
    }
}
