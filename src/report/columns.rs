//! Lines of cells as aligned columns, for the terminal.

/// Two blanks between columns, none at a line's end. Letters of double width count as one. Never fails.
pub(super) fn aligned(lines: &[Vec<String>]) -> String {
    let number = lines.iter().map(Vec::len).max().unwrap_or_default();
    let mut widths = vec![0; number];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for line in lines {
        let start = out.len();
        for (width, cell) in widths.iter().zip(line) {
            out.push_str(cell);
            let gap = (width + 2).saturating_sub(cell.chars().count());
            out.extend(std::iter::repeat_n(' ', gap));
        }
        let kept = out.get(start..).unwrap_or_default().trim_end().len();
        out.truncate(start + kept);
        out.push('\n');
    }
    out
}
