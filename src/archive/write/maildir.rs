//! Names of Maildir files whose content was changed.

/// `name` with the sizes that it says made true: Dovecot writes the size in bytes as `,S=` and the one with line ends as CR LF as `,W=`
/// in front of the flags. A name without sizes stays as it is. Never fails.
#[must_use]
pub fn with_sizes(name: &[u8], message: &[u8]) -> Vec<u8> {
    let info = name
        .windows(3)
        .rposition(|window| matches!(window, [b':' | b';' | b'!', b'2', b',']))
        .unwrap_or(name.len());
    let (base, flags) = name.split_at_checked(info).unwrap_or((name, &[]));
    let mut fields = base.split(|octet| *octet == b',');
    let mut out = fields.next().unwrap_or_default().to_vec();
    for field in fields {
        out.push(b',');
        match field {
            [b'S', b'=', digits @ ..] if is_number(digits) => {
                out.extend_from_slice(format!("S={}", message.len()).as_bytes());
            }
            [b'W', b'=', digits @ ..] if is_number(digits) => {
                out.extend_from_slice(format!("W={}", size_with_cr_lf(message)).as_bytes());
            }
            _ => out.extend_from_slice(field),
        }
    }
    out.extend_from_slice(flags);
    out
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn size_with_cr_lf(message: &[u8]) -> usize {
    let bare = memchr::memchr_iter(b'\n', message)
        .filter(|at| at.checked_sub(1).and_then(|before| message.get(before)) != Some(&b'\r'));
    message.len() + bare.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_09_sizes_in_a_name_are_those_of_the_new_message() {
        for (name, expected) in [
            ("1.M2.host,S=99,W=100:2,FS", "1.M2.host,S=7,W=8:2,FS"),
            ("1.M2.host,S=99:2,S", "1.M2.host,S=7:2,S"),
            ("1.M2.host:2,S", "1.M2.host:2,S"),
            ("1.M2.host", "1.M2.host"),
            ("1.M2.host,X=1,S=a", "1.M2.host,X=1,S=a"),
            ("1.M2.host,S=99;2,a", "1.M2.host,S=7;2,a"),
        ] {
            let made = with_sizes(name.as_bytes(), b"a\nb\r\nc.");
            assert_eq!(String::from_utf8(made).unwrap(), expected);
        }
    }
}
