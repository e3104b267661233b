//! The table for people. Widths are those on a screen: a Chinese letter takes two columns, a vowel sign above takes
//! none.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Cell, Column, Rows};
use crate::error::CliError;
use crate::output::{self, screen};

/// Rows that are aligned with each other. A longer table repeats its header.
const BLOCK: usize = 1_000;
/// The columns between two cells.
const GAP: usize = 2;
/// No column is cut to fewer letters than this.
const LEAST: usize = 6;

pub(super) struct Table {
    columns: &'static [Column],
    block: Vec<Vec<Cell>>,
    /// A block was printed before.
    is_later: bool,
}

impl Table {
    pub(super) fn new(columns: &'static [Column]) -> Self {
        Self { columns, block: Vec::new(), is_later: false }
    }

    fn print(&mut self) -> bool {
        let block = std::mem::take(&mut self.block);
        if block.is_empty() {
            return true;
        }
        let text = aligned(self.columns, &block, screen::width().into());
        let separator = if std::mem::replace(&mut self.is_later, true) { "\n" } else { "" };
        output::text(format_args!("{separator}{text}"))
    }
}

impl Rows for Table {
    fn row(&mut self, cells: Vec<Cell>) -> Result<bool, CliError> {
        self.block.push(cells);
        Ok(self.block.len() < BLOCK || self.print())
    }

    fn finish(&mut self) -> Result<(), CliError> {
        self.print();
        Ok(())
    }
}

/// The lines of a block with its header, each with a line break.
fn aligned(columns: &[Column], block: &[Vec<Cell>], width: usize) -> String {
    let empty = Cell::Empty;
    let is_used = |at: usize| block.iter().any(|row| row.get(at).is_some_and(|cell| *cell != Cell::Empty));
    let used: Vec<(usize, &Column)> =
        columns.iter().enumerate().filter(|(at, column)| column.in_table && is_used(*at)).collect();
    let cell = |row: &'_ [Cell], at: usize| row.get(at).unwrap_or(&empty).shown();
    let mut rows = vec![used.iter().map(|(_, column)| column.label.to_owned()).collect::<Vec<_>>()];
    rows.extend(block.iter().map(|row| used.iter().map(|(at, _)| cell(row, *at)).collect()));
    let right: Vec<bool> =
        used.iter().map(|(at, _)| block.iter().any(|row| row.get(*at).is_some_and(Cell::is_number))).collect();
    let is_text: Vec<bool> =
        used.iter().map(|(at, _)| block.iter().any(|row| matches!(row.get(*at), Some(Cell::Text(_))))).collect();
    let mut widths: Vec<usize> = (0..used.len())
        .map(|n| rows.iter().filter_map(|row| row.get(n)).map(|text| text.width()).max().unwrap_or(0))
        .collect();
    shrink(&mut widths, &is_text, width.saturating_sub(2));
    let mut text = String::new();
    for row in rows {
        let mut line = String::from("  ");
        for ((value, width), right) in row.iter().zip(&widths).zip(&right) {
            if line.len() > 2 {
                line.push_str(&" ".repeat(GAP));
            }
            let value = cut(value, *width);
            let space = " ".repeat(width.saturating_sub(value.width()));
            line.push_str(&if *right { format!("{space}{value}") } else { format!("{value}{space}") });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Takes from the widest columns of text until all of them fit.
fn shrink(widths: &mut [usize], is_text: &[bool], width: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let widest = widths
            .iter_mut()
            .zip(is_text)
            .filter(|(width, is_text)| **is_text && **width > LEAST)
            .max_by_key(|(width, _)| **width);
        let Some((widest, _)) = widest else { return };
        *widest -= 1;
    }
}

/// The text, or its beginning with an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 0);
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used >= width {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::new("user_id", "user id"),
        Column::new("name", "name"),
        Column::detail("serial", "serial"),
        Column::new("punches", "punches"),
    ];

    fn row(id: &str, name: &str, punches: i64) -> Vec<Cell> {
        vec![Cell::text(id), Cell::text(name), Cell::text("OID7"), Cell::Number(punches)]
    }

    #[test]
    fn names_of_any_script_line_up() {
        let rows = [row("1", "Ahmed", 2), row("22", "王小明", 13), row("3", "އަޙްމަދު", 4), row("4", "أَحْمَد", 5)];
        let text = aligned(&COLUMNS, &rows, 80);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "  user id  name    punches");
        assert_eq!(lines[1], "  1        Ahmed         2");
        assert_eq!(lines[2], "  22       王小明       13");
        assert!(lines.iter().all(|line| line.width() == lines[0].width()), "{text}");
    }

    #[test]
    fn a_line_is_no_wider_than_the_screen_and_says_what_was_cut() {
        let text = aligned(&COLUMNS, &[row("1", &"世".repeat(60), 2), row("2", &"n".repeat(128), 3)], 80);
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        assert_eq!(text.matches('…').count(), 2, "{text}");
    }

    #[test]
    fn a_column_without_values_is_left_out() {
        assert!(!aligned(&COLUMNS, &[row("1", "", 2)], 80).contains("name"));
    }
}
