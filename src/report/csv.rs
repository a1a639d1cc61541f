//! How a table is written: RFC 4180 with LF, and the rules of `manual/report.md` for cells.

use std::io::Write as _;

use csv::{ByteRecord, Terminator, WriterBuilder};

use crate::asn1::Time;
use crate::facts::finding::Finding;
use crate::report::encode::hex_pair;
use crate::report::escape;

/// What the user chose for the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// `--csv-raw`: no apostrophe before a cell that a spreadsheet would take for a formula.
    pub raw: bool,
    /// Characters of a text; the rest is cut with a mark (`Limits::text_chars`).
    pub text_chars: usize,
}

/// Writes the header of a table. Column names hold nothing that needs quoting.
pub fn header(columns: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(columns.join(",").as_bytes());
    out.push(b'\n');
}

/// A row being written; the cells come in the order of the columns.
#[derive(Debug)]
pub struct Row<'o> {
    out: &'o mut Vec<u8>,
    cells: Cells,
    record: ByteRecord,
    cell: Vec<u8>,
}

impl<'o> Row<'o> {
    /// A row behind what is in `out`.
    #[must_use]
    pub fn new(out: &'o mut Vec<u8>, cells: Cells) -> Self {
        Self {
            out,
            cells,
            record: ByteRecord::with_capacity(ROW_BYTES, ROW_CELLS),
            cell: Vec::new(),
        }
    }

    /// Ends the row.
    pub fn end(self) {
        let mut writer = WriterBuilder::new()
            .has_headers(false)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(ROW_BYTES)
            .from_writer(self.out);
        // Writing to a Vec never fails, and dropping the writer flushes it.
        let _ = writer.write_byte_record(&self.record);
    }

    /// A word of ours: nothing in it needs quoting.
    pub fn word(&mut self, word: &str) -> &mut Self {
        self.record.push_field(word.as_bytes());
        self
    }

    /// A word, or an empty cell.
    pub fn optional_word(&mut self, word: Option<&str>) -> &mut Self {
        self.word(word.unwrap_or_default())
    }

    /// Words separated by spaces.
    pub fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> &mut Self {
        for (index, word) in words.into_iter().enumerate() {
            if index > 0 {
                self.cell.push(b' ');
            }
            self.cell.extend_from_slice(word.as_bytes());
        }
        self.push()
    }

    /// Findings separated by spaces.
    pub fn findings(&mut self, findings: &[Finding]) -> &mut Self {
        self.words(findings.iter().map(|finding| finding.as_str()))
    }

    /// Text from mail, a certificate or a file name.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let formula = !self.cells.raw && text.starts_with(is_formula);
        let plain = |byte: u8| matches!(byte, b' '..=b'~');
        if !formula && text.len() <= self.cells.text_chars && text.bytes().all(plain) {
            return self.word(text);
        }
        let short = escape::cut(text, self.cells.text_chars);
        if formula {
            self.cell.push(b'\'');
        }
        self.cell
            .extend_from_slice(escape::visible(&short).as_bytes());
        self.push()
    }

    /// Text, or an empty cell.
    pub fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.word(""),
        }
    }

    /// Texts separated by spaces.
    pub fn texts(&mut self, texts: &[String]) -> &mut Self {
        match texts {
            [] => self.word(""),
            [one] => self.text(one),
            several => self.text(&several.join(" ")),
        }
    }

    /// A number.
    pub fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        // Writing to a Vec never fails.
        let _ = write!(self.cell, "{}", number.into());
        self.push()
    }

    /// A number, or an empty cell.
    pub fn optional_number(&mut self, number: Option<impl Into<u64>>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.word(""),
        }
    }

    /// Octets as lower-case hexadecimal, cut as a text is.
    pub fn hex(&mut self, bytes: &[u8]) -> &mut Self {
        let kept = self.cells.text_chars / 2;
        for byte in bytes.iter().take(kept) {
            self.cell.extend_from_slice(&hex_pair(*byte));
        }
        if bytes.len() > kept {
            self.cell.extend_from_slice(escape::CUT.as_bytes());
        }
        self.push()
    }

    /// Octets, or an empty cell.
    pub fn optional_hex(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        self.hex(bytes.unwrap_or_default())
    }

    /// A time, or an empty cell.
    pub fn time(&mut self, time: Option<Time>) -> &mut Self {
        if let Some(time) = time {
            self.cell.extend_from_slice(&time.rfc3339());
        }
        self.push()
    }

    /// `true` or `false`.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.word(if flag { "true" } else { "false" })
    }

    /// `true`, `false`, or an empty cell.
    pub fn optional_flag(&mut self, flag: Option<bool>) -> &mut Self {
        match flag {
            Some(flag) => self.flag(flag),
            None => self.word(""),
        }
    }

    /// The cell that was gathered.
    fn push(&mut self) -> &mut Self {
        self.record.push_field(&self.cell);
        self.cell.clear();
        self
    }
}

