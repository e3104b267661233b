//! The widths of a table's columns. No word is broken as long as the screen has room for it.

use console::measure_text_width;

/// Columns with something to copy. They give way last.
const COPIED: [&str; 2] = ["Address", "serial number"];

/// A longer word, such as a path, is broken before other columns are folded.
const LONG: usize = 24;

/// The columns become no narrower.
const LEAST: usize = 4;

/// Returns the widths of the columns, without the room between them, if the table is too wide for `room` columns of the
/// screen. `None` also for a screen that is too narrow for any table.
pub(super) fn widths(header: &[&str], rows: &[Vec<String>], room: usize) -> Option<Vec<usize>> {
    let cells =
        |n: usize| header.get(n).copied().into_iter().chain(rows.iter().filter_map(move |row| Some(&**row.get(n)?)));
    let whole: Vec<usize> = (0..header.len()).map(|n| widest(cells(n).flat_map(str::lines))).collect();
    if whole.iter().sum::<usize>() <= room {
        return None;
    }
    let words = (0..header.len()).map(|n| widest(cells(n).flat_map(str::split_whitespace)));
    let least = |(words, name): (usize, &&str)| if COPIED.contains(name) { words } else { words.min(LONG) };
    let mut widths: Vec<usize> = words.zip(header).map(least).collect();
    while widths.iter().sum::<usize>() > room {
        let (copied, others): (Vec<_>, Vec<_>) = widths
            .iter_mut()
            .zip(header)
            .filter(|(width, _)| **width > LEAST)
            .partition(|(_, name)| COPIED.contains(name));
        // Nothing can give way any more.
        let giving = widest_of(others).or_else(|| widest_of(copied))?;
        *giving -= 1;
    }
    let mut left = room - widths.iter().sum::<usize>();
    while left > 0 {
        let wanting = widths.iter_mut().zip(&whole).filter(|(width, whole)| **width < **whole);
        // The table is wider than the room, so that one always wants more.
        let Some(width) = wanting.map(|(width, _)| width).min() else { break };
        *width += 1;
        left -= 1;
    }
    Some(widths)
}

fn widest_of<'a>(columns: Vec<(&'a mut usize, &&str)>) -> Option<&'a mut usize> {
    columns.into_iter().map(|(width, _)| width).max()
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(measure_text_width).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
        cells.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_table_that_fits_is_left_as_it_is() {
        assert_eq!(widths(&["a", "b"], &[row(["front gate", "x"])], 11), None);
    }

    #[test]
    fn text_is_folded_before_a_word_is_broken() {
        let rows = [row(["2026-03-02 08:00:00", "the quick brown fox jumps over it"])];
        assert_eq!(widths(&["time", "what"], &rows, 40).unwrap(), [19, 21]);
        assert_eq!(widths(&["time", "what"], &rows, 15).unwrap(), [10, 5]);
    }

    #[test]
    fn a_path_is_broken_before_other_columns_are_folded() {
        let rows = [row(["sqlite", "not configured", "sqlite:/srv/school/attendance.db#attendance_events"])];
        assert_eq!(widths(&["sink", "state", "target"], &rows, 60).unwrap(), [6, 14, 40]);
    }

    #[test]
    fn what_is_copied_stays_whole_while_other_words_are_broken() {
        let rows = [row(["192.0.2.10:4370", "OIN7030057123100001", "SpeedFace-V5L[TI]", "a-very-long-name"])];
        let header = ["Address", "serial number", "model", "configured as"];
        assert_eq!(widths(&header, &rows, 50).unwrap(), [15, 19, 8, 8]);
        // Only without any room left.
        assert_eq!(widths(&header, &rows, 40).unwrap(), [15, 17, 4, 4]);
        assert_eq!(widths(&header, &rows, 15), None);
    }
}
