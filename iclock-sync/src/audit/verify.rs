//! Finds lines of the audit that were changed, removed or moved.

use std::fmt;
use std::io;

use crate::Ledger;
use crate::trail::line::{self, Line};
use crate::trail::{HEAD, Head};

/// The result of a check of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Files that were read.
    pub files: u64,
    /// Lines that were read.
    pub lines: u64,
    /// The problems, in the order of the files; none if the audit is as it was written.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file's name.
    pub file: String,
    /// The line in that file, from 1.
    pub line: u64,
    /// The problem.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.problem)
    }
}

/// The line before the one that is being checked.
struct Before {
    file: String,
    line: u64,
    n: u64,
    hash: String,
}

/// Checks every line of the audit next to a ledger. It works while a service runs.
///
/// # Errors
/// When a file or the ledger cannot be read.
pub fn verify(ledger: &Ledger) -> io::Result<Verdict> {
    // First, because the files grow before the ledger does.
    let head = ledger.setting(HEAD).map_err(io::Error::other)?.and_then(|text| Head::parse(&text));
    let mut verdict = Verdict::default();
    let mut before: Option<Before> = None;
    for (_, path) in line::files(ledger.dir())? {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        verdict.files += 1;
        let mut number = 0;
        line::each_line(&path, |bytes, whole| {
            number += 1;
            verdict.lines += 1;
            let mut problem = |file: &str, line, problem: String| {
                verdict.problems.push(Problem { file: file.to_owned(), line, problem });
            };
            let hash = line::hash(bytes);
            let expected = before.as_ref().map_or(0, |before| before.n + 1);
            let n = match serde_json::from_slice::<Line>(bytes) {
                _ if !whole => {
                    problem(
                        &file,
                        number,
                        "it is cut off; a service that writes it now may still complete it".to_owned(),
                    );
                    expected
                }
                Err(_) => {
                    problem(&file, number, "it was changed: it is no line of an audit".to_owned());
                    expected
                }
                Ok(line) => {
                    if line.n > expected {
                        problem(&file, number, format!("before it, lines {expected} to {} are missing", line.n - 1));
                    } else if line.n < expected {
                        problem(&file, number, format!("line {} is not in its place", line.n));
                    } else if let Some(before) = before.as_ref().filter(|before| before.hash != line.prev) {
                        problem(
                            &before.file,
                            before.line,
                            "it was changed: its hash is not the one that follows".to_owned(),
                        );
                    } else if before.is_none() && line.prev != line::NONE {
                        problem(&file, number, "it was changed: nothing is before it".to_owned());
                    }
                    if let Some(damage) = line.damage {
                        problem(&file, number, format!("damage was found when it was written: {damage}"));
                    }
                    line.n
                }
            };
            if let Some(head) = head.as_ref().filter(|head| head.n == n && head.hash != hash) {
                problem(&file, number, format!("it was changed: the ledger knows it with the hash {}", head.hash));
            }
            before = Some(Before { file: file.clone(), line: number, n, hash });
            Ok(())
        })?;
    }
    if let Some(head) = head.filter(|head| before.as_ref().is_none_or(|before| before.n < head.n)) {
        let (file, line, n) = before.map_or((String::new(), 0, 0), |before| (before.file, before.line, before.n + 1));
        let problem = format!("after it, lines {n} to {} are missing", head.n);
        verdict.problems.push(Problem { file, line, problem });
    }
    Ok(verdict)
}
