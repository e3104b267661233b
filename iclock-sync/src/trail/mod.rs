//! The trail that the audit leaves: its lines, and the last one that the ledger knows. It is below both.

pub(crate) mod line;

/// The name under which the ledger keeps the last line that it knows.
pub(crate) const HEAD: &str = "audit head";

/// The last line that the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) n: u64,
    pub(crate) hash: String,
}

impl Head {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (n, hash) = text.split_once(' ')?;
        Some(Self { n: n.parse().ok()?, hash: hash.to_owned() })
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.n, self.hash)
    }
}
