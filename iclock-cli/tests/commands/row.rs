//! What a row of the table says about a command.

use serde_json::Value;

/// What `--json` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// There is no such flag.
    None,
    /// One value, on however many lines.
    One,
    /// A value for each terminal, finding or punch, on a line of its own.
    Lines,
}

impl Json {
    /// Asserts that a text is that. Returns the first value.
    pub(crate) fn first(self, text: &str) -> Value {
        let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"));
        if self == Self::One {
            return parsed(text);
        }
        let mut values: Vec<Value> = text.lines().map(parsed).collect();
        assert!(!values.is_empty(), "no JSON");
        values.swap_remove(0)
    }
}

/// One command.
pub(crate) struct Row {
    /// Its names, as `--help` lists them.
    pub(crate) name: &'static str,
    /// Its arguments. {gate} stands for the terminal as a flag names a new one, {port} for its port.
    pub(crate) with: &'static str,
    /// The commands that come before it.
    pub(crate) before: &'static [&'static str],
    /// The exit code.
    pub(crate) code: i32,
    /// Parts of stdout. Of a command that goes on, Ctrl-C waits for the first one.
    pub(crate) says: &'static [&'static str],
    /// All of stderr, with ADDR instead of addresses.
    pub(crate) stderr: &'static str,
    pub(crate) json: Json,
    /// Names in the first value of the JSON.
    pub(crate) keys: &'static [&'static str],
    /// The request, and how many of its kind come before: `8@1` is the second USER_WRQ.
    pub(crate) at: &'static str,
    /// The faults of a terminal that refuses, separated by blanks; none: that request is refused.
    pub(crate) refusal: &'static str,
    /// The end at such a terminal, and parts of what it says.
    pub(crate) refused: (i32, &'static [&'static str]),
    /// The end when the terminal dies at that request, and parts of what it says.
    pub(crate) died: (i32, &'static [&'static str]),
    /// It goes on until somebody ends it.
    pub(crate) goes_on: bool,
    /// Parts of what it says after Ctrl-C.
    pub(crate) interrupted: &'static [&'static str],
}

impl Row {
    /// The command line, without the program.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.name, self.with)
    }
}

pub(crate) const ROW: Row = Row {
    name: "",
    with: "",
    before: &[],
    code: 0,
    says: &[],
    stderr: "",
    json: Json::Lines,
    keys: &["name", "address", "error", "try"],
    at: "",
    refusal: "",
    refused: (20, &["error: gate: ", "try: "]),
    died: (20, &["error: gate: ", "try: "]),
    goes_on: false,
    interrupted: &["error: gate: interrupted"],
};
