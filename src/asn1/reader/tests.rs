//! Cases of the BER reader.

use super::*;

#[test]
fn definite_and_indefinite_lengths_give_the_same_content() {
    for der in [
        &[0x30, 3, 2, 1, 5][..],
        &[0x30, 0x80, 2, 1, 5, 0, 0],
        &[0x30, 0x81, 3, 2, 1, 5],
    ] {
        let mut r = Reader::new(der);
        assert_eq!(r.sequence(|r| r.small_integer()), Ok(5), "{der:?}");
        assert_eq!(r.finish(), Ok(()));
    }
}

#[test]
fn indefinite_inside_definite_inside_indefinite() {
    let ber = [
        0x30, 0x80, 0x30, 7, 0x30, 0x80, 4, 1, 0, 0, 0, 2, 1, 9, 0, 0,
    ];
    let mut r = Reader::new(&ber);
    let value = r.sequence(|r| {
        r.sequence(|r| r.sequence(|r| r.octet_string()))?;
        r.small_integer()
    });
    assert_eq!(value, Ok(9));
}

#[test]
fn nesting_is_bounded_and_never_recurses() {
    let deep = [0x30, 0x80].repeat(100_000);
    assert_eq!(
        Reader::new(&deep).element().map_err(|e| e.kind),
        Err(BerErrorKind::TooDeep)
    );
    let chunks = [0x24, 0x80].repeat(100_000);
    assert_eq!(
        Reader::new(&chunks).element().map_err(|e| e.kind),
        Err(BerErrorKind::TooDeep)
    );
}

#[test]
fn impossible_lengths_and_tags_are_refused_with_their_place() {
    for (ber, at, kind) in [
        (
            &[0x30, 0x88, 0x80, 0, 0, 0, 0, 0, 0, 0][..],
            1,
            BerErrorKind::Length,
        ),
        (&[0x30, 5, 2, 1], 0, BerErrorKind::Truncated),
        (&[0x30], 1, BerErrorKind::Truncated),
        (&[0x04, 0x80, 0, 0], 0, BerErrorKind::Length),
        (&[0x1f, 0x80, 1], 0, BerErrorKind::TagNumber),
        (
            &[0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            0,
            BerErrorKind::TagNumber,
        ),
    ] {
        assert_eq!(
            Reader::new(ber).element(),
            Err(BerError { at, kind }),
            "{ber:?}"
        );
    }
}

#[test]
fn integers_compare_by_value() {
    assert_eq!(Integer(&[0, 0, 0x80]).minimal(), &[0, 0x80]);
    assert_eq!(Integer(&[0xff, 0x80]).minimal(), &[0x80]);
    assert_eq!(Integer(&[0]).minimal(), &[0]);
    assert_eq!(Integer(&[0x01, 0, 0, 0, 0, 0, 0, 0, 0]).to_u64(), None);
    assert_eq!(Integer(&[0x80]).to_u64(), None);
}

#[test]
fn errors_inside_are_placed_in_the_outermost_input() {
    let der = [0x30, 5, 0x30, 3, 2, 5, 1];
    let error = Reader::new(&der).sequence(|r| r.sequence(|r| r.integer().map(|_| ())));
    assert_eq!(
        error,
        Err(BerError {
            at: 4,
            kind: BerErrorKind::Truncated
        })
    );
}
