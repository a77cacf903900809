//! Tables for people: columns as wide as their widest cell, where Hangul and Han characters take two columns.

use unicode_width::UnicodeWidthStr;

use super::untrusted;

const GAP: &str = "  ";

/// Rows under a line of headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings and no rows.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row. Cells may hold foreign text: it is spelled out as `untrusted::line` does.
    pub fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.iter().map(|cell| untrusted::line(cell).into_owned()).collect());
    }

    /// Whether there are no rows below the headings.
    pub fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }

    /// The table as lines, without spaces at their ends.
    pub fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(cell.width())));
                line.push_str(GAP);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
        (0..columns).map(|column| widest(column).unwrap_or(0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_in_every_script() {
        let mut table = Table::new(["REF", "SUBJECT", "STATE"]);
        table.row(["XA-XB-2026-0007", "포로 송환", "unread"]);
        table.row(["XB-XA-2026-0004", "Стан", "read"]);
        let text = table.render();
        let starts: Vec<usize> = text
            .lines()
            .zip(["STATE", "unread", "read"])
            .map(|(line, last)| line.strip_suffix(last).unwrap().width())
            .collect();
        assert_eq!(starts, [28, 28, 28]);
        assert!(text.lines().all(|line| line == line.trim_end()));
    }

    #[test]
    fn a_cell_cannot_break_out_of_its_row() {
        let mut table = Table::new(["FROM", "SUBJECT"]);
        table.row(["XB", "one\nXC  forged\u{1b}[1A"]);
        assert_eq!(table.render().lines().count(), 2);
        assert!(table.render().contains("one\\u{a}XC  forged\\u{1b}[1A"));
    }

    #[test]
    fn a_table_without_rows_says_so() {
        let mut table = Table::new(["REF"]);
        assert!(table.is_empty());
        table.row(["x"]);
        assert!(!table.is_empty());
    }
}
