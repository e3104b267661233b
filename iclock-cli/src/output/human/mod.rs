//! Text for people, as wide as the screen: tables, folded lines, and the report of a run.

mod columns;
mod remarks;
mod report;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use super::screen;
pub(crate) use remarks::{Remarks, outcome, remarks};
pub(crate) use report::report;

/// The start of a line that is not folded, so that a command can be copied.
const VERBATIM: &str = "    ";

/// The columns between two columns of a table, half of them on each side.
const BETWEEN: usize = 2;

/// A table without lines, indented, as wide as a terminal.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(screen::width());
    table.set_header(header.to_vec());
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let room = usize::from(screen::width()).saturating_sub(BETWEEN * header.len());
    let widths = columns::widths(header, &rows, room);
    table.add_rows(rows);
    for (n, width) in widths.into_iter().flatten().enumerate() {
        if let Some(column) = table.column_mut(n) {
            let width = u16::try_from(width + BETWEEN).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
    }
    for (n, name) in header.iter().enumerate() {
        // Align counts.
        if NUMBERS.contains(name)
            && let Some(column) = table.column_mut(n)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

const NUMBERS: [&str; 21] = [
    "on device",
    "read",
    "new",
    "known",
    "stored",
    "existing",
    "merged",
    "pending",
    "held",
    "time",
    "records",
    "not read yet",
    "refused",
    "missing here",
    "delivered",
    "imported",
    "set aside",
    "not from here",
    "missing there",
    "expected",
    "missing",
];

/// Lines that are indented and folded, except for commands, which are to be copied.
pub(crate) fn indented(lines: &[String]) -> String {
    let shown = |line: &String| match line {
        line if line.starts_with("iclock-cli ") => format!("{VERBATIM}{line}"),
        line if line.starts_with(VERBATIM) => line.clone(),
        line => wrap(line),
    };
    lines.iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// A line indented by two columns, its continuations by four.
pub(crate) fn wrap(line: &str) -> String {
    wrap_from(line, 2)
}

/// A line that begins in this column, its continuations two columns further.
pub(crate) fn wrap_from(line: &str, column: u16) -> String {
    format!("{}{}", " ".repeat(column.into()), folded(line, column + 2))
}

/// Folds a text; all lines but the first are indented by this number of columns.
pub(crate) fn folded(text: &str, indent: u16) -> String {
    folded_within(text, indent, screen::width())
}

/// The same for so many columns.
pub(crate) fn folded_within(text: &str, indent: u16, width: u16) -> String {
    let mut table = Table::new();
    // The table leaves a column free on each side.
    table
        .load_preset(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width((width + 1).saturating_sub(indent));
    table.add_row([text]);
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join(&format!("\n{}", " ".repeat(indent.into())))
}