/// Bytes and cells of a usual row, to reserve. Origin: the widest table, signatures.csv.
const ROW_BYTES: usize = 1 << 10;
const ROW_CELLS: usize = 48;

/// What a spreadsheet takes for the start of a formula (CWE-1236), the apostrophe that undoes it, and the fullwidth forms that
/// some programs fold to the same (catalogue D-19).
fn is_formula(character: char) -> bool {
    matches!(
        character,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0' | '\'' | '＝' | '＋' | '－' | '＠'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: Cells = Cells {
        raw: false,
        text_chars: 64,
    };

    fn row(cells: Cells, texts: &[&str]) -> String {
        let mut out = Vec::new();
        let mut row = Row::new(&mut out, cells);
        for text in texts {
            row.text(text);
        }
        row.end();
        String::from_utf8(out).unwrap()
    }

    /// Row D-19 of the catalogue.
    #[test]
    fn d_19_no_cell_is_a_formula() {
        for (text, cell, raw) in [
            ("plain", "plain", "plain"),
            ("=1+1", "'=1+1", "=1+1"),
            ("+49 30", "'+49 30", "+49 30"),
            ("-1", "'-1", "-1"),
            ("@SUM(A1)", "'@SUM(A1)", "@SUM(A1)"),
            ("\t=1", "'\\x09=1", "\\x09=1"),
            ("\r=1", "'\\x0d=1", "\\x0d=1"),
            ("\n=1", "'\\x0a=1", "\\x0a=1"),
            ("\0=1", "'\\x00=1", "\\x00=1"),
            ("'=1", "''=1", "'=1"),
            ("＝1", "'＝1", "＝1"),
            ("＠x", "'＠x", "＠x"),
            ("a=1", "a=1", "a=1"),
            ("=\"a\",b", "\"'=\"\"a\"\",b\"", "\"=\"\"a\"\",b\""),
            ("a,b", "\"a,b\"", "\"a,b\""),
            ("a\r\nb", "a\\x0d\\x0ab", "a\\x0d\\x0ab"),
            ("", "", ""),
        ] {
            assert_eq!(row(CELLS, &[text, "x"]), format!("{cell},x\n"), "{text:?}");
            let chosen = Cells { raw: true, ..CELLS };
            assert_eq!(row(chosen, &[text, "x"]), format!("{raw},x\n"), "{text:?}");
        }
    }

    #[test]
    fn a_cut_cell_is_still_quoted_and_no_formula() {
        let long = format!("={}", ",".repeat(100));
        let expected = format!("\"'={}{}\"\n", ",".repeat(63), escape::CUT);
        assert_eq!(row(CELLS, &[&long]), expected);
    }

    proptest::proptest! {
        /// The `csv` crate reads back what was written: the text itself where nothing in it is hidden.
        #[test]
        fn an_independent_reader_agrees(texts in proptest::collection::vec("[ -~ëＡ\"',;=]{0,80}", 2..6)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let written = row(Cells { raw: true, text_chars: 100 }, &texts);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_bytes());
            let read = reader.records().next().unwrap().unwrap();
            proptest::prop_assert_eq!(read.iter().collect::<Vec<_>>(), texts);
        }
    }
}
