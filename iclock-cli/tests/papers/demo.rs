//! The report of `demo` that the papers show is the one that it prints. To write it again after a change:
//!
//! ```sh
//! UPDATE_DEMO=1 cargo test -p iclock-cli --test papers demo
//! ```

use std::fmt::Write as _;
use std::fs;

use super::common::World;
use super::{read, root};

const PICTURE: &str = "docs/demo.svg";
const PAPER: &str = "docs/report.md";
/// The frame of the report in the paper.
const MARKS: [&str; 2] = ["papers/demo.rs -->\n```text\n", "```\n<!-- end of demo -->"];

const LINE: usize = 19;
const MARGIN: usize = 24;
/// The width of 80 characters and of both margins.
const WIDTH: usize = 720;
/// The place of the first line of the report.
const TOP: usize = 68;

const STYLE: &str = "
    .back { fill: #ffffff; stroke: #d0d7de; }
    text { font: 13.6px ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; fill: #1f2328; }
    .prompt { fill: #0969da; }
    .head { font-weight: bold; }
    .good { fill: #1a7f37; }
    .note { fill: #9a6700; }
    @media (prefers-color-scheme: dark) {
      .back { fill: #0d1117; stroke: #30363d; }
      text { fill: #e6edf3; }
      .prompt { fill: #58a6ff; }
      .good { fill: #3fb950; }
      .note { fill: #d29922; }
    }
";

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The look of a line: headings, the sum, and what needs attention stand out.
fn class(line: &str) -> &'static str {
    let is_heading = |line: &str| line.starts_with(char::is_alphabetic) && !line.contains(' ');
    match line.trim_start() {
        text if text.starts_with("Terminal ") || text.starts_with("Sink ") => " class=\"head\"",
        text if text.starts_with("Done in") => " class=\"good\"",
        text if text.contains(" refused") => " class=\"note\"",
        _ if is_heading(line) => " class=\"head\"",
        _ => "",
    }
}

/// The report as a picture of a terminal window.
fn picture(report: &str) -> String {
    let height = TOP + report.lines().count() * LINE + MARGIN / 2;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"The output of iclock-cli demo\">\n  \
         <style>{STYLE}  </style>\n  \
         <rect class=\"back\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n  \
         <text x=\"{MARGIN}\" y=\"36\" xml:space=\"preserve\"><tspan class=\"prompt\">$</tspan> \
         iclock-cli demo</text>\n",
        WIDTH - 1,
        height - 1
    );
    for (n, line) in report.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (y, class, line) = (TOP + n * LINE, class(line), escaped(line));
        writeln!(svg, "  <text x=\"{MARGIN}\" y=\"{y}\" xml:space=\"preserve\"{class}>{line}</text>").unwrap();
    }
    svg + "</svg>\n"
}

/// The words of a text, without the times that differ from run to run.
fn words(text: &str) -> Vec<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let is_unit = |word: &str| matches!(word.split([':', ',', '<']).next(), Some("ms" | "s"));
    let timeless = words.iter().enumerate().filter(|(n, word)| {
        let next = words.get(n + 1).copied().unwrap_or_default();
        let previous = n.checked_sub(1).and_then(|n| words.get(n)).copied().unwrap_or_default();
        !(is_number(word) && is_unit(next) || is_unit(word) && is_number(previous))
    });
    timeless.map(|(_, word)| *word).collect()
}

/// The report of a first run: what comes before "Try next".
fn report() -> String {
    let output = World::new().cli(&["demo"]).ended(0).stdout;
    let (report, _) = output.split_once("\nTry next:").unwrap();
    report.to_owned()
}

#[test]
fn the_papers_show_the_report_that_the_demo_prints() {
    let report = report();
    let paper = read(PAPER);
    let (before, rest) = paper.split_once(MARKS[0]).unwrap();
    let (shown, after) = rest.split_once(MARKS[1]).unwrap();
    let drawn = fs::read_to_string(root().join(PICTURE)).unwrap_or_default();
    if std::env::var_os("UPDATE_DEMO").is_some() {
        fs::write(root().join(PICTURE), picture(&report)).unwrap();
        fs::write(root().join(PAPER), [before, MARKS[0], &report, MARKS[1], after].concat()).unwrap();
    } else {
        let how =
            "the demo prints another report; to update: UPDATE_DEMO=1 cargo test -p iclock-cli --test papers demo";
        assert_eq!(words(shown), words(&report), "{PAPER}: {how}");
        assert_eq!(words(&drawn), words(&picture(&report)), "{PICTURE}: {how}");
    }
}
