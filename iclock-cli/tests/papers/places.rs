//! The tests and the files that the papers for developers name exist.

use super::markdown::{code, prose};
use super::{read, root};

const PAPERS: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/design.md"];

/// A name that only tests have: a sentence in snake case.
fn is_test(span: &str) -> bool {
    span.matches('_').count() > 2 && span.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
}

/// Returns true if a file has a test of this name: one with the attribute, one in the list of a macro, or a generic one
/// of the conformance suite.
fn is_run(text: &str, test: &str) -> bool {
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let before = at.checked_sub(1).and_then(|at| lines.get(at)).copied().unwrap_or_default();
        let is_marked = before.contains("test]") || before.starts_with("#[tokio::test");
        *line == test || line.contains(&format!("fn {test}<")) || is_marked && line.contains(&format!("fn {test}("))
    })
}

#[test]
fn every_test_that_keeps_a_promise_is_in_its_file() {
    let mut count = 0;
    for paper in PAPERS {
        for row in read(paper).lines().filter(|line| line.starts_with('|')) {
            let spans = code(row);
            for test in spans.iter().filter(|span| is_test(span)) {
                let file = spans.iter().find(|span| span.ends_with(".rs")).unwrap_or_else(|| panic!("no file: {row}"));
                let text = read(file);
                let is_there = is_run(&text, test);
                assert!(is_there, "{paper}: {file} has no test {test}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "only {count} tests were found");
}

#[test]
fn every_file_that_is_named_exists() {
    for paper in PAPERS {
        let text = prose(&read(paper));
        let is_path = |span: &&str| span.contains('/') && !span.contains(['*', ' ', '$']) && !span.contains("x.rs");
        for path in code(&text).into_iter().filter(is_path) {
            // A path begins at the root, or in a crate if all crates of its kind have it.
            let is_there = ["", "sink-file"].iter().any(|dir| root().join(dir).join(path).exists());
            assert!(is_there, "{paper}: {path} is not there");
        }
    }
}
