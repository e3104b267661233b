//! The search.

use attendance_model::SinkError;

use super::delete::{self, Deletion};
use super::find::{Find, Judgement, judge};
use super::query::{self, Scope};
use super::report::Report;
use crate::FirestoreOptions;
use crate::connection::Connection;
use crate::retry::persist;

/// Documents in a page.
const PAGE: u16 = 1000;

/// Looks for garbage in the collection of a sink, with the sink's options.
#[derive(Debug)]
pub struct GarbageFinder {
    connection: Connection,
}

/// The cost of a search.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Documents that it will go through.
    pub documents: u64,
    /// Reads that it will be billed, apart from those of this estimate: one for each 1,000 documents.
    pub reads: u64,
}

/// A search on its way, in the order of the documents' names.
#[derive(Debug)]
pub struct Search<'a> {
    finder: &'a GarbageFinder,
    scope: Scope,
    /// The name of the last document looked at.
    after: Option<String>,
    ended: bool,
    report: Report,
}

impl GarbageFinder {
    /// A finder that connects at its first request.
    #[must_use]
    pub fn open(options: FirestoreOptions) -> Self {
        let FirestoreOptions { endpoint, way, credentials, timeout, treated, .. } = options;
        Self { connection: Connection::open(endpoint, way, credentials, timeout, treated) }
    }

    /// The searched collection, in the form of [`Sink::target`](attendance_model::Sink::target).
    #[must_use]
    pub fn target(&self) -> String {
        self.connection.endpoint().target()
    }

    /// Reads so far, as Firestore bills them.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.connection.reads()
    }

    /// The cost of a search.
    ///
    /// # Errors
    /// [`SinkError`] when the documents could not be counted.
    pub async fn cost(&self, scope: Scope) -> Result<Cost, SinkError> {
        let counted = persist(|| query::count(&self.connection, scope)).await;
        let documents = counted.map_err(|failure| self.connection.error(failure))?;
        // A last page that is full is followed by one that is empty, which is billed as one read.
        let reads = if documents.is_multiple_of(u64::from(PAGE)) { documents + 1 } else { documents };
        Ok(Cost { documents, reads })
    }

    /// Begins a search. Nothing is asked before the first page.
    #[must_use]
    pub fn search(&self, scope: Scope) -> Search<'_> {
        Search { finder: self, scope, after: None, ended: false, report: Report::default() }
    }

    /// Deletes finds, and says what became of each, in order. A document that changed since it was found stays.
    /// Deletions go out 500 at a time, at the pace at which the real service may be written to, and count against its
    /// quota of deletions.
    ///
    /// # Errors
    /// [`SinkError`] says nothing about single finds: any of them may have been deleted. Asked again, those are
    /// [`Deletion::Changed`].
    pub async fn delete(&self, finds: &[Find]) -> Result<Vec<Deletion>, SinkError> {
        delete::delete(&self.connection, finds).await.map_err(|failure| self.connection.error(failure))
    }
}

impl Search<'_> {
    /// Continues after the document with this id, as an earlier search would have: see [`position`](Self::position).
    #[must_use]
    pub fn after(mut self, id: &str) -> Self {
        self.after = Some(format!("{}/{id}", self.finder.connection.endpoint().documents()));
        self
    }

    /// The id of the last document looked at.
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        self.after.as_deref().map(super::find::id_of)
    }

    /// The finds of the next page, perhaps none; `None` when the search has ended.
    ///
    /// # Errors
    /// [`SinkError`] when the page could not be had. Asked again, the search goes on where it was.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Find>>, SinkError> {
        if self.ended {
            return Ok(None);
        }
        let (connection, after) = (&self.finder.connection, self.after.as_deref());
        let page = persist(|| query::page(connection, self.scope, after, PAGE)).await;
        let page = page.map_err(|failure| connection.error(failure))?;
        self.ended = page.len() < usize::from(PAGE);
        let mut finds = Vec::new();
        for document in page {
            let name = document.name.clone();
            let judgement = judge(document);
            self.report.note(&name, &judgement);
            if let Judgement::Garbage(find) = judgement {
                finds.push(find);
            }
            self.after = Some(name);
        }
        Ok(Some(finds))
    }

    /// The counts so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }
}
