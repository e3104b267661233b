//! Charts as SVG within the page: bars that a reader can also read as numbers.

use std::fmt::Write as _;

use super::html::text;

/// A bar: its label, and its parts from the bottom up, each with its class.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) parts: Vec<(&'static str, u64)>,
}

/// The size of a chart, in its own units.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 170.0;
/// The room for numbers on the left and labels below.
const LEFT: f64 = 34.0;
const BELOW: f64 = 20.0;
const ABOVE: f64 = 14.0;

/// Draws upright bars. `title` is read out to those who do not see them.
pub(super) fn bars(title: &str, bars: &[Bar]) -> String {
    let highest = bars.iter().map(Bar::sum).max().unwrap_or(0).max(1);
    let top = rounded_up(highest);
    let (width, height) = (WIDTH - LEFT, HEIGHT - BELOW - ABOVE);
    let step = width / bars.len().max(1) as f64;
    let thick = (step * 0.72).min(48.0);
    let at = |value: u64| ABOVE + height - height * value as f64 / top as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>\n",
        text(title)
    );
    for value in [0, top / 2, top] {
        let y = at(value);
        // Writing to a String cannot fail.
        let _ = writeln!(svg, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let (x, y) = (LEFT - 6.0, y + 4.0);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{value}</text>");
    }
    for (n, bar) in bars.iter().enumerate() {
        let middle = LEFT + step * (n as f64 + 0.5);
        let mut below = 0;
        let _ = write!(svg, "<g><title>{}</title>", text(&bar.told()));
        for (class, value) in bar.parts.iter().filter(|(_, value)| *value > 0) {
            let (x, y) = (middle - thick / 2.0, at(below + value));
            let tall = at(below) - y;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{thick:.1}\" height=\"{tall:.1}\"/>"
            );
            below += value;
        }
        if below > 0 && step >= 22.0 {
            let y = at(below) - 3.0;
            let _ = write!(
                svg,
                "<text class=\"value\" x=\"{middle:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{below}</text>"
            );
        }
        let y = HEIGHT - 6.0;
        let _ =
            writeln!(svg, "<text x=\"{middle:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text></g>", text(&bar.label));
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws lying bars with their labels on the left and their values, in words, on the right.
pub(super) fn rows(title: &str, rows: &[(String, f64, String)]) -> String {
    const ROW: f64 = 24.0;
    const LABEL: f64 = 150.0;
    const VALUE: f64 = 70.0;
    let longest = rows.iter().map(|(_, value, _)| *value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let height = ROW * rows.len().max(1) as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>\n",
        text(title)
    );
    for (n, (label, value, told)) in rows.iter().enumerate() {
        let (y, middle) = (ROW * n as f64 + 4.0, ROW * n as f64 + 16.0);
        let long = (WIDTH - LABEL - VALUE) * value / longest;
        let label: String = label.chars().take(24).collect();
        let (label_at, value_at) = (LABEL - 8.0, LABEL + long + 6.0);
        let _ = writeln!(
            svg,
            "<text class=\"value\" x=\"{label_at}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\
             <rect class=\"bar\" x=\"{LABEL}\" y=\"{y}\" width=\"{long:.1}\" height=\"16\"/>\
             <text x=\"{value_at:.1}\" y=\"{middle}\">{}</text>",
            text(&label),
            text(told)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

impl Bar {
    fn sum(&self) -> u64 {
        self.parts.iter().map(|(_, value)| value).sum()
    }

    /// The bar in words, for a pointer that rests on it.
    fn told(&self) -> String {
        let word = |class: &str| match class {
            "good" => "on time",
            "late" => "late",
            "away" => "absent",
            _ => "punches",
        };
        let parts: Vec<String> = self
            .parts
            .iter()
            .filter(|(_, value)| *value > 0)
            .map(|(class, value)| format!("{value} {}", word(class)))
            .collect();
        format!("{}: {}", self.label, if parts.is_empty() { "none".to_owned() } else { parts.join(", ") })
    }
}

/// The next even number that is round: 2, 4, 6, 8, 10, 20, 40.
fn rounded_up(number: u64) -> u64 {
    let mut unit = 1;
    while number > 10 * unit {
        unit *= 10;
    }
    let step = 2 * unit;
    number.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_that_has_a_half() {
        assert_eq!([1, 2, 3, 9, 11, 99, 101, 512].map(rounded_up), [2, 2, 4, 10, 20, 100, 200, 600]);
    }

    #[test]
    fn the_parts_of_a_bar_stand_on_each_other_and_on_the_axis() {
        let bar = Bar { label: "1".to_owned(), parts: vec![("good", 3), ("late", 0), ("away", 1)] };
        let svg = bars("people", &[bar]);
        // The axis goes from 0 to 4 over 136 units.
        assert!(svg.contains("y=\"48.0\" width=\"48.0\" height=\"102.0\""), "{svg}");
        assert!(svg.contains("y=\"14.0\" width=\"48.0\" height=\"34.0\""), "{svg}");
        assert!(svg.contains("<title>1: 3 on time, 1 absent</title>"), "{svg}");
    }
}
