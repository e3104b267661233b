//! `doctor sink --find-garbage`: finds what misread logs left in a Firestore collection, and deletes it on request.

use attendance_model::SinkError;
use clap::Args;
use iclock_sync::chain;
use serde_json::json;
use sink_firestore::FirestoreOptions;
use sink_firestore::garbage::{Deletion, Find, GarbageFinder, Report, Scope};

use crate::config::SinkConfig;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::{Targets, is_url};
use crate::output::human::table;
use crate::output::{self, counted, grouped};
use crate::sinks;

#[derive(Debug, Args)]
pub(super) struct FindGarbage {
    /// Report what misread logs left in Firestore: an empty staffId, or a time more
    /// than a day after the upload. Each document costs a read
    #[arg(long)]
    find_garbage: bool,
    /// Delete what is found, unless it changes meanwhile
    #[arg(long, requires = "find_garbage")]
    apply: bool,
    /// Look for empty staffIds alone: a read for each find, not for each document
    #[arg(long, requires = "find_garbage")]
    empty_staff_id: bool,
}

impl FindGarbage {
    /// Returns true if the documents are to be looked through, instead of a check of the sink.
    pub(super) fn is_wanted(&self) -> bool {
        self.find_garbage
    }

    /// Looks through the collection of a sink; `sink` names it if several are Firestore.
    pub(super) fn run(&self, context: &Context, sink: Option<&String>, json: bool) -> Outcome {
        let finder = GarbageFinder::open(options(context, sink)?);
        context.wait_for(find_garbage(&finder, self, json, context.is_quiet()))?.map_err(failed)
    }
}

/// Deletions by their result.
#[derive(Default)]
struct Deleted {
    deleted: u64,
    changed: u64,
}

async fn find_garbage(
    finder: &GarbageFinder,
    args: &FindGarbage,
    json: bool,
    quiet: bool,
) -> Result<ExitCode, SinkError> {
    let scope = if args.empty_staff_id { Scope::EmptyStaffIds } else { Scope::All };
    let cost = finder.cost(scope).await?;
    if !quiet {
        let documents = counted(cost.documents, "document", "documents");
        eprintln!("{}: {documents} ({} billed)", finder.target(), counted(cost.documents, "read", "reads"));
    }
    let (mut search, mut deleted) = (finder.search(scope), Deleted::default());
    while let Some(finds) = search.next_page().await? {
        let fates = if args.apply { finder.delete(&finds).await? } else { Vec::new() };
        deleted.deleted += fates.iter().filter(|fate| **fate == Deletion::Deleted).count() as u64;
        deleted.changed += fates.iter().filter(|fate| **fate == Deletion::Changed).count() as u64;
        if json {
            for (n, find) in finds.iter().enumerate() {
                output::line(as_json(find, fates.get(n).copied()));
            }
        }
    }
    let report = search.report();
    if !json {
        output::line(human(report, args.apply.then_some(&deleted)));
    }
    let left = if args.apply { deleted.changed } else { report.total() };
    Ok(if left == 0 { ExitCode::Done } else { ExitCode::Found })
}

/// The options of the named sink, or of the only Firestore sink.
fn options(context: &Context, named: Option<&String>) -> Result<FirestoreOptions, CliError> {
    let config = context.config(&Targets::of_sink(named))?;
    let is_named = |sink: &&SinkConfig| named.is_none_or(|name| is_url(name) || *name == sink.name);
    let of_firestore = |sink: &&SinkConfig| sink.url.text.starts_with("firestore:");
    let found: Vec<&SinkConfig> = config.sinks.iter().filter(is_named).filter(of_firestore).collect();
    let (problem, hint) = match found.as_slice() {
        [sink] => return Ok(sinks::firestore_options(sink)?),
        [] => (
            "no Firestore sink is configured by that name",
            "give --sink firestore://PROJECT/COLLECTION, or the name of one in iclock.toml",
        ),
        _ => ("several Firestore sinks are configured", "name one with --sink"),
    };
    Err(CliError::new(ExitCode::Configuration, problem).hint(hint))
}

fn failed(error: SinkError) -> CliError {
    let told = CliError::new(ExitCode::Sink, chain(&error));
    match error.hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

fn as_json(find: &Find, fate: Option<Deletion>) -> serde_json::Value {
    let moment = |moment: Option<chrono::DateTime<chrono::Utc>>| moment.map(|moment| moment.to_rfc3339());
    json!({
        "id": find.id(),
        "reason": find.reason().as_str(),
        "staffId": find.staff_id(),
        "timestamp": moment(find.timestamp()),
        "status": find.status(),
        "workCode": find.work_code(),
        "uploadedAt": moment(find.uploaded_at()),
        "deleted": fate.map(|fate| fate == Deletion::Deleted),
    })
}

fn human(report: &Report, deleted: Option<&Deleted>) -> String {
    let mut parts = Vec::new();
    for (reason, finds) in &report.examples {
        let count = report.finds.get(reason).copied().unwrap_or_default();
        let rows = finds.iter().map(|find| {
            let moment = |moment: Option<chrono::DateTime<chrono::Utc>>| {
                moment.map(|moment| moment.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
            };
            vec![find.id().to_owned(), moment(find.timestamp()), moment(find.uploaded_at())]
        });
        let heading = format!("{reason}: {} documents", grouped(count));
        parts.push(format!("{heading}\n{}", table(&["Document", "timestamp", "uploadedAt"], rows)));
    }
    if report.odd > 0 {
        let odd = format!("{} documents are of another shape, such as", grouped(report.odd));
        parts.push(format!("{odd} {}: they are left alone.", report.odd_examples.join(", ")));
    }
    let (all, found) = (grouped(report.documents), grouped(report.total()));
    parts.push(match deleted {
        _ if report.total() == 0 => format!("Nothing found in {all} documents."),
        None => format!(
            "{found} of {all} documents look misread. A terminal with a fast clock also\n\
             leaves late ones, so check them first (--json lists each), then delete them\n\
             with --apply."
        ),
        Some(Deleted { deleted, changed }) => format!(
            "{found} of {all} documents found: {} deleted, {} changed meanwhile and left alone.",
            grouped(*deleted),
            grouped(*changed)
        ),
    });
    parts.join("\n\n")
}
