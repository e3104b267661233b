//! The result of a search.

use std::collections::BTreeMap;

use super::find::{Find, Judgement, Reason, id_of};

/// Examples kept of each sort.
const EXAMPLES: usize = 10;

/// The counts of a search, and the first of each sort. Its size does not depend on the collection's.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Documents looked at.
    pub documents: u64,
    /// Finds by reason.
    pub finds: BTreeMap<Reason, u64>,
    /// Up to ten finds of each reason.
    pub examples: BTreeMap<Reason, Vec<Find>>,
    /// Documents that are not of the Python tool's shape. They are never finds.
    pub odd: u64,
    /// The ids of up to ten of those.
    pub odd_examples: Vec<String>,
}

impl Report {
    /// Finds of every reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.finds.values().sum()
    }

    /// Counts a document of this name.
    pub(super) fn note(&mut self, name: &str, judgement: &Judgement) {
        self.documents += 1;
        match judgement {
            Judgement::Sound | Judgement::Ours => {}
            Judgement::Odd => {
                self.odd += 1;
                if self.odd_examples.len() < EXAMPLES {
                    self.odd_examples.push(id_of(name).to_owned());
                }
            }
            Judgement::Garbage(find) => {
                *self.finds.entry(find.reason()).or_default() += 1;
                let examples = self.examples.entry(find.reason()).or_default();
                if examples.len() < EXAMPLES {
                    examples.push(find.clone());
                }
            }
        }
    }
}
